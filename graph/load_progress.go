//go:build linux

package graph

import (
	"io"
	"sync"
	"time"

	"github.com/enginejobs/docker/pkg/jsonstream"
)

// loadProgress tells how far the layers of a load are. Whoever is told may not
// listen yet, because he is still sending the archive: reading never waits for
// him. He gets the newest state, not every one.
type loadProgress struct {
	out  *jsonstream.Writer
	wake chan struct{}
	done chan struct{} // closed when everything is told

	mu     sync.Mutex
	order  []string                       // guarded by mu
	latest map[string]jsonstream.Progress // guarded by mu: not told yet
}

// progressEvery is how often a layer is heard of.
const progressEvery = 100 * time.Millisecond

// newLoadProgress begins to tell; end must follow.
func newLoadProgress(out *jsonstream.Writer) *loadProgress {
	p := &loadProgress{out: out, wake: make(chan struct{}, 1), done: make(chan struct{}), latest: make(map[string]jsonstream.Progress)}
	go p.run()
	return p
}

func (p *loadProgress) run() {
	defer close(p.done)
	for range p.wake {
		p.mu.Lock()
		order, latest := p.order, p.latest
		p.order, p.latest = nil, make(map[string]jsonstream.Progress)
		p.mu.Unlock()
		for _, id := range order {
			_ = p.out.Progress(id, "Loading layer", latest[id]) // who went away is noticed elsewhere
		}
	}
}

// tell notes the state of a layer.
func (p *loadProgress) tell(id string, state jsonstream.Progress) {
	p.mu.Lock()
	if _, ok := p.latest[id]; !ok {
		p.order = append(p.order, id)
	}
	p.latest[id] = state
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// end waits until all is told. Nothing may be noted any more.
func (p *loadProgress) end() {
	close(p.wake)
	<-p.done
}

// reader tells how much of a layer has been read.
func (p *loadProgress) reader(r io.Reader, id string, total int64) io.Reader {
	return &progressReader{r: r, to: p, id: id, state: jsonstream.Progress{Total: total, Start: time.Now().Unix()}}
}

type progressReader struct {
	r     io.Reader
	to    *loadProgress
	id    string
	state jsonstream.Progress
	told  time.Time
}

// Read passes on.
func (r *progressReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.state.Current += int64(n)
	if now := time.Now(); n > 0 && (now.Sub(r.told) > progressEvery || r.state.Current == r.state.Total) {
		r.told = now
		r.to.tell(r.id, r.state)
	}
	return n, err
}
