//go:build linux

package graph

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
)

// maxLayers of an image leave room for the two layers of a container.
const maxLayers = graphdriver.MaxDepth - 1

// layerPhase says what becomes of a layer that is brought in.
type layerPhase int

// The phases, in the order in which a layer goes through them.
const (
	layerWaiting   layerPhase = iota // for its turn, or for somebody else who brings it
	layerFetching                    // reported by the source
	layerUnpacking                   // current counts the bytes of what open gave
	layerExists                      // it was there before
	layerDone                        // it is unpacked; visible with the others of its stack
)

// layerState is the progress of one layer.
type layerState struct {
	phase          layerPhase
	current, total int64 // bytes; total is 0 when it is not known
}

// layerSource is one layer to bring in.
type layerSource struct {
	diffID string // digest of the uncompressed archive; "" when it is not known (schema 1)
	size   int64  // of what open gives, in bytes; 0 when it is not known
	// open gives the archive, which may be compressed. It is called at most once
	// unless the layer was left to another caller who failed; ctx ends with the
	// need for the layer. report tells everybody who waits for the layer how far
	// fetching is; it may be called until the reader is closed.
	open func(ctx context.Context, report func(layerState)) (io.ReadCloser, error)
	// progress is told of every change, also of what another caller does for this
	// layer, one at a time and no more when bringLayers has returned. It may be nil
	// and must not wait.
	progress func(layerState)
}

// heldLayers is a stack of layers that cannot go away until release.
type heldLayers struct {
	diffIDs []string // base first
	chainID string   // "" without layers
	empty   bool     // of a commit: nothing was written

	release func() // lets go; layers that nobody else needs are removed. Later calls do nothing
}

// bringLayers unpacks the layers of a stack, base first in the list, and skips
// those that exist. Layers are unpacked side by side where the driver can. Two
// callers who bring the same layer share one unpacking: the later one waits, is
// told of its progress, and does it himself when the other one fails. A layer
// whose archive has another digest is refused. On error nothing stays.
//
// Sources without a digest are brought one after the other and shared with
// nobody.
func (s *Store) bringLayers(ctx context.Context, sources []layerSource) (*heldLayers, error) {
	if len(sources) > maxLayers {
		return nil, errdefs.InvalidArgument("max depth exceeded: the image has %d layers, the most are %d", len(sources), maxLayers)
	}
	diffIDs := make([]string, 0, len(sources))
	for _, src := range sources {
		switch {
		case src.diffID == "":
			return s.bringInTurn(ctx, sources)
		case !image.ValidDigest(src.diffID):
			return nil, errdefs.InvalidArgument("%q is no sha256 digest of a layer", src.diffID)
		}
		diffIDs = append(diffIDs, src.diffID)
	}
	h := &heldLayers{diffIDs: diffIDs, chainID: image.ChainID(diffIDs)}
	h.release = sync.OnceFunc(func() { s.unhold(h.chainID) })
	if len(sources) == 0 {
		return h, nil
	}
	for {
		err := s.bringRound(ctx, sources, image.ChainIDs(diffIDs))
		switch {
		case err == nil:
			return h, nil
		case !errors.Is(err, errOthers) || ctx.Err() != nil:
			return nil, err
		}
		// Somebody else failed whose layers we waited for: it is ours now.
	}
}

// bringInTurn brings one layer after the other.
func (s *Store) bringInTurn(ctx context.Context, sources []layerSource) (*heldLayers, error) {
	h := &heldLayers{}
	h.release = sync.OnceFunc(func() { s.unhold(h.chainID) })
	for _, src := range sources {
		l, err := s.bringOne(ctx, h.chainID, src)
		if err != nil {
			h.release()
			return nil, err
		}
		below := h.chainID
		h.chainID = l.chainID
		h.diffIDs = append(h.diffIDs, l.diffID)
		s.unhold(below) // the new one keeps it
	}
	return h, nil
}

// bringOne brings one layer on parent, which is held, and holds it.
func (s *Store) bringOne(ctx context.Context, parent string, src layerSource) (*layer, error) {
	if src.diffID != "" {
		if l := s.hold(chainOn(parent, src.diffID)); l != nil {
			src.tell(layerState{phase: layerExists})
			return l, nil
		}
	}
	r, err := src.open(ctx, src.tell)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := s.unpackLayer(ctx, parent, r)
	if err != nil {
		return nil, err
	}
	defer p.drop()
	if src.diffID != "" && src.diffID != p.diffID {
		return nil, wrongDigest(src.diffID, p.diffID)
	}
	l, err := s.keepAlone(ctx, p)
	if err == nil {
		src.tell(layerState{phase: layerDone})
	}
	return l, err
}

func wrongDigest(want, got string) error {
	return errdefs.InvalidArgument("layer verification failed: the archive of layer %s has the digest %s", want, got)
}

// tell is progress, which may be nil.
func (src *layerSource) tell(state layerState) {
	if src.progress != nil {
		src.progress(state)
	}
}

// chainOn is the id of the stack parent with one more layer.
func chainOn(parent, diffID string) string {
	if parent == "" {
		return diffID
	}
	return image.Digest([]byte(parent + " " + diffID))
}

// hold keeps a layer from being removed; nil when there is none.
func (s *Store) hold(chainID string) *layer {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.layers[chainID]
	if l != nil {
		l.holds++
	}
	return l
}

// unholdLayer undoes one hold and tells whether nobody needs the layer. l may be
// nil.
func (s *Store) unholdLayer(l *layer) (idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l == nil {
		return false
	}
	l.holds--
	return !l.used()
}

// unhold undoes one hold and removes what nobody needs.
func (s *Store) unhold(chainID string) {
	s.mu.Lock()
	l := s.layers[chainID]
	s.mu.Unlock()
	if !s.unholdLayer(l) {
		return
	}
	s.change.Lock()
	defer s.change.Unlock()
	if _, err := s.release(chainID); err != nil {
		s.logf("removing a layer that nobody needs: %v", err)
	}
}

// keepDocument makes the image of held layers visible, with its names. raw is
// kept byte for byte; it must name the layers that are held. parent is the id of
// the image it was made from, "" for none or one that is not here. Names that
// exist move. A new image appears with all of its names at once, or not at all.
func (s *Store) keepDocument(ctx context.Context, held *heldLayers, raw []byte, parent string, names ...reference.Ref) (*image.Image, error) {
	img, err := image.Parse(raw)
	if err != nil {
		return nil, err
	}
	if img.ChainID != held.chainID {
		return nil, errdefs.InvalidArgument("the document of image %s names other layers than those that came with it", img.ID)
	}
	s.change.Lock()
	defer s.change.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.current.Load().images[parent] != nil {
		img.Parent = parent
	}
	return s.keepNamed(img, names)
}

// holdImage finds an image and keeps its layers from being removed until
// release is called, so that they can be read beside a removal of the image.
func (s *Store) holdImage(ref string) (img *image.Image, release func(), err error) {
	if img, err = s.Image(ref); err != nil {
		return nil, nil, err
	}
	if img.ChainID == "" {
		return img, func() {}, nil
	}
	if s.hold(img.ChainID) == nil {
		return nil, nil, noSuchImage(ref)
	}
	return img, sync.OnceFunc(func() { s.unhold(img.ChainID) }), nil
}

// stacks tells whether the driver unpacks layers of a stack side by side.
func (s *Store) stacks() bool {
	_, ok := s.driver.(graphdriver.Stacker)
	return ok
}
