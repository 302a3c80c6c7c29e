package nft

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// patience bounds how long the kernel is waited for. It answers before a
	// request returns, so that only a broken one is ever waited for.
	patience = 5 * time.Second
	// roomForBatch is how many bytes a batch may have: it is sent as a whole.
	roomForBatch = 16 << 20
	// roomForAnswer is how many bytes of answers are taken at once; the kernel
	// fills no more than it is given.
	roomForAnswer = 32 << 10
	// attempts is how often a list is read that changes while it is read.
	attempts = 10
)

// socket speaks nfnetlink, in the network namespace of the thread that opened
// it, wherever it is used. It is for one user at a time.
type socket struct {
	fd     int
	seq    uint32
	answer []byte
}

func openSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, err
	}
	wait := unix.NsecToTimeval(int64(patience))
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
	)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	// Not all that may change nftables may have so much room; small batches
	// get along without.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, roomForBatch)
	return &socket{fd: fd, answer: make([]byte, roomForAnswer)}, nil
}

func (s *socket) close() error { return unix.Close(s.fd) }

// next is a number that answers are recognised by.
func (s *socket) next() uint32 {
	s.seq++
	return s.seq
}

func (s *socket) send(data []byte) error {
	return retry(func() error { return unix.Sendto(s.fd, data, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) })
}

// receive gives one datagram, good until the next call.
func (s *socket) receive(flags int) (n int, err error) {
	err = retry(func() (err error) { n, _, err = unix.Recvfrom(s.fd, s.answer, flags); return err })
	return n, err
}

func retry(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// commit sends a batch, whose last message asks for an answer, and takes all
// answers: those of messages that failed, and that of the last one.
func (s *socket) commit(batch []byte, last uint32) error {
	s.drain()
	if err := s.send(batch); err != nil {
		return err
	}
	var failed error
	done := false
	for {
		n, err := s.receive(unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil { // too many answers: they cannot all be good
			return errors.Join(failed, err)
		}
		for m := range messages(s.answer[:n]) {
			if m.kind != unix.NLMSG_ERROR {
				continue
			}
			if code := m.errno(); code != 0 && failed == nil {
				failed = code
			}
			done = done || m.seq == last
		}
	}
	if failed == nil && !done {
		return errors.New("the kernel gave no answer")
	}
	return failed
}

// drain throws away answers that nobody has waited for.
func (s *socket) drain() {
	for {
		if _, err := s.receive(unix.MSG_DONTWAIT); err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
	}
}

// list asks for objects and calls each with the attributes of every one. It
// begins anew, after a call of reset, when they change meanwhile. What each is
// given is good during the call only.
func (s *socket) list(kind uint16, family byte, fill func(*writer), reset func(), each func(attrs []byte)) error {
	for range attempts {
		reset()
		again, err := s.listOnce(kind, family, fill, each)
		if err != nil || !again {
			return err
		}
	}
	return fmt.Errorf("it changed %d times while it was read", attempts)
}

func (s *socket) listOnce(kind uint16, family byte, fill func(*writer), each func(attrs []byte)) (again bool, err error) {
	s.drain()
	var w writer
	seq := s.next()
	mark := w.begin(nftables|kind, unix.NLM_F_DUMP, seq, family, 0)
	fill(&w)
	w.end(mark)
	if err := s.send(w.buf); err != nil {
		return false, err
	}
	for {
		n, err := s.receive(0)
		if err != nil {
			return false, err
		}
		for m := range messages(s.answer[:n]) {
			if m.seq != seq {
				continue
			}
			again = again || m.flags&unix.NLM_F_DUMP_INTR != 0
			switch m.kind {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				if code := m.errno(); code != 0 {
					return again, code
				}
				return again, nil
			default:
				each(m.attrs())
			}
		}
	}
}

// one asks for one object and gives its attributes, good until the next call.
func (s *socket) one(kind uint16) ([]byte, error) {
	s.drain()
	var w writer
	seq := s.next()
	w.end(w.begin(nftables|kind, 0, seq, unix.NFPROTO_UNSPEC, 0))
	if err := s.send(w.buf); err != nil {
		return nil, err
	}
	for {
		n, err := s.receive(0)
		if err != nil {
			return nil, err
		}
		for m := range messages(s.answer[:n]) {
			switch {
			case m.seq != seq:
			case m.kind == unix.NLMSG_ERROR:
				return nil, m.errno()
			default:
				return m.attrs(), nil
			}
		}
	}
}
