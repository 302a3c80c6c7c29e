package execengine

import (
	"errors"
	"io"
	"os"
	"sync"
)

// guards are reading ends of what an execution writes: pipes whose other reading
// ends the daemon has, or its terminal. They let the process write after the
// daemon was killed: from then on, and not before, they are read, and what they
// give is dropped. An exec engine that was killed is not missed.
type guards struct {
	mu     sync.Mutex // guards everything below
	files  []*os.File
	life   *os.File // ends with the daemon
	closed bool
}

// add takes a reading end; nil is none.
func (g *guards) add(f *os.File) {
	if f == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.files = append(g.files, f)
}

// watch waits in the background for the end of the daemon, and takes its file,
// unless there is nothing to guard.
func (g *guards) watch(life *os.File) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.files) == 0 {
		return false
	}
	g.life = life
	go func() { // ends with the daemon or by close
		_, err := life.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrClosed) {
			g.drain()
		}
	}()
	return true
}

// drain reads everything from now on.
func (g *guards) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.files {
		go func() { _, _ = io.Copy(io.Discard, f) }() // until its end or close
	}
}

func (g *guards) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	closeAll(g.files)
	closeAll([]*os.File{g.life})
	g.files, g.life, g.closed = nil, nil, true
}
