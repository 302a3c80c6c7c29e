package wire

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// StreamOptions configure NewStream.
type StreamOptions struct {
	Compress     bool          // deflate payloads of 1 KiB and more, when the peer takes it and it pays
	WriteTimeout time.Duration // how long a frame may wait for a peer that reads nothing; 0: 30 s
}

const (
	defaultWriteTimeout = 30 * time.Second
	maxPending          = 128 << 10 // bytes of small frames that wait for the frame being written
	small               = 8 << 10   // a payload up to here may wait as a copy
)

// errStopped is the answer to a sender that has stopped waiting for its turn.
var errStopped = errors.New("the caller has left")

// stream is a Transport on a byte stream. Whoever sends writes: into the stream
// itself when nobody else does, else what is small is left to the one that does.
type stream struct {
	rw      io.ReadWriteCloser
	raw     syscall.RawConn // nil: rw is no descriptor
	timeout time.Duration
	in      reader
	pack    *packer     // nil: nothing is compressed
	inflate atomic.Bool // the peer does

	mu      sync.Mutex // guards everything below
	turn    sync.Cond
	writing bool
	waiting int    // senders that wait for their turn
	pending []byte // whole frames; the next writer takes them
	spare   []byte
	err     error
	closed  bool

	// The one that writes owns these.
	header [HeaderSize]byte
	vector vector
}

// NewStream makes a Transport of a byte stream: a net.Conn, or anything that
// reads and writes. Close closes rw.
func NewStream(rw io.ReadWriteCloser, o StreamOptions) Transport {
	s := &stream{rw: rw, timeout: o.WriteTimeout}
	if s.timeout <= 0 {
		s.timeout = defaultWriteTimeout
	}
	s.turn.L = &s.mu
	if c, ok := rw.(syscall.Conn); ok {
		s.raw = rawConn(c)
	}
	if o.Compress {
		s.pack = &packer{}
	}
	s.vector.open(s)
	s.in.open(s)
	return s
}

// inflates notes that the peer takes compressed frames.
func (s *stream) inflates() { s.inflate.Store(true) }

// Send writes a frame, or leaves a small one to whoever is writing.
func (s *stream) Send(f Frame) error { return s.send(&f, nil, nil) }

// send is Send for one frame or two that belong together. A sender that waits
// for its turn gives up when stop has become true and PokeSenders was called.
func (s *stream) send(f, second *Frame, stop *stopper) error {
	if len(f.Files) > 0 || second != nil && len(second.Files) > 0 {
		return errdefs.NotImplemented("descriptors cannot travel over this connection, only to an engine on the same host")
	}
	if len(f.Payload) > MaxPayload {
		return errdefs.Internal("a frame of %d bytes is too long", len(f.Payload))
	}
	if s.pack != nil && len(f.Payload) >= packFrom && s.inflate.Load() {
		packed := *f
		c := s.pack.deflate(&packed)
		if c != nil {
			defer c.release()
			f = &packed
		}
	}
	s.mu.Lock()
	if s.writing && len(f.Payload) <= small && len(s.pending)+len(f.Payload) <= maxPending && s.err == nil {
		s.queue(f, second)
		s.mu.Unlock()
		return nil
	}
	for s.writing && s.err == nil {
		if stop != nil && stop.Load() {
			s.mu.Unlock()
			return errStopped
		}
		s.waiting++
		s.turn.Wait()
		s.waiting--
	}
	if s.err != nil {
		err := s.err
		s.mu.Unlock()
		return err
	}
	s.writing = true
	var rest []byte
	if second != nil || len(f.Payload) <= small {
		s.queue(f, second)
	} else {
		rest = f.Payload
		f.PutHeader(s.header[:])
	}
	first := s.pending
	s.pending, s.spare = s.spare[:0], nil
	s.mu.Unlock()
	n, err := s.try(first, rest)
	if err == nil && n < len(first)+headed(rest) {
		if stop != nil { // the sender must not hang: another goroutine finishes
			left := s.left(first, rest, n)
			go s.finish(left)
			return nil
		}
		err = s.write(first, rest, n)
	}
	return s.pass(first, err)
}

// flush waits until what others have queued is written.
func (s *stream) flush() {
	s.mu.Lock()
	for s.writing && s.err == nil {
		s.waiting++
		s.turn.Wait()
		s.waiting--
	}
	if s.err != nil || len(s.pending) == 0 {
		s.turn.Signal() // it may have been meant for another one
		s.mu.Unlock()
		return
	}
	s.writing = true
	first := s.pending
	s.pending, s.spare = s.spare[:0], nil
	s.mu.Unlock()
	_ = s.pass(first, s.write(first, nil, 0)) // whoever sent it has left
}

// queue appends to what waits.
func (s *stream) queue(f, second *Frame) {
	s.pending = AppendFrame(s.pending, *f)
	if second != nil {
		s.pending = AppendFrame(s.pending, *second)
	}
}

func headed(payload []byte) int {
	if payload == nil {
		return 0
	}
	return HeaderSize + len(payload)
}

// left copies what the first n bytes leave.
func (s *stream) left(first, rest []byte, n int) []byte {
	all := append([]byte(nil), first...)
	if rest != nil {
		all = append(append(all, s.header[:]...), rest...)
	}
	return all[n:]
}

// finish writes what a sender that must not hang has left.
func (s *stream) finish(left []byte) { _ = s.pass(nil, s.write(left, nil, 0)) }

// pass ends the turn of a writer, after what has come together meanwhile is
// written. first is the memory that it wrote from.
func (s *stream) pass(first []byte, err error) error {
	for round := 0; ; round++ {
		s.mu.Lock()
		if first != nil && cap(first) <= 2*maxPending {
			s.spare = first[:0]
		}
		if err != nil && s.err == nil {
			s.err = err
			defer s.fail(err) // something may be half sent
		}
		switch {
		case s.err != nil:
			s.writing = false
			s.turn.Broadcast()
		case s.waiting > 0:
			s.writing = false
			s.turn.Signal()
		case len(s.pending) == 0:
			s.writing = false
		case round > 0: // enough for the others
			first = s.pending
			s.pending = nil
			s.mu.Unlock()
			go s.finish(first)
			return err
		default:
			first = s.pending
			s.pending, s.spare = s.spare[:0], nil
			s.mu.Unlock()
			if werr := s.write(first, nil, 0); werr != nil {
				s.fail(werr) // those who sent this have left
			}
			continue
		}
		s.mu.Unlock()
		return err
	}
}

// try writes what goes without waiting and returns how much that was. Where
// that is not possible it writes all.
func (s *stream) try(first, rest []byte) (int, error) {
	if s.raw == nil {
		return len(first) + headed(rest), s.write(first, rest, 0)
	}
	return s.vector.write(s, first, rest, 0, false)
}

// write writes all but the first n bytes.
func (s *stream) write(first, rest []byte, n int) error {
	stop := s.guard()
	defer stop()
	if s.raw != nil {
		_, err := s.vector.write(s, first, rest, n, true)
		return err
	}
	all := first[min(n, len(first)):]
	if rest != nil {
		c := newChunk(min(len(rest)+HeaderSize, MaxPayload))
		defer c.release()
		all = append(append(append(c.b[:0], all...), s.header[:]...), rest...)
	}
	_, err := s.rw.Write(all)
	return err
}

// guard ends a write that takes too long.
func (s *stream) guard() (stop func()) {
	if d, ok := s.rw.(interface{ SetWriteDeadline(time.Time) error }); ok {
		if d.SetWriteDeadline(time.Now().Add(s.timeout)) == nil {
			return func() { _ = d.SetWriteDeadline(time.Time{}) }
		}
	}
	t := time.AfterFunc(s.timeout, func() { s.fail(os.ErrDeadlineExceeded) })
	return func() { t.Stop() }
}

// PokeSenders makes senders look again whether they are to stop.
func (s *stream) PokeSenders() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn.Broadcast()
}

func (s *stream) fail(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.turn.Broadcast()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if !again {
		_ = s.rw.Close() // it is of no use any more
	}
}

// Close ends the stream and wakes whoever sends or receives.
func (s *stream) Close() error {
	s.fail(os.ErrClosed)
	return nil
}

// SendPair sends one frame or two that belong together.
func (s *stream) SendPair(f, second *Frame, stop *stopper) error { return s.send(f, second, stop) }
