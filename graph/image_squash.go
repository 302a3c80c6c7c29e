//go:build linux

package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/archive"
)

func (s *Store) imageSquashDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "image_squash", Summary: "Make an image with one layer of all that an image has over another one, and print its id.", Changes: true,
		Args: []engine.Arg{
			{Name: "IMAGE", Summary: "name or id"},
			{Name: "BASE", Optional: true, Summary: "name or id of an image that it is built on; absent: nothing"},
		},
		Stdout: engine.Bytes, Handler: s.jobImageSquash,
	}
}

// jobImageSquash
//
//	Usage:  image_squash IMAGE [BASE]
//	Stdout: the id of the new image and a newline
//	Errors: NotFound, InvalidArgument (IMAGE is not built on BASE)
//
// The new image has the configuration and history of IMAGE, no name and no
// parent; both others stay.
func (s *Store) jobImageSquash(job *engine.Job) error {
	base := ""
	if len(job.Args) > 1 {
		base = job.Args[1]
	}
	img, err := s.Squash(job.Context(), job.Args[0], base)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(job.Stdout, img.ID)
	return err
}

// Squash makes the image.
func (s *Store) Squash(ctx context.Context, name, baseName string) (*image.Image, error) {
	img, err := s.Image(name)
	if err != nil {
		return nil, err
	}
	var base *image.Image
	if baseName != "" {
		if base, err = s.Image(baseName); err != nil {
			return nil, err
		}
		below := base.RootFS.DiffIDs
		if len(below) > len(img.RootFS.DiffIDs) || !slices.Equal(below, img.RootFS.DiffIDs[:len(below)]) {
			return nil, errdefs.InvalidArgument("squashing image %s: it is not built on %s", image.ShortID(img.ID), image.ShortID(base.ID))
		}
	}
	held, err := s.bringSquashed(ctx, img, base)
	if err != nil {
		return nil, fmt.Errorf("squashing image %s: %w", image.ShortID(img.ID), err)
	}
	defer held.release()
	made, err := image.New(s.squashedDocument(img, base, held))
	if err != nil {
		return nil, err
	}
	return s.keepDocument(ctx, held, made.Raw, "")
}

// bringSquashed makes the one layer: what differs between the two roots.
func (s *Store) bringSquashed(ctx context.Context, img, base *image.Image) (held *heldLayers, err error) {
	before, baseID := "", ""
	if base != nil && base.ChainID != "" {
		baseID = base.ID
	}
	now, done, err := s.ViewImage(ctx, img.ID)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	if baseID != "" {
		root, done, err := s.ViewImage(ctx, baseID)
		if err != nil {
			return nil, err
		}
		before = root
		defer func() { err = errors.Join(err, done()) }()
	}
	changes, err := archive.Compare(ctx, before, now)
	if err != nil {
		return nil, err
	}
	pack := archive.PackOptions{Only: []string{}}
	for _, c := range changes {
		if c.Kind == archive.Deleted {
			pack.Deleted = append(pack.Deleted, c.Path)
		} else {
			pack.Only = append(pack.Only, c.Path)
		}
	}
	diff := archive.Stream(ctx, now, pack)
	held, err = s.bringAppend(ctx, base, diff)
	return held, errors.Join(err, diff.Close())
}

// squashedDocument has the history of the image; what was squashed made no layer of
// its own any more.
func (s *Store) squashedDocument(img, base *image.Image, held *heldLayers) image.Document {
	now := s.now().UTC()
	doc := img.Document
	doc.Created, doc.RootFS = &now, image.RootFS{Type: "layers", DiffIDs: held.diffIDs}
	doc.History = slices.Clone(img.History)
	first, comment := 0, "create new from "+img.ID
	if base != nil {
		first, comment = len(base.History), fmt.Sprintf("merge %s to %s", img.ID, base.ID)
	}
	for i := first; i < len(doc.History); i++ {
		doc.History[i].EmptyLayer = true
	}
	doc.History = append(doc.History, image.History{Created: &now, Comment: comment, EmptyLayer: held.empty})
	return doc
}
