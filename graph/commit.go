//go:build linux

package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
)

// emptyLayer is the digest of an archive of nothing: two blocks of zeros.
const emptyLayer = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

// CommitName tells what is wrong with the name of a commit, before anything is
// done. Both may be empty.
func (s *Store) CommitName(repo, tag string) error {
	if repo == "" {
		if tag != "" {
			return errdefs.InvalidArgument("a tag needs a repository: %q has none", tag)
		}
		return nil
	}
	_, err := parseName(repo, tag)
	return err
}

// Commit makes an image of what a container has written over its own image. One
// that fails or is cancelled leaves nothing.
func (s *Store) Commit(ctx context.Context, c image.Commit) (*image.Image, error) {
	if err := s.CommitName(c.Repo, c.Tag); err != nil {
		return nil, err
	}
	base, err := s.Image(c.Parent)
	if errdefs.IsNotFound(err) {
		base = nil // it was removed by force: the layers are still there
	} else if err != nil {
		return nil, err
	}
	held, err := s.bringCommit(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("committing container %s: %w", c.Container, err)
	}
	defer held.release()
	doc := s.commitDocument(c, base, held)
	img, err := image.New(doc)
	if err != nil {
		return nil, err
	}
	parent := ""
	if base != nil {
		parent = base.ID
	}
	var names []reference.Ref
	if c.Repo != "" {
		name, err := parseName(c.Repo, c.Tag)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if img, err = s.keepDocument(ctx, held, img.Raw, parent, names...); err != nil {
		return nil, fmt.Errorf("committing container %s: %w", c.Container, err)
	}
	for _, name := range names {
		s.event(ctx, "tag", img.ID, map[string]string{"name": name.FamiliarString()})
	}
	return img, nil
}

// bringCommit makes a layer of what a container has written and holds the
// stack, of which it is no part when it is empty.
func (s *Store) bringCommit(ctx context.Context, c image.Commit) (*heldLayers, error) {
	s.mu.Lock()
	chain := s.containers[c.Container]
	s.mu.Unlock()
	h := &heldLayers{chainID: chain}
	if s.hold(chain) == nil && chain != "" {
		return nil, errdefs.NotFound("no such layer: %s", chain)
	}
	h.release = sync.OnceFunc(func() { s.unhold(h.chainID) })
	err := s.bringDiff(ctx, c, h)
	if err == nil {
		h.diffIDs, err = s.diffIDs(h.chainID)
	}
	if err != nil {
		h.release()
		return nil, err
	}
	return h, nil
}

func (s *Store) bringDiff(ctx context.Context, c image.Commit, h *heldLayers) error {
	diff, err := s.driver.Diff(ctx, c.Container)
	if err != nil {
		return fmt.Errorf("reading what it has written: %w", err)
	}
	if diff, err = s.withoutStubs(ctx, c.Container, c.Stubs, diff); err != nil {
		return err
	}
	err = s.bringLayerOn(ctx, h, diff, c.Read)
	if cerr := diff.Close(); err == nil && cerr != nil {
		return cerr
	}
	return err
}

// bringLayerOn makes a layer of an archive on the held stack, of which it is then
// the upper end; one of nothing only sets empty. read, when not nil, is called
// when the archive has been read.
func (s *Store) bringLayerOn(ctx context.Context, h *heldLayers, archive io.Reader, read func()) error {
	archive, nothing, err := holdsNothing(archive)
	if err != nil {
		return err
	}
	if nothing { // a command that has written nothing: most of its commit is saved
		if read != nil {
			read()
		}
		h.empty = true
		return nil
	}
	p, err := s.unpackLayer(ctx, h.chainID, archive)
	if err != nil {
		return err
	}
	defer p.drop()
	if read != nil {
		read()
	}
	if p.diffID == emptyLayer {
		h.empty = true
		return nil
	}
	below := h.chainID
	l, err := s.keepAlone(ctx, p)
	if err != nil {
		return err
	}
	h.chainID = l.chainID
	s.unhold(below) // the new one keeps it
	return nil
}

// holdsNothing tells whether an archive is the one of no files: two blocks of
// zeros. It gives a reader of the whole archive back.
func holdsNothing(archive io.Reader) (whole io.Reader, nothing bool, err error) {
	head := make([]byte, 2*512+1)
	n, err := io.ReadFull(archive, head)
	switch {
	case err == nil, errors.Is(err, io.EOF):
	case errors.Is(err, io.ErrUnexpectedEOF):
		nothing = n == len(head)-1 && len(bytes.Trim(head[:n], "\x00")) == 0
	default:
		return nil, false, fmt.Errorf("reading the archive of a layer: %w", err)
	}
	return io.MultiReader(bytes.NewReader(head[:n]), archive), nothing, nil
}

// commitDocument is the document of a commit.
func (s *Store) commitDocument(c image.Commit, base *image.Image, held *heldLayers) image.Document {
	now := s.now().UTC()
	doc := image.Document{Architecture: runtime.GOARCH, OS: runtime.GOOS}
	if base != nil {
		doc = base.Document
		doc.History = append([]image.History{}, base.History...)
	}
	doc.RootFS = image.RootFS{Type: "layers", DiffIDs: held.diffIDs}
	doc.Created, doc.Author, doc.Comment, doc.DockerVersion = &now, c.Author, c.Comment, s.version
	doc.Config, doc.Container, doc.ContainerConfig = c.Config, c.Container, c.ContainerConfig
	doc.History = append(doc.History, image.History{
		Created: &now, CreatedBy: c.CreatedBy, Author: c.Author, Comment: c.Comment, EmptyLayer: held.empty,
	})
	return doc
}

// diffIDs names the layers of a stack, base first, by walking it down.
func (s *Store) diffIDs(chain string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for chain != "" {
		l := s.layers[chain]
		if l == nil {
			return nil, errdefs.Internal("layer %s is missing", chain)
		}
		ids = append([]string{l.diffID}, ids...)
		chain = l.parent
	}
	return ids, nil
}
