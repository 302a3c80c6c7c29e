//go:build linux

package graph

import (
	"maps"
	"slices"
	"strings"

	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
)

// snapshot is all images at one moment. It and everything in it is never
// changed: publish replaces it.
type snapshot struct {
	images   map[string]*image.Image // by id
	refs     map[string]string       // full reference, with tag or digest → id
	children map[string][]string     // id → ids of the images made from it
	hexes    []string                // ids without algorithm, sorted
	newest   []*image.Image          // newest first
}

func (n *snapshot) copyImages() map[string]*image.Image { return maps.Clone(n.images) }

// publish makes a new snapshot the current one. Callers hold change, so that
// none is lost.
func (s *Store) publish(images map[string]*image.Image, refs map[string]string) {
	next := &snapshot{images: make(map[string]*image.Image, len(images)), refs: refs, children: make(map[string][]string)}
	tags, digests := namesByID(refs)
	for id, img := range images {
		if !slices.Equal(img.RepoTags, tags[id]) || !slices.Equal(img.RepoDigests, digests[id]) {
			renamed := *img
			renamed.RepoTags, renamed.RepoDigests = tags[id], digests[id]
			img = &renamed
		}
		next.images[id] = img
		next.hexes = append(next.hexes, hexOf(id))
		next.newest = append(next.newest, img)
		if img.Parent != "" {
			next.children[img.Parent] = append(next.children[img.Parent], id)
		}
	}
	slices.Sort(next.hexes)
	slices.SortFunc(next.newest, func(a, b *image.Image) int {
		if c := b.CreatedTime().Compare(a.CreatedTime()); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	s.current.Store(next)
}

// namesByID gives each image its names as people write them, sorted.
func namesByID(refs map[string]string) (tags, digests map[string][]string) {
	tags, digests = make(map[string][]string), make(map[string][]string)
	for name, id := range refs {
		ref, err := reference.Parse(name)
		if err != nil {
			continue
		}
		if ref.Digest != "" {
			digests[id] = append(digests[id], ref.FamiliarString())
		} else {
			tags[id] = append(tags[id], ref.FamiliarString())
		}
	}
	for _, m := range []map[string][]string{tags, digests} {
		for _, list := range m {
			slices.Sort(list)
		}
	}
	return tags, digests
}

// named tells whether an image has any name.
func named(img *image.Image) bool { return len(img.RepoTags)+len(img.RepoDigests) > 0 }

// LayersSize is the size of all layers of images, each counted once, in bytes.
func (s *Store) LayersSize() (size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.layers {
		size += l.size
	}
	return size
}

// ImageCount is how many images there are.
func (s *Store) ImageCount() int { return len(s.current.Load().images) }
