//go:build linux

package graph

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
)

// hasClassic tells whether there are directories of classic images.
func (c *loadContents) hasClassic() bool { return len(c.classicIDs()) > 0 }

// classicIDs lists the directories of classic images.
func (c *loadContents) classicIDs() []string {
	var ids []string
	for name := range c.documents {
		if id, ok := strings.CutSuffix(name, "/json"); ok && len(id) == 64 && image.IsHex(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// classicSet is what an archive says of classic images.
type classicSet struct {
	contents *loadContents
	parents  map[string]string
}

// planClassic reads the directories of classic images and the names in
// repositories. Every stack that nothing lies on, and that has names or not, is
// an image; names may be of layers on the way.
func (c *loadContents) planClassic() ([]wantedImage, error) {
	set := classicSet{contents: c, parents: make(map[string]string)}
	below := make(map[string]bool)
	ids := c.classicIDs()
	for _, id := range ids {
		doc, err := c.classic(id)
		if err != nil {
			return nil, err
		}
		set.parents[id] = doc.Parent
		below[doc.Parent] = true
	}
	names, err := c.repositories()
	if err != nil {
		return nil, err
	}
	var list []wantedImage
	covered := make(map[string]bool)
	add := func(id string) error {
		w, stack, err := set.image(id)
		if err != nil {
			return fmt.Errorf("classic image %s: %w", image.ShortID(id), err)
		}
		for i, at := range stack {
			if covered[at] {
				continue
			}
			covered[at] = true
			for _, name := range names[at] {
				ref, err := loadedReference(name)
				if err != nil {
					return err
				}
				w.names = append(w.names, namedClassic{ref, i + 1})
			}
		}
		list = append(list, w)
		return nil
	}
	for _, id := range ids {
		if !below[id] {
			if err := add(id); err != nil {
				return nil, err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(names)) {
		if !covered[id] { // not there, or in a loop: add says which
			if err := add(id); err != nil {
				return nil, err
			}
		}
	}
	if len(covered) < len(ids) {
		return nil, errdefs.InvalidArgument("the archive has classic images whose parents form a loop")
	}
	return list, nil
}

// classic reads the document of one, which has to be the one that it lies at.
func (c *loadContents) classic(id string) (classicImage, error) {
	raw, err := c.document(id + "/json")
	if err != nil {
		return classicImage{}, err
	}
	doc, err := parseClassic(raw)
	if err != nil {
		return doc, fmt.Errorf("%s/json: %w", id, err)
	}
	if doc.ID != "" && doc.ID != id {
		return doc, errdefs.InvalidArgument("%s/json is the document of %q", id, doc.ID)
	}
	if doc.Parent != "" && (len(doc.Parent) != 64 || !image.IsHex(doc.Parent)) {
		return doc, errdefs.InvalidArgument("%s/json names the parent %q, which is no id", id, doc.Parent)
	}
	if doc.OS != "" && doc.OS != hostPlatform().OS {
		return doc, errdefs.InvalidArgument("cannot load %s image on %s", doc.OS, hostPlatform().OS)
	}
	return doc, nil
}

// repositories reads the names: id → names.
func (c *loadContents) repositories() (map[string][]string, error) {
	names := make(map[string][]string)
	if !c.has("repositories") {
		return names, nil
	}
	raw, err := c.document("repositories")
	if err != nil {
		return nil, err
	}
	var file map[string]map[string]string
	if err := decodeDocument("repositories", raw, &file); err != nil {
		return nil, err
	}
	for _, repo := range slices.Sorted(maps.Keys(file)) {
		for _, tag := range slices.Sorted(maps.Keys(file[repo])) {
			id := strings.TrimPrefix(file[repo][tag], "sha256:")
			if len(id) != 64 || !image.IsHex(id) {
				return nil, errdefs.InvalidArgument("repositories gives %s:%s to %q, which is no id", repo, tag, file[repo][tag])
			}
			names[id] = append(names[id], repo+":"+tag)
		}
	}
	return names, nil
}

// image plans the stack that ends with id.
func (s *classicSet) image(id string) (w wantedImage, stack []string, err error) {
	for at := id; at != ""; at = s.parents[at] {
		if _, ok := s.parents[at]; !ok {
			return w, nil, errdefs.InvalidArgument("the archive has no %s/json", at)
		}
		if slices.Contains(stack, at) {
			return w, nil, errdefs.InvalidArgument("its parents form a loop")
		}
		if len(stack) == maxLoadLayers {
			return w, nil, errdefs.InvalidArgument("it has more than %d layers", maxLoadLayers)
		}
		stack = append(stack, at)
	}
	slices.Reverse(stack)
	for _, at := range stack {
		raw, err := s.contents.document(at + "/json")
		if err != nil {
			return w, nil, err
		}
		l, err := s.contents.layer(path.Join(at, "layer.tar"))
		if err != nil {
			return w, nil, err
		}
		w.classic = append(w.classic, raw)
		w.layers = append(w.layers, wantedLayer{from: l})
	}
	return w, stack, nil
}
