package wire

import (
	"errors"
	"io"
	"sync"
)

// chunk is pooled memory with bytes in it: what is between r and w.
type chunk struct {
	b    []byte
	r, w int
	kind byte // FrameData, FrameOut or FrameErr
	next *chunk
}

// sizes are the sizes of chunks.
var sizes = [...]int{4 << 10, 16 << 10, 64 << 10, 128 << 10, MaxPayload}

// pools has a pool for each of the sizes.
var pools [len(sizes)]sync.Pool

// newChunk gives memory for n bytes, at most MaxPayload.
func newChunk(n int) *chunk {
	i := 0
	for sizes[i] < n {
		i++
	}
	if c, ok := pools[i].Get().(*chunk); ok {
		return c
	}
	return &chunk{b: make([]byte, sizes[i])}
}

// release gives the memory back.
func (c *chunk) release() {
	for i, size := range sizes {
		if len(c.b) == size {
			c.r, c.w, c.next = 0, 0, nil
			pools[i].Put(c)
			return
		}
	}
}

// queue is what has arrived for one reader and the credit that the sender has
// left. It holds never more than was granted.
type queue struct {
	mu         sync.Mutex // guards everything below
	ready      sync.Cond
	head, tail *chunk
	allowed    int   // bytes that the sender may still send
	consumed   int   // bytes that were read and not granted again
	window     int   // what is under way at most
	most       int   // what window grows to
	err        error // what comes after the chunks
	deaf       bool  // nobody reads any more
}

// open makes a queue ready. A window that nobody has chosen may grow.
func (q *queue) open(window int) {
	q.ready.L = &q.mu
	q.window, q.most, q.allowed = window, window, window
	if window == DefaultWindow {
		q.most = maxWindow
	}
}

// push appends a payload. own, when not nil, is a chunk that has exactly the
// payload; it becomes the queue's.
func (q *queue) push(kind byte, payload []byte, own *chunk) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(payload) > q.allowed {
		return Garbage("%d bytes were sent where %d are allowed", len(payload), q.allowed)
	}
	q.allowed -= len(payload)
	// Nothing is worth a chunk only where it shows that a stream is in use.
	if q.deaf || len(payload) == 0 && (kind == FrameData || q.head != nil) {
		if own != nil {
			own.release()
		}
		return nil
	}
	switch t := q.tail; {
	case own != nil:
		own.kind = kind
	case t != nil && t.kind == kind && len(t.b)-t.w >= len(payload):
		t.w += copy(t.b[t.w:], payload)
		q.ready.Signal()
		return nil
	default:
		own = newChunk(len(payload))
		own.kind = kind
		own.w = copy(own.b, payload)
	}
	if q.tail == nil {
		q.head = own
	} else {
		q.tail.next = own
	}
	q.tail = own
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

// abandon makes the reader come to err at once; what is there and what comes
// later is dropped.
func (q *queue) abandon(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.head != nil {
		c := q.head
		q.head = c.next
		c.release()
	}
	q.tail, q.deaf = nil, true
	if q.err == nil || errors.Is(q.err, io.EOF) {
		q.err = err
	}
	q.ready.Broadcast()
}

// pop waits for the next chunk, which becomes the caller's.
func (q *queue) pop() (*chunk, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.head == nil {
		if q.err != nil {
			return nil, q.err
		}
		q.ready.Wait()
	}
	c := q.head
	if q.head = c.next; q.head == nil {
		q.tail = nil
	}
	c.next = nil
	return c, nil
}

// read waits for bytes and copies some.
func (q *queue) read(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.head == nil {
		if q.err != nil {
			return 0, q.err
		}
		q.ready.Wait()
	}
	c := q.head
	n := copy(p, c.b[c.r:c.w])
	if c.r += n; c.r == c.w {
		if q.head = c.next; q.head == nil {
			q.tail = nil
		}
		c.release()
	}
	return n, nil
}

// grant notes that n bytes were consumed and returns how many more the sender
// is to be told it may send; 0: not yet. A reader that has taken all there was is
// faster than the connection, so its window grows; one that lags behind keeps
// what it has.
func (q *queue) grant(n int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.consumed += n; q.consumed < q.window/2 || q.err != nil || q.deaf {
		return 0
	}
	n = q.consumed
	q.consumed = 0
	if q.head == nil && q.window < q.most {
		more := min(q.window, q.most-q.window)
		q.window += more
		n += more
	}
	q.allowed += n
	return n
}

// credit is the other end: what may still be sent.
type credit struct {
	mu    sync.Mutex // guards everything below
	ready sync.Cond
	left  int
	err   error
}

func (c *credit) open(window int) {
	c.ready.L = &c.mu
	c.left = window
}

// take waits until something may be sent and takes most bytes at most.
func (c *credit) take(most int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.left == 0 && c.err == nil {
		c.ready.Wait()
	}
	if c.err != nil {
		return 0, c.err
	}
	n := min(most, c.left)
	c.left -= n
	return n, nil
}

// add notes a grant.
func (c *credit) add(n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left += n; c.left > 1<<31-1 {
		return Garbage("a window has more than 2 GiB")
	}
	c.ready.Broadcast()
	return nil
}

// end makes everybody who takes fail; the first error counts.
func (c *credit) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.ready.Broadcast()
}
