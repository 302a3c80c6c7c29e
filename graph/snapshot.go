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
	rows     map[string]*imageRow    // what images shows of each, by id
}

func (n *snapshot) copyImages() map[string]*image.Image { return maps.Clone(n.images) }

// publish makes a new snapshot the current one. Callers hold change, so that
// none is lost. What did not change is taken over from the present one: a store
// of thousands changes one image at a time.
func (s *Store) publish(images map[string]*image.Image, refs map[string]string) {
	old := s.current.Load()
	if old == nil {
		old = &snapshot{}
	}
	next := &snapshot{images: make(map[string]*image.Image, len(images)), refs: refs, children: make(map[string][]string), rows: make(map[string]*imageRow, len(images))}
	changed := renamed(old, images, refs)
	tags, digests := namesByID(refs, changed)
	var added []*image.Image
	for id, img := range images {
		if changed[id] && (!slices.Equal(img.RepoTags, tags[id]) || !slices.Equal(img.RepoDigests, digests[id])) {
			again := *img
			again.RepoTags, again.RepoDigests = tags[id], digests[id]
			img = &again
		}
		next.images[id] = img
		if next.rows[id] = old.rows[id]; old.images[id] != img {
			next.rows[id] = &imageRow{}
		}
		if old.images[id] == nil {
			added = append(added, img)
		}
		if img.Parent != "" {
			next.children[img.Parent] = append(next.children[img.Parent], id)
		}
	}
	next.sort(old, added)
	s.current.Store(next)
}

// renamed lists the images whose names may be others than before.
func renamed(old *snapshot, images map[string]*image.Image, refs map[string]string) map[string]bool {
	changed := make(map[string]bool)
	for name, id := range refs {
		if was := old.refs[name]; was != id {
			changed[id], changed[was] = true, true
		}
	}
	for name, id := range old.refs {
		if refs[name] != id {
			changed[id] = true
		}
	}
	for id := range images {
		if old.images[id] == nil {
			changed[id] = true
		}
	}
	return changed
}

// sort makes the ordered lists from those of the snapshot before and what was
// added.
func (n *snapshot) sort(old *snapshot, added []*image.Image) {
	n.newest = make([]*image.Image, 0, len(n.images))
	n.hexes = make([]string, 0, len(n.images))
	for _, img := range old.newest {
		if img = n.images[img.ID]; img != nil {
			n.newest = append(n.newest, img)
		}
	}
	for _, hex := range old.hexes {
		if n.images["sha256:"+hex] != nil {
			n.hexes = append(n.hexes, hex)
		}
	}
	if len(added) > 8 { // a load, or the start
		for _, img := range added {
			n.hexes = append(n.hexes, hexOf(img.ID))
		}
		n.newest = append(n.newest, added...)
		slices.Sort(n.hexes)
		slices.SortFunc(n.newest, newer)
		return
	}
	for _, img := range added {
		at, _ := slices.BinarySearchFunc(n.newest, img, newer)
		n.newest = slices.Insert(n.newest, at, img)
		at, _ = slices.BinarySearch(n.hexes, hexOf(img.ID))
		n.hexes = slices.Insert(n.hexes, at, hexOf(img.ID))
	}
}

// newer orders images, the newest first.
func newer(a, b *image.Image) int {
	if c := b.CreatedTime().Compare(a.CreatedTime()); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// namesByID gives images their names as people write them, sorted.
func namesByID(refs map[string]string, of map[string]bool) (tags, digests map[string][]string) {
	tags, digests = make(map[string][]string), make(map[string][]string)
	for name, id := range refs {
		if !of[id] {
			continue
		}
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
