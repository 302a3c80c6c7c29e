package execengine

import (
	"errors"
	"math"
	"sync"
	"time"
)

// ring is where the entries of a log with the mode non-blocking wait for the
// disk, so that the output never does. What finds no room is dropped, as with
// Docker the newest, and counted. It is memory of this process: what waits in it
// when the process is killed is lost, which is the price of the mode.
type ring struct {
	limit int64 // bytes of output that may wait
	ready chan struct{}
	done  chan struct{} // closed when the writer has ended

	mu      sync.Mutex // guards everything below
	entries []byte     // encoded
	ends    []int      // of each entry
	text    int64      // bytes of output in them
	dropped int64
	closed  bool
}

func newRing(limit int64) *ring {
	return &ring{limit: limit, ready: make(chan struct{}, 1), done: make(chan struct{})}
}

// put encodes an entry, or drops it. It tells whether this is the first one that
// is dropped.
func (r *ring) put(s *stream, text []byte) (first bool) {
	r.mu.Lock()
	if r.closed || r.text+int64(len(text)) > r.limit && len(r.ends) > 0 {
		r.dropped++
		first = r.dropped == 1
		r.mu.Unlock()
		return first
	}
	r.entries = s.enc.Append(r.entries, text)
	r.ends = append(r.ends, len(r.entries))
	r.text += int64(len(text))
	r.mu.Unlock()
	select {
	case r.ready <- struct{}{}:
	default:
	}
	return false
}

// take takes everything that waits, and leaves the memory of what was written.
func (r *ring) take(entries []byte, ends []int) (_ []byte, _ []int, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	closed = r.closed
	entries, r.entries = r.entries, entries[:0]
	ends, r.ends = r.ends, ends[:0]
	r.text = 0
	return entries, ends, closed
}

// run writes until close, and what there is then.
func (r *ring) run(l *log, logf func(string, ...any)) {
	defer close(r.done)
	var entries []byte
	var ends []int
	var failed error
	for {
		var closed bool
		entries, ends, closed = r.take(entries, ends)
		if len(ends) == 0 {
			if closed {
				break
			}
			entries, ends = nil, nil // an idle container keeps no memory
			<-r.ready
			continue
		}
		err := l.writeEntries(entries, ends)
		if err != nil && failed == nil {
			logf("writing log, output is dropped: %v", err)
		}
		failed = err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped > 0 {
		logf("%d log entries were dropped, there was no room for them in the buffer of %d bytes", r.dropped, r.limit)
	}
}

// close ends the ring. It waits for the disk, but not for long.
func (r *ring) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	select {
	case r.ready <- struct{}{}:
	default:
	}
	select {
	case <-r.done:
	case <-time.After(outputGrace):
	}
}

// writeEntries appends entries, and rotates where a file is full.
func (l *log) writeEntries(entries []byte, ends []int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var failed error
	from := 0
	for i := 0; i < len(ends); {
		left := l.w.Left()
		if left == 0 {
			failed = errors.Join(failed, l.w.Rotate()) // if it fails the old file goes on
			if left = l.w.Left(); left == 0 {
				left = math.MaxInt64
			}
		}
		to := from
		for i < len(ends) && int64(to-from) < left {
			to = ends[i]
			i++
		}
		failed = errors.Join(failed, l.w.Append(entries[from:to]))
		from = to
	}
	return failed
}
