package userlandproxy

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	pipeSize = 512 << 10 // bytes that one direction has under way, at most
	maxPipes = 32        // that a proxy keeps for later
)

// pipe carries what is under way between two sockets without a copy (splice(2)).
// It is only held while there is something in it: connections at rest, however
// many, hold none.
type pipe struct{ read, write int }

func (q pipe) close() { _, _ = unix.Close(q.read), unix.Close(q.write) }

// pipes are empty ones, for whoever needs one next.
type pipes chan pipe

func (ps pipes) get() (pipe, error) {
	select {
	case q := <-ps:
		return q, nil
	default:
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, err
	}
	_, _ = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize) // one of another size serves, too
	return pipe{fds[0], fds[1]}, nil
}

func (ps pipes) put(q pipe) {
	select {
	case ps <- q:
	default:
		q.close()
	}
}

// drop closes all that are kept.
func (ps pipes) drop() {
	for {
		select {
		case q := <-ps:
			q.close()
		default:
			return
		}
	}
}

// direction is one half of a connection.
type direction struct {
	from, to syscall.RawConn
	pipes    pipes

	// What the two functions below leave behind; they are made once.
	in    pipe
	n     int // bytes in the pipe
	err   error
	fill  func(fd uintptr) bool
	drain func(fd uintptr) bool
}

// errNoPipe: the process has no descriptors left.
var errNoPipe = errors.New("no pipe")

func newDirection(to, from *net.TCPConn, ps pipes) (*direction, error) {
	d := &direction{pipes: ps}
	var err, err2 error
	d.from, err = from.SyscallConn()
	d.to, err2 = to.SyscallConn()
	d.fill, d.drain = d.fillOnce, d.drainOnce
	return d, errors.Join(err, err2)
}

// run carries everything until the end of from, in which case there is no
// error. What is lost is known by its side: an error of from or of to.
func (d *direction) run() (fromErr, toErr error) {
	for {
		d.n, d.err = 0, nil
		if err := errors.Join(d.from.Read(d.fill), d.err); err != nil || d.n == 0 {
			return err, nil
		}
		if err := errors.Join(d.to.Write(d.drain), d.err); err != nil {
			d.in.close() // there is something in it
			return nil, err
		}
		d.pipes.put(d.in)
	}
}

// fillOnce moves what has come into a pipe; it says no when there is nothing.
func (d *direction) fillOnce(fd uintptr) bool {
	q, err := d.pipes.get()
	if err != nil {
		d.err = errNoPipe
		return true
	}
	n, err := splice(int(fd), q.write, pipeSize)
	if n > 0 {
		d.in, d.n = q, n
		return true
	}
	d.pipes.put(q)
	if errors.Is(err, unix.EAGAIN) {
		return false
	}
	d.err = err
	return true
}

// drainOnce moves what is in the pipe on; it says no when there is no room.
func (d *direction) drainOnce(fd uintptr) bool {
	for d.n > 0 {
		n, err := splice(d.in.read, int(fd), d.n)
		if errors.Is(err, unix.EAGAIN) {
			return false
		}
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			d.err = err
			return true
		}
		d.n -= n
	}
	return true
}

func splice(from, to, size int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, size, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if !errors.Is(err, unix.EINTR) {
			return int(max(n, 0)), err
		}
	}
}

// pass carries one direction until its end, and passes the end on.
func pass(to, from *net.TCPConn, ps pipes) {
	d, err := newDirection(to, from, ps)
	if err != nil {
		to.Close()
		from.Close()
		return
	}
	fromErr, toErr := d.run()
	if errors.Is(fromErr, errNoPipe) { // the slow way, through memory
		if _, err := io.Copy(to, from); err != nil {
			to.Close()
			from.Close()
			return
		}
		fromErr = nil
	}
	switch {
	case toErr != nil:
		// Nobody takes more. What was said to us before still arrives: the
		// other direction ends by itself, for a broken connection has an end.
		_ = from.CloseRead()
	case fromErr != nil:
		_ = to.SetLinger(0) // a reset is passed on as one
		to.Close()
		from.Close()
	default:
		_ = to.CloseWrite()
		_ = from.CloseRead()
	}
}
