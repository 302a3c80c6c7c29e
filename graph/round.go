//go:build linux

package graph

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/enginejobs/docker/pkg/atomicfile"
)

// layersAtOnce is how many layers of one stack are fetched and unpacked at the
// same time.
const layersAtOnce = 4

// errOthers is the end of a round because somebody else, whose layers it is
// built on, failed.
var errOthers = errors.New("somebody else who brought the layers below failed")

// round is one attempt to bring a stack.
type round struct {
	s       *Store
	sources []layerSource
	chains  []string
	base    *layer    // held: the highest one that exists; nil for none
	first   int       // sources below it exist
	blocked *flight   // in the way: what it is built on has failed, and it will too
	own     int       // flights from here up are ours, those below belong to others
	flights []*flight // of sources[first:]
}

// bringRound brings the stack once and holds its highest layer. It fails with
// errOthers when another attempt may succeed.
func (s *Store) bringRound(ctx context.Context, sources []layerSource, chains []string) error {
	r := s.board(sources, chains)
	defer r.leave()
	if r.blocked != nil {
		if err := r.blocked.wait(ctx, r.blocked.done); err != nil && ctx.Err() != nil {
			return err
		}
		return errOthers
	}
	for i := range sources {
		if i < r.first {
			sources[i].tell(layerState{phase: layerExists})
		} else {
			r.flight(i).watch(&sources[i])
		}
	}
	if r.first == len(sources) {
		return nil
	}
	err := errOthers // for the others, should this panic
	defer func() { r.finish(err) }()
	err = r.bring(ctx)
	return err
}

// bring unpacks what is missing and makes it visible.
func (r *round) bring(ctx context.Context) error {
	flushes, err := r.s.newFlusher() // from here on it is told what does not reach the disk
	if err != nil {
		return err
	}
	defer flushes.end()
	if err := r.unpackAll(ctx); err != nil {
		return err
	}
	if r.own == len(r.sources) { // all belong to others, who are done
		r.s.hold(r.chains[len(r.chains)-1]) // it is held for us until we leave
		return nil
	}
	if err := flushes.flush(); err != nil {
		return err
	}
	return r.keep(ctx)
}

// board finds out, at one moment, which layers exist, which are on their way and
// which are ours to bring: the upper ones.
func (s *Store) board(sources []layerSource, chains []string) *round {
	r := &round{s: s, sources: sources, chains: chains, own: len(sources)}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(chains); i > 0; i-- {
		if l := s.layers[chains[i-1]]; l != nil {
			l.holds++
			r.base, r.first = l, i
			break
		}
	}
	for r.own = r.first; r.own < len(chains) && s.flights[chains[r.own]] != nil; {
		r.own++
	}
	for i := r.own; i < len(chains) && r.blocked == nil; i++ {
		r.blocked = s.flights[chains[i]]
	}
	if r.blocked != nil {
		r.first, r.own = len(chains), len(chains)
		return r
	}
	for i := r.first; i < len(chains); i++ {
		f := s.flights[chains[i]]
		if i < r.own {
			f.riders.Add(1)
			f.boarded++
		} else {
			f = newFlight()
			s.flights[chains[i]] = f
		}
		r.flights = append(r.flights, f)
	}
	return r
}

func (r *round) flight(i int) *flight { return r.flights[i-r.first] }

// unpackAll unpacks the layers that are ours and waits for those of others.
func (r *round) unpackAll(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for i := r.first; i < r.own; i++ {
		running.Go(func() {
			f := r.flight(i)
			if err := f.wait(ctx, f.done); err != nil {
				cancel(errOthers)
			}
		})
	}
	turns := make(chan struct{}, layersAtOnce)
	for i := r.own; i < len(r.sources); i++ {
		if err := r.create(ctx, i, turns); err != nil {
			cancel(err)
			break
		}
		running.Go(func() {
			if err := r.unpack(ctx, i); err != nil {
				cancel(err)
			}
			<-turns
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// create waits for the turn of a layer and makes it in the driver.
func (r *round) create(ctx context.Context, i int, turns chan<- struct{}) error {
	select {
	case turns <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	err := r.createOn(ctx, i)
	if err != nil {
		return err
	}
	close(r.flight(i).created)
	return nil
}

func (r *round) createOn(ctx context.Context, i int) (err error) {
	parent, below := "", ""
	switch {
	case i > r.first:
		on := r.flight(i - 1)
		stage := on.created
		if !r.s.stacks() {
			stage = on.unpacked
		}
		if err := on.wait(ctx, stage); err != nil {
			return r.others(ctx, i-1, err)
		}
		parent, below = r.chains[i-1], on.pending.cacheID
	case r.base != nil:
		parent, below = r.base.chainID, r.base.cacheID
	}
	r.flight(i).pending, err = r.s.newPending(parent, below)
	return err
}

// others is the error of waiting for the layer i.
func (r *round) others(ctx context.Context, i int, err error) error {
	if i >= r.own || ctx.Err() != nil {
		return err
	}
	return errOthers
}

// unpack fetches and unpacks one layer of ours.
func (r *round) unpack(ctx context.Context, i int) error {
	f, src := r.flight(i), &r.sources[i]
	f.tell(layerState{phase: layerFetching, total: src.size})
	body, err := src.open(ctx, f.tell)
	if err != nil {
		return err
	}
	defer body.Close()
	tell := func(n int64) { f.tell(layerState{phase: layerUnpacking, current: n, total: src.size}) }
	var parents func(context.Context) error
	if r.s.stacks() {
		parents = func(ctx context.Context) error { return r.parents(ctx, i) }
	}
	if err := f.pending.unpack(ctx, body, parents, tell); err != nil {
		return err
	}
	if f.pending.diffID != src.diffID {
		return wrongDigest(src.diffID, f.pending.diffID)
	}
	if err := f.pending.describe(); err != nil {
		return err
	}
	close(f.unpacked)
	f.tell(layerState{phase: layerDone, current: src.size, total: src.size})
	return nil
}

// parents waits until all layers below i are unpacked.
func (r *round) parents(ctx context.Context, i int) error {
	for k := r.first; k < i; k++ {
		if err := r.flight(k).wait(ctx, r.flight(k).unpacked); err != nil {
			return r.others(ctx, k, err)
		}
	}
	return nil
}

// keep makes our layers, which are on the disk, visible, base first, and holds the
// highest of the stack.
func (r *round) keep(ctx context.Context) error {
	r.s.change.Lock()
	defer r.s.change.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	var top *layer
	for i := r.own; i < len(r.sources); i++ {
		l, err := r.s.keepLayer(r.flight(i).pending)
		if err != nil {
			r.undo(top)
			return err
		}
		r.s.unholdLayer(top) // the new one keeps it
		top = l
	}
	if err := atomicfile.SyncDir(r.s.path("layerdb/sha256")); err != nil {
		r.undo(top)
		return fmt.Errorf("keeping layers: %w", err)
	}
	return nil
}

// undo removes the layers that were kept of a stack that is not.
func (r *round) undo(top *layer) {
	if top == nil {
		return
	}
	r.s.unholdLayer(top)
	if _, err := r.s.release(top.chainID); err != nil {
		r.s.logf("removing the layers of a failed attempt: %v", err)
	}
}

// finish ends our flights, for everybody.
func (r *round) finish(err error) {
	r.s.land(r.chains[r.own:], r.flights[r.own-r.first:], err)
}

// leave lets go of what the round was built on and removes what is left of it.
func (r *round) leave() {
	for i := len(r.sources) - 1; i >= r.first; i-- {
		f := r.flight(i)
		f.unwatch(&r.sources[i])
		if i < r.own {
			r.s.alight(r.chains[i], f)
		} else if f.err != nil {
			f.riders.Wait() // their layers lie on this one, and they know that it is over
			if f.pending != nil {
				f.pending.drop()
			}
		}
	}
	if r.base != nil && (r.first < len(r.sources) || r.blocked != nil) {
		r.s.unhold(r.base.chainID) // else it is the caller's
	}
}
