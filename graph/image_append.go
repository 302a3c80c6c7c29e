//go:build linux

package graph

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
)

func (s *Store) imageAppendDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "image_append", Summary: "Make an image of another one, or of nothing, and at most one more layer, and print its id.", Changes: true,
		Args: []engine.Arg{{Name: "PARENT", Optional: true, Summary: "name or id; absent: nothing"}},
		Env: []engine.Key{
			{Name: "Spec", Type: engine.JSON, Secret: true, Summary: "what it is to be, an image.Append"},
			{Name: "layer", Type: engine.Bool, Summary: "stdin is the archive of a layer"},
		},
		Stdin: engine.Bytes, Stdout: engine.Bytes, Handler: s.jobImageAppend,
	}
}

type appendOptions struct {
	parent string
	spec   image.Append
	layer  io.Reader // nil: none
}

func decodeImageAppend(job *engine.Job) (opt appendOptions, err error) {
	if len(job.Args) > 0 {
		opt.parent = job.Args[0]
	}
	if job.GetenvBool("layer") {
		opt.layer = job.Stdin
	}
	return opt, job.GetenvJson("Spec", &opt.spec)
}

// jobImageAppend
//
//	Usage:  image_append [PARENT]
//	Env:    Spec: configuration, history, author; layer: whether there is one
//	Stdin:  with layer, its archive, with whiteouts; plain or compressed
//	Stdout: the id of the image and a newline
//	Errors: NotFound (parent), InvalidArgument (archive, too many layers)
//
// One that fails or is cancelled leaves nothing. An archive of nothing makes no
// layer. The image has no name; PARENT is its parent.
func (s *Store) jobImageAppend(job *engine.Job) error {
	opt, err := decodeImageAppend(job)
	if err != nil {
		return err
	}
	img, err := s.Append(job.Context(), opt)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(job.Stdout, img.ID)
	return err
}

// Append makes the image.
func (s *Store) Append(ctx context.Context, opt appendOptions) (*image.Image, error) {
	var base *image.Image
	if opt.parent != "" {
		var err error
		if base, err = s.Image(opt.parent); err != nil {
			return nil, err
		}
	}
	held, err := s.holdAppend(ctx, base, opt)
	if err != nil {
		return nil, err
	}
	defer held.release()
	doc, err := s.appendDocument(opt.spec, base, held)
	if err != nil {
		return nil, err
	}
	img, err := image.New(doc)
	if err != nil {
		return nil, err
	}
	parent := ""
	if base != nil {
		parent = base.ID
	}
	return s.keepDocument(ctx, held, img.Raw, parent)
}

// holdAppend holds the stack of the new image.
func (s *Store) holdAppend(ctx context.Context, base *image.Image, opt appendOptions) (*heldLayers, error) {
	if opt.spec.From == "" {
		return s.bringAppend(ctx, base, opt.layer)
	}
	from, err := s.Image(opt.spec.From)
	if err != nil {
		return nil, err
	}
	n := opt.spec.Layers
	if n < 0 || n > len(from.RootFS.DiffIDs) || opt.layer != nil {
		return nil, errdefs.InvalidArgument("image %s has %d layers: %d of them cannot be those of another image", image.ShortID(from.ID), len(from.RootFS.DiffIDs), n)
	}
	h := &heldLayers{diffIDs: from.RootFS.DiffIDs[:n]}
	h.chainID = image.ChainID(h.diffIDs)
	if base != nil && (len(base.RootFS.DiffIDs) > n || !slices.Equal(base.RootFS.DiffIDs, h.diffIDs[:len(base.RootFS.DiffIDs)])) {
		return nil, errdefs.InvalidArgument("image %s is not built on %s", image.ShortID(from.ID), image.ShortID(base.ID))
	}
	h.empty = base != nil && len(base.RootFS.DiffIDs) == n
	if s.hold(h.chainID) == nil && h.chainID != "" {
		return nil, noSuchImage(from.ID)
	}
	h.release = sync.OnceFunc(func() { s.unhold(h.chainID) })
	return h, nil
}

// bringAppend holds the stack of an image and of the layer over it.
func (s *Store) bringAppend(ctx context.Context, base *image.Image, layer io.Reader) (*heldLayers, error) {
	h := &heldLayers{empty: layer == nil}
	if base != nil {
		h.chainID = base.ChainID
		if s.hold(h.chainID) == nil && h.chainID != "" {
			return nil, noSuchImage(base.ID)
		}
		h.diffIDs = base.RootFS.DiffIDs
	}
	h.release = sync.OnceFunc(func() { s.unhold(h.chainID) })
	if layer == nil {
		return h, nil
	}
	err := s.bringLayerOn(ctx, h, layer, nil)
	if err == nil {
		h.diffIDs, err = s.diffIDs(h.chainID)
	}
	if err != nil {
		h.release()
		return nil, fmt.Errorf("adding a layer: %w", err)
	}
	return h, nil
}

// appendDocument is the document of the image.
func (s *Store) appendDocument(spec image.Append, base *image.Image, held *heldLayers) (image.Document, error) {
	now := s.now().UTC()
	doc := image.Document{Architecture: runtime.GOARCH, OS: runtime.GOOS}
	if base != nil {
		doc = base.Document
		doc.History = append([]image.History{}, base.History...)
	} else if spec.Platform != "" {
		p, err := parsePlatform(spec.Platform)
		if err != nil {
			return doc, err
		}
		doc.OS, doc.Architecture, doc.Variant = p.OS, p.Architecture, p.Variant
	}
	doc.RootFS = image.RootFS{Type: "layers", DiffIDs: held.diffIDs}
	doc.Created, doc.Author, doc.Comment, doc.DockerVersion = &now, spec.Author, spec.Comment, s.version
	doc.Config, doc.Container, doc.ContainerConfig = spec.Config, "", spec.ContainerConfig
	if spec.History != nil {
		doc.History = append(doc.History, *spec.History)
		return doc, nil
	}
	doc.History = append(doc.History, image.History{
		Created: &now, CreatedBy: spec.CreatedBy, Author: spec.Author, Comment: spec.Comment, EmptyLayer: held.empty,
	})
	return doc, nil
}
