package remote

import (
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
}

func newStdin(body io.Reader, left func(error)) *stdin {
	s := &stdin{body: body, left: left}
	s.change = sync.NewCond(&s.mu)
	return s
}

// pump reads the body until it ends, breaks off, or the job wants no more. The
// owner runs it in a goroutine and makes the body fail to end it.
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
	for err == nil && !s.closed && len(s.buf)-s.off > readAhead/2 {
		s.change.Wait()
	}
	broken := err != nil && err != io.EOF && !s.closed
	s.mu.Unlock()
	if broken {
		s.left(err)
	}
	return err == nil
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

// ended tells whether the body was read to its end.
func (s *stdin) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == io.EOF
}
