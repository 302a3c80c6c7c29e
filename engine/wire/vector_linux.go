package wire

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// rawConn gives the descriptor of a stream, when writev and readv work on it.
func rawConn(c syscall.Conn) syscall.RawConn {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// vector writes several pieces of memory at once. Its state is in fields so
// that a write allocates nothing; the one that writes owns it.
type vector struct {
	stream *stream
	once   func(fd uintptr) bool
	all    func(fd uintptr) bool
	pieces [3][]byte
	done   int
	err    error
}

func (v *vector) open(s *stream) {
	v.stream = s
	v.once = func(fd uintptr) bool { v.step(fd); return true }
	v.all = func(fd uintptr) bool { return v.step(fd) }
}

// step writes until all is written or the socket is full, and tells whether
// there is nothing to wait for.
func (v *vector) step(fd uintptr) bool {
	for {
		p := v.pieces[:]
		for len(p) > 0 && len(p[0]) == 0 {
			p = p[1:]
		}
		for len(p) > 1 && len(p[len(p)-1]) == 0 {
			p = p[:len(p)-1]
		}
		if len(p) == 0 {
			return true
		}
		var n int
		if len(p) == 1 {
			n, v.err = unix.Write(int(fd), p[0])
		} else {
			n, v.err = unix.Writev(int(fd), p)
		}
		switch v.err {
		case nil:
		case unix.EINTR: //nolint:errorlint // a system call gives nothing else
			continue
		case unix.EAGAIN:
			v.err = nil
			return false
		default:
			return true
		}
		if n <= 0 {
			v.err = io.ErrUnexpectedEOF
			return true
		}
		v.done += n
		v.skip(n)
	}
}

func (v *vector) skip(n int) {
	for i := range v.pieces {
		k := min(n, len(v.pieces[i]))
		v.pieces[i] = v.pieces[i][k:]
		n -= k
	}
}

// write writes first, and rest behind the header of the stream, without their
// first n bytes; wait says whether it waits for room.
func (v *vector) write(s *stream, first, rest []byte, n int, wait bool) (int, error) {
	v.pieces, v.done, v.err = [3][]byte{first}, n, nil
	if rest != nil {
		v.pieces[1], v.pieces[2] = s.header[:], rest
	}
	v.skip(n)
	f := v.once
	if wait {
		f = v.all
	}
	err := s.raw.Write(f)
	v.pieces = [3][]byte{}
	if v.err != nil {
		err = v.err
	}
	return v.done, err
}
