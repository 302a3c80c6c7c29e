//go:build linux

package graph

import (
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
)

// Image finds an image by name, name@digest, id or the beginning of an id.
// Names go before ids.
func (s *Store) Image(ref string) (*image.Image, error) {
	img, _, err := s.current.Load().find(ref)
	return img, err
}

// find returns the image and, when it was found by a name, the full name.
func (n *snapshot) find(text string) (img *image.Image, name string, err error) {
	if text == "" {
		return nil, "", errdefs.InvalidArgument("image name can not be blank")
	}
	if img := n.images[text]; img != nil {
		return img, "", nil
	}
	if img := n.images["sha256:"+text]; img != nil {
		return img, "", nil
	}
	ref, parseErr := reference.Parse(text)
	if parseErr == nil {
		ref = ref.WithDefaultTag()
		if id, ok := n.refs[ref.String()]; ok {
			return n.images[id], ref.String(), nil
		}
	}
	if img, err := n.byPrefix(text); img != nil || err != nil {
		return img, "", err
	}
	if digits := strings.TrimPrefix(text, "sha256:"); parseErr != nil && (digits == "" || !image.IsHex(digits)) {
		return nil, "", errdefs.InvalidArgument("invalid image name %q: %w", text, parseErr)
	}
	if parseErr == nil && !image.IsHex(text) {
		if img := n.byRepoAndPrefix(ref); img != nil {
			return img, "", nil
		}
		return nil, "", noSuchImage(ref.FamiliarString())
	}
	return nil, "", noSuchImage(text)
}

func noSuchImage(name string) error { return errdefs.NotFound("No such image: %s", name) }

// byPrefix finds the one id that begins with text.
func (n *snapshot) byPrefix(text string) (*image.Image, error) {
	digits := strings.TrimPrefix(text, "sha256:")
	if digits == "" || !image.IsHex(digits) {
		return nil, nil
	}
	i, _ := slices.BinarySearch(n.hexes, digits)
	if i == len(n.hexes) || !strings.HasPrefix(n.hexes[i], digits) {
		return nil, nil
	}
	if i+1 < len(n.hexes) && strings.HasPrefix(n.hexes[i+1], digits) {
		return nil, errdefs.InvalidArgument("image id %s is ambiguous: several images begin with it; give more digits", text)
	}
	return n.images["sha256:"+n.hexes[i]], nil
}

// byRepoAndPrefix understands "repo:4986bf8c", the beginning of an id that has
// a name in the repository.
func (n *snapshot) byRepoAndPrefix(ref reference.Ref) *image.Image {
	if len(ref.Tag) < 4 || !image.IsHex(ref.Tag) {
		return nil
	}
	for name, id := range n.refs {
		repo, _ := splitRef(name)
		if repo == ref.Name() && strings.HasPrefix(hexOf(id), ref.Tag) {
			return n.images[id]
		}
	}
	return nil
}

// splitRef parts a full reference into repository and ":tag" or "@digest".
func splitRef(full string) (repo, rest string) {
	if i := strings.IndexByte(full, '@'); i >= 0 {
		return full[:i], full[i:]
	}
	if i := strings.LastIndexByte(full, ':'); i > strings.LastIndexByte(full, '/') {
		return full[:i], full[i:]
	}
	return full, ""
}
