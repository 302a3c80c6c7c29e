package spawn

import (
	"io"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// queue holds what has arrived for one reader. It is an io.ReadCloser.
type queue struct {
	mu     sync.Mutex // guards everything below
	ready  sync.Cond
	chunks [][]byte
	size   int
	err    error // what comes after the chunks
}

func newQueue() *queue {
	q := &queue{}
	q.ready.L = &q.mu
	return q
}

// push appends a copy of b. It fails when the reader is too far behind.
func (q *queue) push(b []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return nil // nobody reads any more
	}
	if q.size+len(b) > maxQueue {
		return errdefs.Unavailable("a stream is more than %d MiB behind", maxQueue>>20)
	}
	q.chunks = append(q.chunks, append([]byte(nil), b...))
	q.size += len(b)
	q.ready.Signal()
	return nil
}

// end lets the reader come to err after what has arrived; the first one counts.
func (q *queue) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.ready.Broadcast()
}

// pop waits for the next chunk.
func (q *queue) pop() ([]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.chunks) == 0 {
		if q.err != nil {
			return nil, q.err
		}
		q.ready.Wait()
	}
	b := q.chunks[0]
	q.chunks = q.chunks[1:]
	q.size -= len(b)
	return b, nil
}

// Read reads what has arrived.
func (q *queue) Read(p []byte) (int, error) {
	b, err := q.pop()
	if err != nil {
		return 0, err
	}
	n := copy(p, b)
	if n < len(b) {
		q.mu.Lock()
		q.chunks = append([][]byte{b[n:]}, q.chunks...)
		q.size += len(b) - n
		q.mu.Unlock()
	}
	return n, nil
}

// Close ends the reading: what arrives later is dropped.
func (q *queue) Close() error {
	q.end(io.ErrClosedPipe)
	return nil
}
