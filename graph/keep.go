//go:build linux

package graph

import (
	"context"
	"errors"
	"fmt"

	"github.com/enginejobs/docker/pkg/atomicfile"
)

// keepAlone keeps an unpacked layer that is no part of a round and holds it. When
// the same layer is there already, or comes at this moment, that one is held.
// Callers drop p in any case.
func (s *Store) keepAlone(ctx context.Context, p *pendingLayer) (*layer, error) {
	if err := p.describe(); err != nil {
		return nil, err
	}
	if err := s.flush(); err != nil {
		return nil, err
	}
	chainID := chainOn(p.parent, p.diffID)
	f := newFlight()
	f.pending = p
	close(f.created)
	close(f.unpacked)
	for {
		s.mu.Lock()
		l, other := s.layers[chainID], s.flights[chainID]
		switch {
		case l != nil:
			l.holds++
		case other == nil:
			s.flights[chainID] = f
		}
		s.mu.Unlock()
		if l != nil {
			return l, nil
		}
		if other == nil {
			break
		}
		if err := other.wait(ctx, other.done); err != nil && ctx.Err() != nil {
			return nil, err
		}
	}
	l, err := s.keepFlight(ctx, p)
	s.land([]string{chainID}, []*flight{f}, err)
	if err != nil {
		f.riders.Wait()
	}
	return l, err
}

func (s *Store) keepFlight(ctx context.Context, p *pendingLayer) (*layer, error) {
	s.change.Lock()
	defer s.change.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l, err := s.keepLayer(p)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.SyncDir(s.path("layerdb/sha256")); err != nil {
		s.unholdLayer(l)
		_, rerr := s.release(l.chainID)
		return nil, errors.Join(fmt.Errorf("keeping layer: %w", err), rerr)
	}
	return l, nil
}
