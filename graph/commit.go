//go:build linux

package graph

import (
	"context"
	"fmt"
	"runtime"

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
	s.mu.Lock()
	chain := s.containers[c.Container]
	s.mu.Unlock()
	diff, err := s.driver.Diff(ctx, c.Container)
	if err != nil {
		return nil, fmt.Errorf("reading what container %s has written: %w", c.Container, err)
	}
	p, err := s.unpackLayer(ctx, chain, diff)
	if cerr := diff.Close(); err == nil && cerr != nil {
		p.drop()
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("committing container %s: %w", c.Container, err)
	}
	defer p.drop()
	if c.Read != nil {
		c.Read()
	}
	img, err := s.keepCommit(ctx, c, base, chain, p)
	if err != nil {
		return nil, fmt.Errorf("committing container %s: %w", c.Container, err)
	}
	return img, nil
}

// commitDocument is the document of a commit.
func (s *Store) commitDocument(c image.Commit, base *image.Image, chain string, p *pendingLayer) (image.Document, error) {
	now := s.now().UTC()
	doc := image.Document{Architecture: runtime.GOARCH, OS: runtime.GOOS}
	if base != nil {
		doc = base.Document
		doc.History = append([]image.History{}, base.History...)
		doc.RootFS.DiffIDs = append([]string{}, base.RootFS.DiffIDs...)
	} else if chain != "" {
		diffIDs, err := s.diffIDs(chain)
		if err != nil {
			return doc, err
		}
		doc.RootFS.DiffIDs = diffIDs
	}
	doc.RootFS.Type = "layers"
	doc.Created, doc.Author, doc.Comment, doc.DockerVersion = &now, c.Author, c.Comment, s.version
	doc.Config, doc.Container, doc.ContainerConfig = c.Config, c.Container, c.ContainerConfig
	step := image.History{Created: &now, CreatedBy: c.CreatedBy, Author: c.Author, Comment: c.Comment}
	if step.EmptyLayer = p.diffID == emptyLayer; !step.EmptyLayer {
		doc.RootFS.DiffIDs = append(doc.RootFS.DiffIDs, p.diffID)
	}
	doc.History = append(doc.History, step)
	return doc, nil
}

// keepCommit makes layer, document and name visible, in this order.
func (s *Store) keepCommit(ctx context.Context, c image.Commit, base *image.Image, chain string, p *pendingLayer) (*image.Image, error) {
	doc, err := s.commitDocument(c, base, chain, p)
	if err != nil {
		return nil, err
	}
	var name reference.Ref
	if c.Repo != "" {
		if name, err = parseName(c.Repo, c.Tag); err != nil {
			return nil, err
		}
	}
	s.change.Lock()
	defer s.change.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p.diffID != emptyLayer {
		if chain, err = s.keepLayer(p); err != nil {
			return nil, err
		}
	}
	img, err := image.New(doc)
	if err == nil {
		if base != nil {
			img.Parent = base.ID
		}
		img, err = s.keepNamed(img, name)
	}
	if err != nil {
		if p.diffID != emptyLayer {
			if rerr := s.release(chain); rerr != nil {
				s.logf("removing the layer of a failed commit: %v", rerr)
			}
		}
		return nil, err
	}
	return img, nil
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
