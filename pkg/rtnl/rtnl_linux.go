// Package rtnl sends several routing netlink requests in one system call and
// reads their answers. A Conn belongs to the network namespace of the thread
// that dialled it, whoever uses it later. Start reading at Conn.Do; message.go
// and route.go have the requests, dump.go what can be listed. It exists because the start of a container waits for these
// calls; everything that nobody waits for uses a full netlink library. It is
// domain-free and imports nothing of this module.
package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// Conn is a netlink socket.
type Conn struct {
	mu     sync.Mutex // guards what follows: one exchange at a time
	fd     int
	seq    uint32
	buf    []byte
	closed bool
}

// Dial opens a socket in the network namespace of the calling thread.
func Dial() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket: %w", err)
	}
	c := &Conn{fd: fd, buf: make([]byte, 16<<10)}
	// Answers to the requests used here are queued before sendto returns; the
	// time limit only keeps a kernel that thinks otherwise from hanging us.
	tv := unix.Timeval{Sec: 10}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	// Since Linux 4.20: a list of one table is not read out of all of them. Before,
	// what is too much is left out here.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, errors.Join(fmt.Errorf("binding a netlink socket: %w", err), c.Close())
	}
	return c, nil
}

// Close gives the socket back. A second Close does nothing.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return unix.Close(c.fd)
}

// Error says which request of a batch the kernel refused.
type Error struct {
	What string // the doing and the object: "setting link 2 up"
	Err  error
}

func (e *Error) Error() string { return e.What + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Do sends the requests in order and waits for all answers. The kernel carries
// on after a failed request; the first failure is returned.
func (c *Conn) Do(reqs ...Request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.seq + 1
	if err := c.send(reqs, unix.NLM_F_ACK); err != nil {
		return err
	}
	failed := make([]error, len(reqs))
	for left := len(reqs); left > 0; {
		err := c.receive(func(h header, body []byte) error {
			i := int(h.seq - first)
			if i < 0 || i >= len(reqs) || h.kind != unix.NLMSG_ERROR || len(body) < 4 {
				return nil // an answer to an exchange that was given up
			}
			left--
			if no := int32(binary.NativeEndian.Uint32(body)); no != 0 {
				failed[i] = &Error{What: reqs[i].what, Err: unix.Errno(-no)}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// LinkIndex finds a link by name.
func (c *Conn) LinkIndex(name string) (index int, err error) {
	err = c.ask(linkByName(name), unix.RTM_NEWLINK, func(body []byte) {
		if len(body) >= 8 {
			index = int(binary.NativeEndian.Uint32(body[4:]))
		}
	})
	return index, err
}

// RouteTo finds the unicast route of the main table that packets to an address take.
// Where there is none the error is ENETUNREACH.
func (c *Conn) RouteTo(to netip.Addr) (r Route, err error) {
	body := make([]byte, unix.SizeofRtMsg)
	body[0], body[1] = family(to), byte(to.BitLen())
	binary.NativeEndian.PutUint32(body[8:], unix.RTM_F_FIB_MATCH) // the route itself, not what it comes to
	req := Request{unix.RTM_GETROUTE, 0, attr(body, unix.RTA_DST, to.AsSlice()), "looking for the route to " + to.String()}
	found := false
	err = c.ask(req, unix.RTM_NEWROUTE, func(body []byte) { r, found = parseRoute(body) })
	if err == nil && !found {
		err = &Error{What: req.what, Err: unix.ENETUNREACH}
	}
	return r, err
}

// ask sends a request that has one answer.
func (c *Conn) ask(req Request, kind uint16, take func(body []byte)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.send([]Request{req}, 0); err != nil {
		return err
	}
	for answered := false; !answered; {
		err := c.receive(func(h header, body []byte) error {
			switch {
			case h.seq != c.seq: // an answer to an exchange that was given up
			case h.kind == unix.NLMSG_ERROR && len(body) >= 4:
				return &Error{What: req.what, Err: unix.Errno(-int32(binary.NativeEndian.Uint32(body)))}
			case h.kind == kind:
				answered = true
				take(body)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// header is the part of struct nlmsghdr that matters here.
type header struct {
	kind, flags uint16
	seq         uint32
}

func (c *Conn) send(reqs []Request, flags uint16) error {
	if c.closed {
		return errors.New("using a closed netlink socket")
	}
	out := make([]byte, 0, 512)
	for _, r := range reqs {
		c.seq++
		start := len(out)
		out = binary.NativeEndian.AppendUint32(out, uint32(unix.NLMSG_HDRLEN+len(r.body)))
		out = binary.NativeEndian.AppendUint16(out, r.kind)
		out = binary.NativeEndian.AppendUint16(out, r.flags|flags|unix.NLM_F_REQUEST)
		out = binary.NativeEndian.AppendUint32(out, c.seq)
		out = binary.NativeEndian.AppendUint32(out, 0)
		out = append(out, r.body...)
		for (len(out)-start)%unix.NLMSG_ALIGNTO != 0 {
			out = append(out, 0)
		}
	}
	err := unix.Sendto(c.fd, out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	if err != nil {
		return fmt.Errorf("sending to netlink: %w", err)
	}
	return nil
}

// receive reads one datagram and hands each message in it to each.
func (c *Conn) receive(each func(h header, body []byte) error) error {
	n, err := c.read()
	if err != nil {
		return fmt.Errorf("reading from netlink: %w", err)
	}
	for b := c.buf[:n]; len(b) >= unix.NLMSG_HDRLEN; {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			return errors.New("reading from netlink: truncated message")
		}
		h := header{binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:]), binary.NativeEndian.Uint32(b[8:])}
		if err := each(h, b[unix.NLMSG_HDRLEN:size]); err != nil {
			return err
		}
		b = b[min(len(b), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return nil
}

func (c *Conn) read() (int, error) {
	for {
		n, _, err := unix.Recvfrom(c.fd, c.buf, unix.MSG_TRUNC) // n is what was sent, more than fits perhaps
		if err == nil && n > len(c.buf) {
			return 0, fmt.Errorf("an answer of %d bytes does not fit into %d", n, len(c.buf))
		}
		if err != unix.EINTR {
			return n, err
		}
	}
}
