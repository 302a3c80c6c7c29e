//go:build linux

package resolver

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// idle is how long a TCP connection waits for the next question.
const idle = 10 * time.Second

// respite is how long nothing is taken when the process is out of descriptors, or
// the kernel out of memory.
const respite = 10 * time.Millisecond

// buffers are shared by all servers, so that an idle one has none.
var buffers = sync.Pool{New: func() any { return new([dns.MaxMsgSize]byte) }}

// receive waits for a datagram, without a buffer, and gives it to use, whose
// packet is good until it returns. Empty ones are none.
func receive(raw syscall.RawConn, use func(packet []byte, from unix.Sockaddr)) error {
	var failure error
	err := raw.Read(func(fd uintptr) bool {
		buffer, _ := buffers.Get().(*[dns.MaxMsgSize]byte)
		defer buffers.Put(buffer)
		n, from, err := unix.Recvfrom(int(fd), buffer[:], 0)
		for err == unix.EINTR {
			n, from, err = unix.Recvfrom(int(fd), buffer[:], 0)
		}
		if err == unix.EAGAIN {
			return false
		}
		if failure = err; err == nil && n > 0 {
			use(buffer[:n], from)
		}
		return true
	})
	if err != nil {
		return err
	}
	return failure
}

// serveUDP reads datagrams until the socket is closed.
func (s *Server) serveUDP() {
	raw, err := s.udp.SyscallConn()
	if err != nil {
		return
	}
	for s.ctx.Err() == nil {
		err := receive(raw, func(packet []byte, from unix.Sockaddr) {
			if client, ok := from.(*unix.SockaddrInet4); ok {
				s.datagram(packet, netip.AddrPortFrom(netip.AddrFrom4(client.Addr), uint16(client.Port)))
			}
		})
		if err != nil {
			s.rest()
		}
	}
}

// datagram answers one question, at once if nobody else has to be asked.
func (s *Server) datagram(packet []byte, client netip.AddrPort) {
	v := s.view.Load()
	q, r := v.handle(packet)
	if q == nil {
		return
	}
	size := sizeFor(q)
	if r == nil {
		select {
		case s.busy <- struct{}{}:
			packet = append([]byte(nil), packet...)
			s.wg.Go(func() {
				out := s.forward(v.upstreams, q, packet, size, false)
				<-s.busy
				s.send(out, client)
			})
			return
		default:
			r = failed(q, dns.RcodeRefused)
		}
	}
	s.send(pack(r, size), client)
}

// send answers by datagram. The client may have gone.
func (s *Server) send(packet []byte, client netip.AddrPort) {
	if packet != nil {
		_, _ = s.udp.WriteToUDPAddrPort(packet, client)
	}
}

// serveTCP accepts connections until the socket is closed.
func (s *Server) serveTCP() {
	for s.ctx.Err() == nil {
		c, err := s.tcp.Accept()
		if err != nil {
			s.rest()
			continue
		}
		if !s.enter(c) {
			c.Close()
			continue
		}
		s.wg.Go(func() {
			s.connection(c)
			c.Close()
			s.leave(c)
		})
	}
}

// rest waits after an error that will pass.
func (s *Server) rest() {
	select {
	case <-s.ctx.Done():
	case <-time.After(respite):
	}
}

// enter counts a connection in. There may be too many.
func (s *Server) enter(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= connections {
		return false
	}
	if s.conns == nil {
		s.conns = make(map[net.Conn]struct{})
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) leave(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.conns, c); len(s.conns) == 0 {
		s.conns = nil
	}
}

// connection answers one question after another (RFC 7766).
func (s *Server) connection(c net.Conn) {
	for s.ctx.Err() == nil {
		if c.SetDeadline(time.Now().Add(idle)) != nil {
			return
		}
		packet, err := readMessage(c)
		if err != nil {
			return
		}
		v := s.view.Load()
		q, r := v.handle(packet)
		if q == nil {
			return
		}
		var out []byte
		if r != nil {
			out = pack(r, dns.MaxMsgSize)
		} else {
			out = s.forward(v.upstreams, q, packet, dns.MaxMsgSize, true)
		}
		if out == nil || c.SetDeadline(time.Now().Add(idle)) != nil || writeMessage(c, out) != nil {
			return
		}
	}
}

// readMessage reads what comes behind its length in two bytes (RFC 1035).
func readMessage(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, packet)
	return packet, err
}

func writeMessage(w io.Writer, packet []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...))
	return err
}
