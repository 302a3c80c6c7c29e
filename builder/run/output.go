package run

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/enginejobs/docker/errdefs"
)

// gate passes the output of a container on until it is shut.
type gate struct {
	out, err io.Writer
	stands   chan struct{} // closed when the attach will miss nothing
	once     sync.Once     // closes stands
	closed   atomic.Bool

	mu    sync.Mutex // guards fault
	fault error      // of the first write that failed
}

func newGate(out, err io.Writer) *gate {
	return &gate{out: out, err: err, stands: make(chan struct{})}
}

func (g *gate) stdout() io.Writer {
	return writer(func(b []byte) (int, error) { return g.pass(g.out, b) })
}
func (g *gate) stderr() io.Writer {
	return writer(func(b []byte) (int, error) { return g.pass(g.err, b) })
}

// shut lets nothing more through. It does not wait for a write that is under way.
func (g *gate) shut() { g.closed.Store(true) }

// failed is why output is missing, or nil.
func (g *gate) failed() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fault
}

func (g *gate) pass(w io.Writer, b []byte) (int, error) {
	if len(b) == 0 { // the job attach says so when it stands
		g.once.Do(func() { close(g.stands) })
		return 0, nil
	}
	if g.closed.Load() {
		return 0, errdefs.Conflict("the command is over")
	}
	if w == nil {
		return len(b), nil
	}
	n, err := w.Write(b)
	if err != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.fault == nil {
			g.fault = err
		}
	}
	return n, err
}

// writer is a function as an io.Writer.
type writer func([]byte) (int, error)

func (f writer) Write(b []byte) (int, error) { return f(b) }
