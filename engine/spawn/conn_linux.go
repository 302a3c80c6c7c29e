package spawn

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// cancelGrace is how long a cancelled call waits for the other engine to end the
// job before it gives up on it.
const cancelGrace = 2 * time.Second

// Conn runs jobs on another engine. Close it when done.
type Conn struct {
	w    *wire
	gone chan struct{} // closed when the connection has ended

	mu    sync.Mutex // guards everything below
	calls map[uint32]*call
	last  uint32
	ended error // why there is no connection any more
}

// call is one job on its way. Stdout and Stderr have one queue, in which each
// chunk begins with its kind, so that their order is kept.
type call struct {
	out *queue

	mu    sync.Mutex // guards files
	files []*os.File
}

// Dial connects to an engine that serves on the socket at path.
func Dial(path string) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, errdefs.Unavailable("making a socket: %w", err)
	}
	address, done, err := shortPath(path)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: address})
		done()
	}
	if err != nil {
		unix.Close(fd)
		return nil, errdefs.Unavailable("connecting to the engine at %s: %w", path, err)
	}
	w, err := newWire(fd)
	if err != nil {
		return nil, errdefs.Unavailable("connecting to the engine at %s: %w", path, err)
	}
	c := &Conn{w: w, gone: make(chan struct{}), calls: map[uint32]*call{}}
	go c.receive()
	return c, nil
}

// shortPath gives a name for a socket that fits into an address, which is
// limited to 107 bytes: long ones go through a descriptor of the directory.
func shortPath(path string) (name string, done func(), err error) {
	const longest = 107
	if len(path) <= longest {
		return path, func() {}, nil
	}
	dir, base := path[:lastSlash(path)+1], path[lastSlash(path)+1:]
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(fd) + "/" + base, func() { unix.Close(fd) }, nil
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}

// Done is closed when the connection has ended, for whatever reason.
func (c *Conn) Done() <-chan struct{} { return c.gone }

// Close ends the connection and with it all calls.
func (c *Conn) Close() error {
	err := c.w.f.Close()
	<-c.gone
	return err
}

// receive hands out what arrives, until the end.
func (c *Conn) receive() {
	r := newReceiver(c.w)
	var err error
	for err == nil {
		var f frame
		if f, err = r.next(); err == nil {
			err = c.dispatch(f)
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
		err = errors.New("it has ended")
	}
	c.mu.Lock()
	c.ended = errdefs.Unavailable("the connection to the other engine is gone: %w", err)
	calls := c.calls
	c.calls = nil
	c.mu.Unlock()
	_ = c.w.f.Close() // may be closed already
	for _, k := range calls {
		k.out.end(c.ended)
	}
	close(c.gone)
}

func (c *Conn) dispatch(f frame) error {
	c.mu.Lock()
	k := c.calls[f.call]
	c.mu.Unlock()
	if k == nil {
		closeAll(f.files) // the caller has left
		return nil
	}
	switch f.kind {
	case frameOut, frameErr:
		if err := k.out.push(append([]byte{f.kind}, f.payload...)); err != nil {
			k.out.end(err)
			return c.w.send(frameCancel, f.call, nil)
		}
	case frameResult:
		k.mu.Lock()
		k.files = f.files
		k.mu.Unlock()
		// A long result comes in parts; the queue puts them together.
		if err := k.out.push(append([]byte{frameResult}, f.payload...)); err != nil {
			k.out.end(err)
		}
		if !f.more {
			k.out.end(io.EOF)
		}
	default:
		closeAll(f.files)
		return errors.New("a frame of an unknown type")
	}
	return nil
}

// Handle carries a job out on the other engine. It is an engine.Handler: put it
// on an engine as the catch-all, or under the names that the other side has.
func (c *Conn) Handle(job *engine.Job) error {
	defer closeAll(job.Files)
	if len(job.Files) > maxFiles {
		return errdefs.InvalidArgument("%d descriptors are too many for one job", len(job.Files))
	}
	id, k, err := c.open()
	if err != nil {
		return err
	}
	defer c.forget(id, k)
	ctx := job.Context()
	stop := context.AfterFunc(ctx, func() {
		_ = c.w.send(frameCancel, id, nil) // without a connection the call ends anyway
		time.AfterFunc(cancelGrace, func() { k.out.end(ctx.Err()) })
	})
	defer stop()
	if err := c.w.send(frameCall, id, encodeCall(job), job.Files...); err != nil {
		return errdefs.Unavailable("sending job %s: %w", job.Name, err)
	}
	if job.Stdin.Source() != nil {
		go c.sendInput(id, job.Stdin)
	} else if err := c.w.send(frameEOF, id, nil); err != nil {
		return errdefs.Unavailable("sending job %s: %w", job.Name, err)
	}
	return k.collect(job)
}

func encodeCall(job *engine.Job) []byte {
	b := appendString(make([]byte, 0, 512), job.Name)
	b = appendStrings(b, job.Args)
	env := job.Environ()
	pairs := make([]string, 0, 2*len(env))
	for k, v := range env {
		pairs = append(pairs, k, v)
	}
	return appendStrings(b, pairs)
}

// open makes a call known.
func (c *Conn) open() (uint32, *call, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return 0, nil, c.ended
	}
	c.last++
	k := &call{out: newQueue()}
	c.calls[c.last] = k
	return c.last, k, nil
}

func (c *Conn) forget(id uint32, k *call) {
	c.mu.Lock()
	if c.calls != nil {
		delete(c.calls, id)
	}
	c.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	closeAll(k.files)
	k.files = nil
}

// sendInput copies the job's stdin. The engine closes the input when the job has
// ended, which ends this goroutine.
func (c *Conn) sendInput(id uint32, in *engine.Input) {
	buf := make([]byte, maxPayload)
	for {
		n, err := in.Read(buf)
		if n > 0 && c.w.send(frameData, id, buf[:n]) != nil {
			return
		}
		if err != nil {
			_ = c.w.send(frameEOF, id, nil) // without a connection the call ends anyway
			return
		}
	}
}

// collect writes the output of the call and returns its result.
func (k *call) collect(job *engine.Job) error {
	var result []byte
	for {
		b, err := k.out.pop()
		if errors.Is(err, io.EOF) && result != nil {
			break
		}
		if err != nil {
			return err
		}
		switch b[0] {
		case frameOut:
			_, err = job.Stdout.Write(b[1:])
		case frameErr:
			_, err = job.Stderr.Write(b[1:])
		case frameResult:
			result = append(result, b[1:]...)
		}
		if err != nil {
			return err
		}
	}
	if err := decodeResult(result); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.files {
		job.AddResultFile(f)
	}
	k.files = nil
	return nil
}
