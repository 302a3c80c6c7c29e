//go:build linux

package graph

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// flight is one layer on its way in. Its owner is the call that entered it in
// Store.flights; others build on it and watch.
type flight struct {
	pending  *pendingLayer // set before created is closed, nil when it failed
	created  chan struct{} // closed when the driver knows the layer, or when it is over
	unpacked chan struct{} // closed when its files are there
	done     chan struct{} // closed when it is a layer, or failed with err
	err      error

	mu       sync.Mutex
	watchers map[*layerSource]*watcher // guarded by mu
	last     layerState                // guarded by mu

	// Riders are calls whose layers in the driver may lie on this one.
	riders  sync.WaitGroup
	boarded int  // guarded by Store.mu: how many there are; the layer is held for them
	over    bool // guarded by Store.mu: it is a layer or failed
}

func newFlight() *flight {
	return &flight{
		created: make(chan struct{}), unpacked: make(chan struct{}), done: make(chan struct{}),
		watchers: make(map[*layerSource]*watcher),
	}
}

// watcher is one who is told, until gone.
type watcher struct {
	src *layerSource

	mu   sync.Mutex // held while src is told, which does not wait
	gone bool       // guarded by mu
}

func (w *watcher) tell(state layerState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.gone {
		w.src.tell(state)
	}
}

// watch tells src what happens to the layer from now on.
func (f *flight) watch(src *layerSource) {
	w := &watcher{src: src}
	f.mu.Lock()
	f.watchers[src] = w
	last := f.last
	f.mu.Unlock()
	w.tell(last)
}

// unwatch ends it: nothing is told any more when it returns.
func (f *flight) unwatch(src *layerSource) {
	f.mu.Lock()
	w := f.watchers[src]
	delete(f.watchers, src)
	f.mu.Unlock()
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
}

// tell passes a state on to everybody who watches.
func (f *flight) tell(state layerState) {
	f.mu.Lock()
	f.last = state
	list := slices.Collect(maps.Values(f.watchers))
	f.mu.Unlock()
	for _, w := range list {
		w.tell(state)
	}
}

// wait waits for one of a flight's channels, or its failure.
func (f *flight) wait(ctx context.Context, stage <-chan struct{}) error {
	select {
	case <-stage:
	case <-f.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-f.done:
		return f.err
	default:
		return nil
	}
}

// land ends flights. Layers are held for those who ride on them.
func (s *Store) land(chains []string, flights []*flight, err error) {
	s.mu.Lock()
	for i, f := range flights {
		delete(s.flights, chains[i])
		f.over, f.err = true, err
		if err == nil {
			s.layers[chains[i]].holds += f.boarded
		}
	}
	s.mu.Unlock()
	for _, f := range flights {
		close(f.done)
	}
}

// alight takes a rider off a flight.
func (s *Store) alight(chainID string, f *flight) {
	s.mu.Lock()
	held := f.over && f.err == nil
	if !f.over {
		f.boarded--
	}
	s.mu.Unlock()
	if held {
		s.unhold(chainID)
	}
	f.riders.Done()
}
