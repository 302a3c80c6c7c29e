//go:build linux

package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
)

// unpackOrBlame is unpack. A fault of the archive is kept: what is no layer of an
// image may be anything.
func (layer *loadedLayer) unpackOrBlame(ctx context.Context, s *Store, flushes *flusher, r io.Reader, packed bool) error {
	err := layer.unpack(ctx, s, flushes, r, packed)
	if err == nil || ctx.Err() != nil || !errdefs.Is(err, errdefs.KindInvalidArgument) {
		return err
	}
	layer.pending.drop()
	layer.pending, layer.fault = nil, err
	return nil
}

// unpack unpacks a layer that has no place yet.
func (layer *loadedLayer) unpack(ctx context.Context, s *Store, flushes *flusher, r io.Reader, packed bool) error {
	p, err := s.newPending("", "")
	if err != nil {
		return err
	}
	layer.pending, p.detached, p.flushes = p, true, flushes
	var sum hash.Hash
	if packed {
		sum = sha256.New()
		r = io.TeeReader(r, sum)
	}
	if err := p.unpack(ctx, r, nil, nil); err != nil {
		return fmt.Errorf("layer %s: %w", layer.name, err)
	}
	layer.digest, layer.diffID = p.diffID, p.diffID
	if packed {
		layer.digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	}
	return nil
}

func (p *pendingLayer) applyDetached(ctx context.Context, r io.Reader) (err error) {
	detacher, ok := p.store.driver.(graphdriver.Detacher)
	if !ok {
		return fmt.Errorf("driver %s unpacks no layer whose place is not known", p.store.driver.Name())
	}
	p.size, err = detacher.ApplyDetached(ctx, p.cacheID, r)
	return err
}

// bringUnpacked puts layers that are unpacked on each other, base first, and
// holds the highest until close.
func (l *loader) bringUnpacked(ctx context.Context, layers []wantedLayer) error {
	var below *layer
	for _, w := range layers {
		next, err := l.bringPending(ctx, below, w.from)
		if below != nil {
			l.store.unhold(below.chainID) // the next one keeps it
		}
		if err != nil {
			return fmt.Errorf("layer %s: %w", w.from.name, err)
		}
		below = next
	}
	if below != nil {
		l.hold(below)
	}
	return nil
}

// bringPending puts one layer on another one, which is held, and holds it.
func (l *loader) bringPending(ctx context.Context, below *layer, from *loadedLayer) (*layer, error) {
	parent, cacheID := "", ""
	if below != nil {
		parent, cacheID = below.chainID, below.cacheID
	}
	if known := l.store.hold(chainOn(parent, from.diffID)); known != nil {
		return known, nil
	}
	if from.chainID != "" { // it is one already, on another parent
		return l.bringAgain(ctx, parent, from, func() (io.ReadCloser, error) {
			rc, _, err := l.store.openLayer(ctx, from.chainID)
			return rc, err
		})
	}
	p := from.pending
	if !from.again {
		kept, err := l.attach(ctx, parent, cacheID, from)
		if kept != nil || err != nil {
			return kept, err
		}
		from.again = true
	}
	return l.bringAgain(ctx, parent, from, func() (io.ReadCloser, error) {
		record, err := openRecord(p.dir)
		if err != nil {
			return nil, err
		}
		return l.store.assembledFrom(ctx, p.cacheID, record, nil)
	})
}

// attach keeps an unpacked layer as it is on a parent, and holds it. It gives
// none when what lies below decides about something in it.
func (l *loader) attach(ctx context.Context, parent, cacheID string, from *loadedLayer) (*layer, error) {
	p := from.pending
	detacher := l.store.driver.(graphdriver.Detacher) //nolint:forcetypeassert // it has unpacked the layer
	ok, err := detacher.Attach(p.cacheID, cacheID)
	if !ok || err != nil {
		return nil, err
	}
	p.parent = parent
	kept, err := l.store.keepAlone(ctx, p)
	if err != nil {
		return nil, err
	}
	if kept.cacheID == p.cacheID {
		from.chainID = kept.chainID
		l.hold(l.store.hold(kept.chainID)) // as a source of others
	}
	return kept, nil
}

// bringAgain unpacks the archive of a layer that is unpacked, in another place.
func (l *loader) bringAgain(ctx context.Context, parent string, from *loadedLayer, open func() (io.ReadCloser, error)) (*layer, error) {
	return l.store.bringOne(ctx, parent, layerSource{
		diffID: from.diffID,
		open:   func(context.Context, func(layerState)) (io.ReadCloser, error) { return open() },
	})
}

// holdAny holds some layer with these contents, on whatever parent; nil when
// there is none.
func (s *Store) holdAny(diffID string) *layer {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.layers {
		if l.diffID == diffID {
			l.holds++
			return l
		}
	}
	return nil
}
