package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// errStalled is why a request is cut on which nothing moves.
var errStalled = errors.New("nothing came for too long")

// watch cuts a request when the other side stands still: takes nothing of the
// body, gives no answer, or sends nothing more of it. What our own side does
// between reads takes as long as it takes.
type watch struct {
	stall time.Duration
	cut   context.CancelCauseFunc
	timer *time.Timer

	mu       sync.Mutex
	answered bool // guarded by mu: what becomes of the request's body counts no more
}

// commitPatience is how many times longer a registry may think about what it was
// sent than about a question: it may copy all of it.
const commitPatience = 10

func newWatch(stall time.Duration, cut context.CancelCauseFunc) *watch {
	w := &watch{stall: stall, cut: cut}
	w.timer = time.AfterFunc(stall, func() { cut(errStalled) })
	return w
}

// end lets go of the request.
func (w *watch) end() {
	w.timer.Stop()
	w.cut(nil)
}

// body is what a request sends, nil for nothing.
func (w *watch) body(req request) io.Reader {
	switch {
	case req.stream != nil:
		return &sent{w, req.stream}
	case req.body != nil:
		return bytes.NewReader(req.body)
	}
	return nil
}

// await starts waiting for the answer.
func (w *watch) await(method string) {
	if method == http.MethodPut {
		w.timer.Reset(commitPatience * w.stall)
	}
}

// answer is the body of the answer, watched.
func (w *watch) answer(body io.ReadCloser) io.ReadCloser {
	w.mu.Lock()
	w.answered = true
	w.timer.Stop()
	w.mu.Unlock()
	return &received{w, body}
}

// sending sets how long the other side has; 0: until further notice.
func (w *watch) sending(patience time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.answered:
	case patience == 0:
		w.timer.Stop()
	default:
		w.timer.Reset(patience)
	}
}

// sent is the body of a request: between two reads, the other side is at work.
type sent struct {
	w *watch
	r io.Reader
}

// Read passes on what is to be sent.
func (s *sent) Read(p []byte) (int, error) {
	s.w.sending(0)
	n, err := s.r.Read(p)
	if err != nil {
		s.w.sending(commitPatience * s.w.stall)
	} else {
		s.w.sending(s.w.stall)
	}
	return n, err
}

// received is the body of an answer: within a read, the other side is at work.
type received struct {
	w    *watch
	body io.ReadCloser
}

// Read passes on what was received.
func (r *received) Read(p []byte) (int, error) {
	r.w.timer.Reset(r.w.stall)
	n, err := r.body.Read(p)
	if !r.w.timer.Stop() && err != nil {
		err = errStalled
	}
	return n, err
}

// Close ends the request.
func (r *received) Close() error {
	err := r.body.Close()
	r.w.end()
	return err
}
