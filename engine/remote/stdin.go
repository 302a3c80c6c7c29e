package remote

import (
	"errors"
	"io"
	"sync"
)

// readAhead is how many bytes of a request body are read before the job asks
// for them. Reading ahead is how we notice that a caller has left while the job
// is busy with something else.
const readAhead = 64 << 10

// stdin is a request body on its way to a job: read ahead, bounded.
type stdin struct {
	body io.Reader
	left func(error) // called when the body breaks off

	mu     sync.Mutex
	change *sync.Cond // of everything below
	buf    []byte     // read and, from off on, not yet asked for
	off    int
	err    error // of the body, io.EOF at its end
	closed bool  // the job wants no more
	leave  bool  // the pump is to end
}

func newStdin(body io.Reader, left func(error)) *stdin {
	s := &stdin{body: body, left: left}
	s.change = sync.NewCond(&s.mu)
	return s
}

// pump reads the body until it ends or breaks off, or until stop. The owner runs
// it in a goroutine.
func (s *stdin) pump() {
	chunk := make([]byte, readAhead/2)
	for {
		n, err := s.body.Read(chunk)
		if !s.put(chunk[:n], err) {
			break
		}
	}
}

// put adds what was read and waits for room. It tells whether to go on.
func (s *stdin) put(p []byte, err error) bool {
	s.mu.Lock()
	if !s.closed {
		s.buf = append(s.buf[:copy(s.buf, s.buf[s.off:])], p...)
		s.off = 0
	}
	s.err = err
	s.change.Broadcast()
	for err == nil && !s.closed && !s.leave && len(s.buf)-s.off > readAhead/2 {
		s.change.Wait()
	}
	broken := err != nil && !errors.Is(err, io.EOF) && !s.leave
	more := err == nil && !s.leave
	s.mu.Unlock()
	if broken {
		s.left(err)
	}
	return more
}

// Read is for the job.
func (s *stdin) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.off == len(s.buf) && s.err == nil && !s.closed {
		s.change.Wait()
	}
	switch {
	case s.closed:
		return 0, io.ErrClosedPipe
	case s.off == len(s.buf):
		return 0, s.err
	}
	n := copy(p, s.buf[s.off:])
	s.off += n
	s.change.Broadcast()
	return n, nil
}

// Close is for the job: it wants no more. What still comes is read and dropped.
func (s *stdin) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.buf, s.off = true, nil, 0
	s.change.Broadcast()
	return nil
}

// stop ends the pump after the read that it is in, and tells whether the body
// has ended already.
func (s *stdin) stop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave = true
	s.change.Broadcast()
	return s.err != nil
}

// over tells whether the body has ended or broken off.
func (s *stdin) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

// ended tells whether the body was read to its end.
func (s *stdin) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Is(s.err, io.EOF)
}
