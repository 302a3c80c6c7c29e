package spawn

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// Listen makes the socket that Serve accepts on. It replaces a socket at path
// that nobody serves any more; the caller knows that nobody does.
func Listen(path string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Unlink(path); err != nil && err != unix.ENOENT {
		unix.Close(fd)
		return nil, &os.PathError{Op: "replace", Path: path, Err: err}
	}
	address, done, err := shortPath(path)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: address})
		done()
	}
	if err == nil {
		err = unix.Chmod(path, 0o600)
	}
	if err == nil {
		err = unix.Listen(fd, 16)
	}
	if err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "listen", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Serve lets the engine carry out what arrives on connections to the listener,
// until the context ends; then connections are cut and their jobs cancelled.
// The listener stays the caller's.
func Serve(ctx context.Context, eng *engine.Engine, listener *os.File) error {
	raw, err := listener.SyscallConn()
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = listener.SetReadDeadline(longAgo()) })()
	for ctx.Err() == nil {
		fd, err := accept(raw)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if fd < 0 {
			continue
		}
		w, err := newWire(fd)
		if err != nil {
			continue
		}
		all.Go(func() { serveConn(ctx, eng, w) })
	}
	return nil
}

type rawReader interface {
	Read(func(fd uintptr) bool) error
}

// accept waits for a connection and gives -1 for one that is not let in.
func accept(raw rawReader) (int, error) {
	fd := -1
	var failure error
	err := raw.Read(func(l uintptr) bool {
		fd, _, failure = unix.Accept4(int(l), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return failure != unix.EAGAIN
	})
	if err != nil {
		return -1, err
	}
	switch failure {
	case nil:
	case unix.EINTR, unix.ECONNABORTED:
		return -1, nil
	default:
		return -1, failure
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || cred.Uid != 0 && int(cred.Uid) != os.Geteuid() {
		unix.Close(fd)
		return -1, nil
	}
	return fd, nil
}

// session is one accepted connection.
type session struct {
	eng *engine.Engine
	w   *wire
	ctx context.Context

	running sync.WaitGroup
	parts   map[uint32][]byte // calls of which the last part is not there yet

	mu   sync.Mutex // guards jobs
	jobs map[uint32]*served
}

// served is one job of a session.
type served struct {
	stdin  *queue
	cancel context.CancelFunc
}

func serveConn(ctx context.Context, eng *engine.Engine, w *wire) {
	ctx, cancel := context.WithCancel(ctx)
	s := &session{eng: eng, w: w, ctx: ctx, parts: map[uint32][]byte{}, jobs: map[uint32]*served{}}
	stop := context.AfterFunc(ctx, func() { _ = w.f.Close() }) // wakes the receiver
	r := newReceiver(w)
	for {
		f, err := r.next()
		if err != nil || s.dispatch(f) != nil {
			break
		}
	}
	stop()
	cancel()
	s.mu.Lock()
	for _, j := range s.jobs {
		j.stdin.end(io.ErrUnexpectedEOF)
	}
	s.mu.Unlock()
	s.running.Wait()
	_ = w.f.Close() // may be closed already
}

func (s *session) job(id uint32) *served {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[id]
}

// dispatch acts on one frame. An error ends the connection: the peer is broken.
func (s *session) dispatch(f frame) error {
	switch f.kind {
	case frameCall:
		body := append(s.parts[f.call], f.payload...)
		if f.more {
			s.parts[f.call] = body
			closeAll(f.files)
			if len(body) > maxQueue || len(s.parts) > 64 {
				return errors.New("a call is too long")
			}
			return nil
		}
		delete(s.parts, f.call)
		return s.begin(f.call, body, f.files)
	case frameData:
		if j := s.job(f.call); j != nil {
			if err := j.stdin.push(f.payload); err != nil {
				j.cancel()
			}
		}
	case frameEOF:
		if j := s.job(f.call); j != nil {
			j.stdin.end(io.EOF)
		}
	case frameCancel:
		if j := s.job(f.call); j != nil {
			j.cancel()
		}
	default:
		closeAll(f.files)
		return errors.New("a frame of an unknown type")
	}
	return nil
}

// begin starts the job of a call.
func (s *session) begin(id uint32, body []byte, files []*os.File) error {
	name, body, err := cutString(body)
	var args, pairs []string
	if err == nil {
		args, body, err = cutStrings(body)
	}
	if err == nil {
		pairs, _, err = cutStrings(body)
	}
	if err != nil || len(pairs)%2 != 0 || s.job(id) != nil {
		closeAll(files)
		return errDamaged
	}
	ctx, cancel := context.WithCancel(s.ctx)
	j := &served{stdin: newQueue(), cancel: cancel}
	s.mu.Lock()
	s.jobs[id] = j
	s.mu.Unlock()
	job := s.eng.Job(name, args...).SetContext(ctx)
	for i := 0; i < len(pairs); i += 2 {
		job.Setenv(pairs[i], pairs[i+1])
	}
	job.Files = files
	job.Stdout.Add(&sender{s.w, frameOut, id})
	job.Stderr.Add(&sender{s.w, frameErr, id})
	s.running.Go(func() { s.carryOut(id, j, job) })
	return nil
}

func (s *session) carryOut(id uint32, j *served, job *engine.Job) {
	err := job.Stdin.AddCloser(j.stdin)
	if err == nil {
		err = job.Run()
	}
	s.mu.Lock()
	delete(s.jobs, id)
	s.mu.Unlock()
	j.cancel()
	var files []*os.File
	if err == nil {
		files = job.ResultFiles()
	}
	if len(files) > maxFiles {
		err = errdefs.Internal("job %s hands out %d descriptors, which is too many", job.Name, len(files))
	}
	// Without a connection there is nobody to tell; the caller knows by itself.
	_ = s.w.send(frameResult, id, encodeResult(err), files...)
	closeAll(files)
}

// sender is the destination of a job's output.
type sender struct {
	w    *wire
	kind byte
	call uint32
}

// Write sends p as it is cut by the wire; each part stands for itself.
func (s *sender) Write(p []byte) (int, error) {
	if err := s.w.send(s.kind, s.call, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// longAgo is a deadline that has passed.
func longAgo() time.Time { return time.Unix(1, 0) }
