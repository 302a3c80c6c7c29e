package run

import (
	"io"
	"slices"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// gate passes the output of a container on until it is shut. Behind it is a
// goroutine that writes, so that a client that does not read holds nothing up but
// the container, and not even that when it is to end.
type gate struct {
	stands chan struct{} // closed when the attach will miss nothing
	once   sync.Once     // closes stands
	queue  chan piece
	over   chan struct{} // closed by shut
	done   chan struct{} // closed when all is written, or the last write has returned
	fault  error         // of the first write that failed; read it after done
}

// piece is a part of the output.
type piece struct {
	to   io.Writer
	data []byte
}

// newGate makes a gate whose goroutine ends after finish or shut.
func newGate() *gate {
	g := &gate{stands: make(chan struct{}), queue: make(chan piece, 4), over: make(chan struct{}), done: make(chan struct{})}
	go g.pump()
	return g
}

func (g *gate) pump() {
	defer close(g.done)
	for {
		select {
		case <-g.over:
			return
		default:
		}
		select {
		case p, more := <-g.queue:
			if !more {
				return
			}
			if _, err := p.to.Write(p.data); err != nil && g.fault == nil {
				g.fault = err
			}
		case <-g.over:
			return
		}
	}
}

// finish says that nothing more comes; done is closed when everything is written.
func (g *gate) finish() { close(g.queue) }

// shut drops what is not yet written.
func (g *gate) shut() { close(g.over) }

// to is a writer to one of the streams behind the gate; nil drops what is written.
func (g *gate) to(w io.Writer) io.Writer { return entrance{g, w} }

type entrance struct {
	gate *gate
	to   io.Writer
}

func (e entrance) Write(b []byte) (int, error) {
	if len(b) == 0 { // the job attach says so when it stands
		e.gate.once.Do(func() { close(e.gate.stands) })
		return 0, nil
	}
	if e.to == nil {
		return len(b), nil
	}
	select {
	case e.gate.queue <- piece{e.to, slices.Clone(b)}:
		return len(b), nil
	case <-e.gate.over:
		return 0, errdefs.Conflict("the command is over")
	}
}
