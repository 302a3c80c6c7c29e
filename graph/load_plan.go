//go:build linux

package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
)

// wantedImage is an image that an archive describes.
type wantedImage struct {
	img     *image.Image   // nil for a classic one, whose document is made of its layers
	classic [][]byte       // documents of the layers of a classic one, base first
	layers  []wantedLayer  // base first
	names   []namedClassic // where a name is a layer of a classic image: its place
	parent  string         // id that the archive claims; checked when it is kept
}

// namedClassic is a name and the number of layers that its image has; 0 for all.
type namedClassic struct {
	name   reference.Ref
	layers int
}

// wantedLayer is a layer that an archive says an image has.
type wantedLayer struct {
	diffID string // "" for a classic one
	from   *loadedLayer
	blob   ociDescriptor // what the layer is said to be as it lies there; zero for not said
}

// plan finds the images that the archive describes. What the archive says is
// checked as far as that goes without its layers.
func (c *loadContents) plan(platforms []platform) ([]wantedImage, error) {
	var list []wantedImage
	var err error
	switch {
	case c.has("index.json") && (len(platforms) > 0 || !c.has("manifest.json")):
		list, err = c.planLayout(platforms)
	case c.has("manifest.json"):
		list, err = c.planDocker(platforms)
	case c.has("repositories") || c.hasClassic():
		list, err = c.planClassic()
	default:
		return nil, errdefs.InvalidArgument("the archive holds no images: it has no manifest.json, no index.json and no repositories; " +
			"the file system of a container is brought in by import")
	}
	if err == nil && len(list) > maxLoadImages {
		err = errdefs.InvalidArgument("the archive describes %d images; the most are %d", len(list), maxLoadImages)
	}
	return list, err
}

// dockerManifest is an element of manifest.json (v1.2 of the Docker image
// specification).
type dockerManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
	Parent   string `json:",omitempty"`
}

// planDocker reads manifest.json.
func (c *loadContents) planDocker(platforms []platform) ([]wantedImage, error) {
	raw, err := c.document("manifest.json")
	if err != nil {
		return nil, err
	}
	var manifests []dockerManifest
	if err := decodeDocument("manifest.json", raw, &manifests); err != nil {
		return nil, err
	}
	var list []wantedImage
	var have []platform
	for _, m := range manifests {
		w, err := c.dockerImage(m)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", describe(m), err)
		}
		if p := platformOf(w.img); len(platforms) > 0 && !slices.ContainsFunc(platforms, func(want platform) bool { return want.matches(p) }) {
			have = append(have, p)
			continue
		}
		list = append(list, w)
	}
	if len(list) == 0 && len(have) > 0 {
		return nil, noPlatform(platforms, have)
	}
	return list, nil
}

func describe(m dockerManifest) string {
	if len(m.RepoTags) > 0 {
		return fmt.Sprintf("%q", m.RepoTags[0])
	}
	return fmt.Sprintf("%q", m.Config)
}

func platformOf(img *image.Image) platform {
	return platform{OS: img.OS, Architecture: img.Architecture, Variant: img.Variant}
}

func noPlatform(want, have []platform) error {
	slices.SortFunc(have, func(a, b platform) int { return strings.Compare(a.String(), b.String()) })
	return errdefs.NotFound("the archive has no image for %s; it has %s", joined(want), joined(slices.Compact(have)))
}

func joined(list []platform) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.String()
	}
	return strings.Join(texts, ", ")
}

func (c *loadContents) dockerImage(m dockerManifest) (w wantedImage, err error) {
	raw, err := c.document(m.Config)
	if err != nil {
		return w, err
	}
	if w.img, err = loadedDocument(raw, len(m.Layers)); err != nil {
		return w, err
	}
	for i, name := range m.Layers {
		l, err := c.layer(name)
		if err != nil {
			return w, err
		}
		w.layers = append(w.layers, wantedLayer{diffID: w.img.RootFS.DiffIDs[i], from: l})
	}
	for _, tag := range m.RepoTags {
		ref, err := loadedReference(tag)
		if err != nil {
			return w, err
		}
		w.names = append(w.names, namedClassic{name: ref})
	}
	w.parent = m.Parent
	return w, nil
}

// loadedReference reads a name with its tag.
func loadedReference(text string) (reference.Ref, error) {
	ref, err := reference.Parse(text)
	if err != nil {
		return ref, errdefs.InvalidArgument("invalid tag %q: %w", text, err)
	}
	if ref.Tag == "" || ref.Digest != "" || ref.FamiliarName() == "scratch" {
		return ref, errdefs.InvalidArgument("invalid tag %q", text)
	}
	return ref, nil
}

// loadedDocument reads the document of an image with so many layers.
func loadedDocument(raw []byte, layers int) (*image.Image, error) {
	img, err := image.Parse(raw)
	if err != nil {
		return nil, err
	}
	if n := len(img.RootFS.DiffIDs); n != layers {
		return nil, errdefs.InvalidArgument("invalid manifest, layers length mismatch: expected %d, got %d", n, layers)
	}
	if layers > maxLoadLayers {
		return nil, errdefs.InvalidArgument("it has %d layers; the most are %d", layers, maxLoadLayers)
	}
	if img.OS != "" && img.OS != hostPlatform().OS {
		return nil, errdefs.InvalidArgument("cannot load %s image on %s", img.OS, hostPlatform().OS)
	}
	return img, nil
}
