//go:build linux

package graph

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
)

// The methods in this file are what package builder asks for.

// Children lists the images that were made here on one, newest first; of "",
// those that were made here on nothing.
func (s *Store) Children(id string) []*image.Image {
	now := s.current.Load()
	var list []*image.Image
	if id == "" {
		for _, img := range now.newest {
			if img.Parent == "" && img.ContainerConfig != nil {
				list = append(list, img)
			}
		}
		return list
	}
	for _, child := range now.children[id] {
		list = append(list, now.images[child])
	}
	slices.SortFunc(list, newer)
	return list
}

// ViewImage mounts the root of an image on the host, to be read only, until
// release. An image that is removed meanwhile keeps its layers until then. ""
// shows an empty directory.
func (s *Store) ViewImage(ctx context.Context, id string) (root string, release func() error, err error) {
	chain := ""
	if id != "" {
		img, err := s.Image(id)
		if err != nil {
			return "", nil, err
		}
		chain = img.ChainID
	}
	if err := ctx.Err(); err != nil {
		return "", nil, err
	}
	if chain == "" {
		dir, err := os.MkdirTemp(s.path("tmp"), "empty-")
		if err != nil {
			return "", nil, fmt.Errorf("making an empty root: %w", err)
		}
		return dir, sync.OnceValue(func() error { return os.Remove(dir) }), nil
	}
	l := s.hold(chain)
	if l == nil {
		return "", nil, errdefs.NotFound("no such layer: %s", chain)
	}
	root, err = s.driver.Get(l.cacheID)
	if err != nil {
		s.unhold(chain)
		return "", nil, err
	}
	return root, sync.OnceValue(func() error {
		err := s.driver.Put(l.cacheID)
		s.unhold(chain)
		return err
	}), nil
}

// HoldImage keeps an image from being pruned until release. It may be removed by
// name all the same.
func (s *Store) HoldImage(id string) (release func()) {
	s.mu.Lock()
	s.heldImages[id]++
	s.mu.Unlock()
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.heldImages[id]--; s.heldImages[id] == 0 {
			delete(s.heldImages, id)
		}
	})
}

// imageHeld tells whether a prune must leave an image.
func (s *Store) imageHeld(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heldImages[id] > 0
}
