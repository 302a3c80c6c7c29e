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
	Codec        Codec         // what is offered to the peer; nil: no compression
	Compress     bool          // shorten payloads of 1 KiB and more, when the peer takes it and it pays
	WriteTimeout time.Duration // how long a frame may wait for a peer that reads nothing; 0: 30 s
}

const (
	defaultWriteTimeout = 30 * time.Second
	maxPending          = 128 << 10             // bytes of small frames that wait for the frame being written
	small               = 8 << 10               // a payload up to here may wait as a copy
	hangs               = 50 * time.Millisecond // a write of an abandoned call that takes longer
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
	codec   Codec       // nil: compressed frames are not taken
	pack    *packer     // nil: nothing is compressed
	inflate atomic.Bool // the peer does

	mu      sync.Mutex // guards everything below
	turn    sync.Cond
	writing bool
	owner   *stopper // of the writer, when its write may hang and it has one
	turns   uint64   // changes with owner
	waiting int      // senders that wait for their turn
	pending []byte   // whole frames; the next writer takes them
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
	s := &stream{rw: rw, timeout: o.WriteTimeout, codec: o.Codec}
	if s.timeout <= 0 {
		s.timeout = defaultWriteTimeout
	}
	s.turn.L = &s.mu
	if c, ok := rw.(syscall.Conn); ok {
		s.raw = rawConn(c)
	}
	if o.Compress && o.Codec != nil {
		s.pack = &packer{codec: o.Codec}
	}
	s.vector.open(s)
	s.in.open(s)
	return s
}

// inflates tells whether compressed frames are taken.
func (s *stream) inflates() bool { return s.codec != nil }

// peerInflates notes that the peer takes compressed frames.
func (s *stream) peerInflates() { s.inflate.Store(true) }

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
	s.begin(stop)
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
	return s.pass(first, err, stop)
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
	s.begin(nil)
	first := s.pending
	s.pending, s.spare = s.spare[:0], nil
	s.mu.Unlock()
	_ = s.pass(first, s.write(first, nil, 0), nil) // whoever sent it has left
}

// begin takes the turn of the writer. A write into a descriptor never hangs for a
// sender that has a stop.
func (s *stream) begin(stop *stopper) {
	s.writing = true
	if s.raw == nil {
		s.owner = stop
		s.turns++
	}
}

// cease gives the turn back.
func (s *stream) cease() { s.writing, s.owner = false, nil }

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
func (s *stream) finish(left []byte) { _ = s.pass(nil, s.write(left, nil, 0), nil) }

// pass ends the turn of a writer, after what has come together meanwhile is
// written. first is the memory that it wrote from.
func (s *stream) pass(first []byte, err error, stop *stopper) error {
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
			s.cease()
			s.turn.Broadcast()
		case s.waiting > 0:
			s.cease()
			s.turn.Signal()
		case len(s.pending) == 0:
			s.cease()
		case round > 0: // enough for the others
			first = s.pending
			s.pending, s.owner = nil, nil
			s.mu.Unlock()
			go s.finish(first)
			return err
		default:
			first = s.pending
			s.pending, s.spare = s.spare[:0], nil
			s.mu.Unlock()
			if s.others(first, stop) {
				return err
			}
			continue
		}
		s.mu.Unlock()
		return err
	}
}

// others writes what other senders have left. True: another goroutine finishes
// it, and has the turn, because the sender must not hang.
func (s *stream) others(first []byte, stop *stopper) bool {
	n := 0
	var err error
	if stop != nil {
		n, err = s.try(first, nil)
		if err == nil && n < len(first) {
			go s.finish(s.left(first, nil, n))
			return true
		}
	} else {
		err = s.write(first, nil, 0)
	}
	if err != nil {
		s.fail(err) // those who sent this have left
	}
	return false
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

// PokeSenders makes a sender look again whether it is to stop. One that hangs in
// a write takes the stream with it: half a frame may be sent.
func (s *stream) PokeSenders(stop *stopper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn.Broadcast()
	if s.owner == nil || s.owner != stop {
		return
	}
	turn := s.turns
	time.AfterFunc(hangs, func() {
		s.mu.Lock()
		still := s.owner == stop && s.turns == turn
		s.mu.Unlock()
		if still {
			s.fail(os.ErrDeadlineExceeded)
		}
	})
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
