package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"golang.org/x/sys/unix"
)

// linger is how long a finished connection waits for its client to hang up. A
// close with unread input would reset the connection and could take the last
// output with it.
const linger = 2 * time.Second

// probeEvery is the interval at which input that nobody takes is given up to
// see whether its sender is still there.
const probeEvery = time.Second

// duplex is a connection taken over from HTTP: raw bytes in both directions.
//
// The client may end its direction (a half-close): then input is at its end and
// output goes on. When it closes the connection, or the connection breaks, gone
// is called. One goroutine, run, reads the connection for its whole life.
type duplex struct {
	conn  net.Conn
	in    io.Reader          // what HTTP had read ahead, then conn
	gone  context.CancelFunc // ends the job
	chunk chan []byte        // run → Read; closed at the end of the input
	over  chan struct{}      // closed when nobody reads any more
	ended chan struct{}      // closed when run has returned
	rest  []byte             // of the chunk that Read has begun

	head  []byte // of the answer; begin sends it
	begun sync.Once
}

// hijack takes the connection over. The head of the answer waits for begin.
func (x *exchange) hijack(media string, gone context.CancelFunc) (*duplex, error) {
	conn, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return nil, errdefs.Internal("taking over the connection: %w", err)
	}
	x.w.begun, x.w.hijacked = true, true
	var head bytes.Buffer
	h := x.w.Header().Clone()
	h.Set("Content-Type", media)
	if x.r.Header.Get("Upgrade") != "" {
		head.WriteString("HTTP/1.1 101 UPGRADED\r\n")
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", "tcp")
	} else {
		head.WriteString("HTTP/1.1 200 OK\r\n")
	}
	if err := h.Write(&head); err != nil {
		return nil, errdefs.Internal("writing the head of the stream: %w", err)
	}
	head.WriteString("\r\n")
	d := &duplex{
		conn: conn, in: conn, gone: gone,
		chunk: make(chan []byte), over: make(chan struct{}), ended: make(chan struct{}),
		head: head.Bytes(),
	}
	if n := buffered.Reader.Buffered(); n > 0 {
		early, err := buffered.Reader.Peek(n)
		if err == nil {
			d.in = io.MultiReader(bytes.NewReader(bytes.Clone(early)), conn)
		}
	}
	go d.run()
	return d, nil
}

// begin sends the head of the answer, once: when the job says so, when it writes
// or reads, at the latest when it is over.
func (d *duplex) begin() {
	d.begun.Do(func() {
		if _, err := d.conn.Write(d.head); err != nil {
			d.gone() // the job will find out; there is nobody to tell
		}
	})
}

// takeover is a connection that is taken over when a job first writes to it, be
// it no bytes: until then the job can fail with a status.
type takeover struct {
	take func() (*duplex, error)
	conn *duplex
	err  error
	once sync.Once
}

func (t *takeover) open() (*duplex, error) {
	t.once.Do(func() { t.conn, t.err = t.take() })
	return t.conn, t.err
}

// Write sends output.
func (t *takeover) Write(p []byte) (int, error) {
	conn, err := t.open()
	if err != nil {
		return 0, err
	}
	if len(p) == 0 {
		conn.begin()
		return 0, nil
	}
	return conn.Write(p)
}

// Read gives input.
func (t *takeover) Read(p []byte) (int, error) {
	conn, err := t.open()
	if err != nil {
		return 0, err
	}
	return conn.Read(p)
}

// SetWriteDeadline wakes a Write that hangs.
func (t *takeover) SetWriteDeadline(at time.Time) error {
	conn, err := t.open()
	if err != nil {
		return err
	}
	return conn.SetWriteDeadline(at)
}

// taken gives the connection if it was taken over.
func (t *takeover) taken() *duplex {
	t.once.Do(func() { t.err = net.ErrClosed })
	return t.conn
}

// opener begins the answer at the first write, be it of no bytes.
type opener func()

// Write takes everything.
func (begin opener) Write(p []byte) (int, error) {
	begin()
	return len(p), nil
}

// Read gives the job the client's input.
func (d *duplex) Read(p []byte) (int, error) {
	d.begin()
	if len(d.rest) == 0 {
		select {
		case b, ok := <-d.chunk:
			if !ok {
				return 0, io.EOF
			}
			d.rest = b
		case <-d.over:
			return 0, io.EOF
		}
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// Write sends output to the client. A client that cannot be written to is gone.
func (d *duplex) Write(p []byte) (int, error) {
	d.begin()
	n, err := d.conn.Write(p)
	if err != nil {
		d.gone()
	}
	return n, err
}

// SetWriteDeadline wakes a Write that hangs.
func (d *duplex) SetWriteDeadline(t time.Time) error { return d.conn.SetWriteDeadline(t) }

// run reads until the client ends its direction, then watches for it to hang up.
// Two buffers suffice: Read asks for the next chunk only when the last is used.
func (d *duplex) run() {
	defer close(d.ended)
	var pair [2][4096]byte
	for turn := 0; ; turn ^= 1 {
		n, err := d.in.Read(pair[turn][:])
		if n > 0 && !d.pass(pair[turn][:n]) {
			_, err = io.Copy(io.Discard, d.in)
			_ = err // the job is over; only the end matters
			return
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			d.gone()
			close(d.chunk)
			return
		}
	}
	close(d.chunk)
	if hungUp(d.conn) {
		d.gone()
	}
}

// pass hands input to Read; false means that nobody wants it any more. While
// nobody takes it, it looks now and then whether the client still lives.
func (d *duplex) pass(b []byte) bool {
	probe := time.NewTimer(probeEvery)
	defer probe.Stop()
	for {
		select {
		case d.chunk <- b:
			return true
		case <-d.over:
			return false
		case <-probe.C:
			if isHungUp(d.conn) {
				d.gone()
				return false
			}
			probe.Reset(probeEvery)
		}
	}
}

// finish ends the answer: the client sees the end of the output, gets a moment
// to hang up, and is then cut off.
func (d *duplex) finish() {
	d.begin()
	close(d.over)
	half, ok := d.conn.(interface{ CloseWrite() error })
	if ok && half.CloseWrite() == nil {
		_ = d.conn.SetReadDeadline(time.Now().Add(linger)) // cannot fail on an open connection
	} else {
		_ = d.conn.Close()
	}
	<-d.ended
	_ = d.conn.Close() // nothing is left to lose
}

// hungUp waits until the peer has closed the whole connection (true) or the
// read deadline has passed. It costs no thread: the runtime's poller wakes it.
func hungUp(conn net.Conn) bool {
	raw := rawConn(conn)
	if raw == nil {
		return false
	}
	err := raw.Read(func(fd uintptr) bool { return pollHangup(fd) })
	return err == nil
}

// isHungUp asks the same without waiting.
func isHungUp(conn net.Conn) bool {
	raw := rawConn(conn)
	if raw == nil {
		return false
	}
	up := false
	err := raw.Control(func(fd uintptr) { up = pollHangup(fd) })
	return err != nil || up
}

func pollHangup(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd)}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
}

// rawConn finds the descriptor below TLS, or nil.
func rawConn(conn net.Conn) syscall.RawConn {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	sys, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
