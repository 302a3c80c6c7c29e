//go:build linux

package graph

import (
	"context"
	"fmt"
	"slices"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/mount"
)

// The methods in this file are what package daemon asks for: the writable
// layers of containers, named by the container's id.

// loadContainers counts the containers' layers that the driver has.
func (s *Store) loadContainers() {
	list := s.driver.List()
	parents := parentsOf(list)
	chains := map[string]string{"": ""}
	for chain, l := range s.layers {
		chains[l.cacheID] = chain
	}
	for _, l := range list {
		if !l.ReadWrite {
			continue
		}
		chain, right := chains[l.Parent] // see LayerOnImage
		known := right
		if !right {
			chain, known = chains[parents[l.Parent]] // container on init on image
		}
		if !known {
			s.logf("container layer %s is on a layer that no image has", l.ID)
			continue
		}
		s.containers[l.ID] = chain

		if up := s.layers[chain]; up != nil {
			up.containers++
			up.initReady = up.initReady || !right // or the container would not have been made
		}
	}
}

// ContainerLayers lists the writable layers that exist, sorted, so that the
// daemon can remove those of containers that a crash left half-made.
func (s *Store) ContainerLayers() []string {
	var list []string
	for _, l := range s.driver.List() {
		if l.ReadWrite {
			list = append(list, l.ID)
		}
	}
	slices.Sort(list)
	return list
}

// CreateLayer makes the writable layer of a container.
func (s *Store) CreateLayer(id string, img *image.Image) error {
	l, err := s.countContainer(id, img)
	if err != nil {
		return err
	}
	base, err := s.initLayer(l)
	if err == nil {
		err = s.driver.Create(id, base, true)
	}
	if err != nil {
		s.forgetContainer(id)
		return fmt.Errorf("creating the writable layer of %s: %w", id, err)
	}
	return nil
}

// LayerOnImage makes a layer right on those of an image, without what containers need
// in their root. RemoveLayer removes it.
func (s *Store) LayerOnImage(id string, img *image.Image) error {
	l, err := s.countContainer(id, img)
	if err != nil {
		return err
	}
	base := ""
	if l != nil {
		base = l.cacheID
	}
	if err := s.driver.Create(id, base, true); err != nil {
		s.forgetContainer(id)
		return fmt.Errorf("creating a layer on image %s: %w", img.ID, err)
	}
	return nil
}

// countContainer keeps the layers of an image for a container. It gives the topmost,
// nil for an image without any.
func (s *Store) countContainer(id string, img *image.Image) (*layer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.layers[img.ChainID]
	if l == nil && img.ChainID != "" {
		return nil, noSuchImage(img.ID)
	}
	if _, taken := s.containers[id]; taken {
		return nil, errdefs.Conflict("container layer %s exists already", id)
	}
	s.containers[id] = img.ChainID
	if l != nil {
		l.containers++
	}
	return l, nil
}

// forgetContainer takes a container off its image's layer.
func (s *Store) forgetContainer(id string) (chain string, idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chain, ok := s.containers[id]
	delete(s.containers, id)
	l := s.layers[chain]
	if !ok || l == nil {
		return "", false
	}
	l.containers--
	return chain, !l.used()
}

// RemoveLayer removes the writable layer of a container and, when its image is
// gone already, the layers that it kept alive. One of none is no error.
func (s *Store) RemoveLayer(id string) error {
	if err := s.driver.Remove(id); err != nil {
		return fmt.Errorf("removing the writable layer of %s: %w", id, err)
	}
	chain, idle := s.forgetContainer(id)
	if !idle {
		return nil
	}
	s.change.Lock()
	defer s.change.Unlock()
	_, err := s.release(chain)
	return err
}

// Mounts says how the exec driver mounts a container's root.
func (s *Store) Mounts(id string) ([]mount.Mount, error) { return s.driver.Mounts(id) }

// ExpendableMounts is Mounts for a container that is removed at its end: nothing
// of it has to survive a power cut.
func (s *Store) ExpendableMounts(id string) ([]mount.Mount, error) {
	if d, ok := s.driver.(graphdriver.Expendable); ok {
		return d.ExpendableMounts(id)
	}
	return s.driver.Mounts(id)
}

// MountLayer mounts a container's root on the host; each call needs its
// UnmountLayer.
func (s *Store) MountLayer(id string) (string, error) { return s.driver.Get(id) }

// UnmountLayer undoes one MountLayer.
func (s *Store) UnmountLayer(id string) error { return s.driver.Put(id) }

// LayerSize is what a container has written.
func (s *Store) LayerSize(ctx context.Context, id string) (int64, error) {
	return s.driver.DiffSize(ctx, id)
}

// Changes lists what a container changed.
func (s *Store) Changes(ctx context.Context, id string) ([]graphdriver.Change, error) {
	return s.driver.Changes(ctx, id)
}

// LayerMetadata is shown by inspect.
func (s *Store) LayerMetadata(id string) (map[string]string, error) { return s.driver.Metadata(id) }

// DriverName and DriverStatus are shown by info.
func (s *Store) DriverName() string { return s.driver.Name() }

// DriverStatus lists facts of the storage driver.
func (s *Store) DriverStatus() [][2]string { return s.driver.Status() }
