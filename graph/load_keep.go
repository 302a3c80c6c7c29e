//go:build linux

package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
)

// keptImage is an image whose layers are there and held.
type keptImage struct {
	img    *image.Image
	parent string // claimed; "" for none
	names  []reference.Ref
	inner  bool // a layer on the way of a classic image, without a name
}

// bring brings in the layers of an image and makes its document.
func (l *loader) bring(ctx context.Context, w wantedImage) ([]keptImage, error) {
	var sources []layerSource
	var diffIDs []string
	unpacked := false
	for _, layer := range w.layers {
		if err := layer.check(); err != nil {
			return nil, err
		}
		unpacked = unpacked || layer.from.pending != nil
		sources = append(sources, l.source(layer))
		diffIDs = append(diffIDs, layer.from.diffID)
	}
	if unpacked {
		if err := l.bringUnpacked(ctx, w.layers); err != nil {
			return nil, err
		}
	} else {
		held, err := l.store.bringLayers(ctx, sources)
		if err != nil {
			return nil, err
		}
		l.releases = append(l.releases, held.release)
		diffIDs = held.diffIDs
	}
	if w.img == nil {
		return classicImages(w, diffIDs)
	}
	k := keptImage{img: w.img, parent: w.parent}
	for _, n := range w.names {
		k.names = append(k.names, n.name)
	}
	return []keptImage{k}, nil
}

// check holds what came against what the archive says of it.
func (w wantedLayer) check() error {
	if got := w.from.diffID; got != "" && w.diffID != "" && got != w.diffID {
		return wrongDigest(w.diffID, got)
	}
	if w.blob.Digest == "" {
		return nil
	}
	if w.from.digest != w.blob.Digest {
		return errdefs.InvalidArgument("the blob %s of the OCI layout has the digest %s", w.blob.Digest, w.from.digest)
	}
	if w.from.size != w.blob.Size {
		return errdefs.InvalidArgument("the blob %s of the OCI layout has %d bytes, not %d as its descriptor says", w.blob.Digest, w.from.size, w.blob.Size)
	}
	return nil
}

// source gives a layer that waits or is known.
func (l *loader) source(w wantedLayer) layerSource {
	src := layerSource{diffID: w.diffID, size: w.from.size}
	if src.diffID == "" {
		src.diffID = w.from.diffID
	}
	src.open = func(ctx context.Context, _ func(layerState)) (io.ReadCloser, error) {
		if w.from.spool != nil {
			return io.NopCloser(io.NewSectionReader(w.from.spool, 0, w.from.size)), nil
		}
		rc, _, err := l.store.openLayer(ctx, w.from.chainID)
		return rc, err
	}
	return src
}

// classicImages makes an image of every layer of a classic one, each the parent
// of the next, as Docker does.
func classicImages(w wantedImage, diffIDs []string) ([]keptImage, error) {
	var list []keptImage
	var history []classicHistory
	parent := ""
	for i, raw := range w.classic {
		doc, err := parseClassic(raw)
		if err != nil {
			return nil, err
		}
		history = append(history, doc.history(false))
		content, err := fromClassic(raw, diffIDs[:i+1], history)
		if err != nil {
			return nil, err
		}
		k := keptImage{parent: parent}
		if k.img, err = image.Parse(content); err != nil {
			return nil, err
		}
		for _, n := range w.names {
			if n.layers == i+1 {
				k.names = append(k.names, n.name)
			}
		}
		k.inner = len(k.names) == 0 && i+1 < len(w.classic)
		list = append(list, k)
		parent = k.img.ID
	}
	return list, nil
}

// keepLoaded makes images visible with their names, all or none. Their layers
// are held.
func (s *Store) keepLoaded(ctx context.Context, list []keptImage) (err error) {
	s.change.Lock()
	defer s.change.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	before := s.current.Load()
	var fresh []*image.Image
	defer func() {
		if err == nil {
			return
		}
		err = errors.Join(err, s.undoLoaded(before, fresh))
	}()
	names := make(map[string]string)
	for _, k := range list {
		for _, name := range k.names {
			names[name.String()] = k.img.ID
		}
	}
	if len(names) > 0 {
		if err := s.promise(before.refs, names); err != nil {
			return fmt.Errorf("naming images: %w", err)
		}
	}
	for _, i := range parentsFirst(list) {
		k, now := list[i], s.current.Load()
		known := now.images[k.img.ID] != nil
		if parent := now.images[k.parent]; !known && parent != nil && mayBeParent(parent, k.img) {
			k.img.Parent = k.parent
		}
		img, err := s.keepImage(k.img)
		if err != nil {
			return err
		}
		list[i].img = img
		if !known {
			fresh = append(fresh, img)
		}
	}
	return s.setNames(names)
}

// parentsFirst orders the places of images so that none comes before its parent,
// which has less history.
func parentsFirst(list []keptImage) []int {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(list[a].img.History) - len(list[b].img.History) })
	return order
}

// undoLoaded gives names back and takes images away, the last first. Callers
// hold change.
func (s *Store) undoLoaded(before *snapshot, fresh []*image.Image) error {
	if err := s.saveRefs(before.refs); err != nil {
		return fmt.Errorf("giving names back: %w", err)
	}
	s.publish(s.current.Load().images, before.refs)
	var errs []error
	for _, img := range slices.Backward(fresh) {
		_, err := s.dropImage(img)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// mayBeParent tells whether an image can be what another was made from: it has
// less history and the same layers as far as it goes. That the history grows
// means that parents never form a loop.
func mayBeParent(parent, img *image.Image) bool {
	if len(parent.History) >= len(img.History) || len(parent.RootFS.DiffIDs) > len(img.RootFS.DiffIDs) {
		return false
	}
	if !slices.Equal(parent.RootFS.DiffIDs, img.RootFS.DiffIDs[:len(parent.RootFS.DiffIDs)]) {
		return false
	}
	return slices.EqualFunc(parent.History, img.History[:len(parent.History)], sameStep)
}

func sameStep(a, b image.History) bool {
	if a.Created == nil || b.Created == nil {
		if a.Created != b.Created {
			return false
		}
	} else if !a.Created.Equal(*b.Created) {
		return false
	}
	return a.CreatedBy == b.CreatedBy && a.Author == b.Author && a.Comment == b.Comment && a.EmptyLayer == b.EmptyLayer
}
