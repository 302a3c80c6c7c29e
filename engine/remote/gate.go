package remote

import (
	"net/http"
	"sync"
	"time"
)

// gate lets the engine and package wire wake a write that hangs, as long as the
// request lasts: they may still be about to when it ends, and a server does not
// expect that, nor the next request on the connection.
type gate struct {
	control *http.ResponseController

	mu   sync.Mutex // guards everything below; nothing that blocks happens under it
	over bool
	cut  bool // a deadline was set
}

// SetWriteDeadline is what package engine looks for in a destination.
func (g *gate) SetWriteDeadline(t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return nil
	}
	g.cut = true
	return g.control.SetWriteDeadline(t)
}

// shut ends that, and lifts the deadline for what the request still has to say.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cut && !g.over {
		_ = g.control.SetWriteDeadline(time.Time{}) // what is written then fails as it would have
	}
	g.over = true
}
