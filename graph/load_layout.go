//go:build linux

package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/reference"
)

// maxLayoutDepth is how deep an index may lie in another one.
const maxLayoutDepth = 4

// planLayout reads an OCI layout (index.json and blobs). Of an image for several
// platforms those that are named are taken, or that of this host.
func (c *loadContents) planLayout(platforms []platform) ([]wantedImage, error) {
	raw, err := c.document("index.json")
	if err != nil {
		return nil, err
	}
	var top ociIndex
	if err := decodeDocument("index.json", raw, &top); err != nil {
		return nil, err
	}
	w := layoutWalk{contents: c, platforms: platforms, images: make(map[string]int)}
	for _, group := range groupByName(top.Manifests) {
		if err := w.group(group); err != nil {
			return nil, err
		}
	}
	if len(w.list) == 0 {
		return nil, errdefs.InvalidArgument("the OCI layout holds no images")
	}
	return w.list, nil
}

// groupByName puts together what has one name: the platforms of one image. What
// has no name is alone.
func groupByName(list []ociDescriptor) [][]ociDescriptor {
	var groups [][]ociDescriptor
	places := make(map[string]int)
	for _, d := range list {
		name := d.Annotations[annotationName] + " " + d.Annotations[annotationRef]
		if at, ok := places[name]; ok && name != " " {
			groups[at] = append(groups[at], d)
			continue
		}
		places[name] = len(groups)
		groups = append(groups, []ociDescriptor{d})
	}
	return groups
}

type layoutWalk struct {
	contents  *loadContents
	platforms []platform
	list      []wantedImage
	images    map[string]int // digest of a manifest → place in list
	read      int            // documents, so that an index cannot multiply
}

// group takes what it should of one image.
func (w *layoutWalk) group(group []ociDescriptor) error {
	names, err := layoutNames(group[0])
	if err != nil {
		return err
	}
	var found []ociDescriptor
	for _, d := range group {
		if found, err = w.flatten(found, d, 0); err != nil {
			return err
		}
	}
	chosen, err := w.choose(found)
	if err != nil {
		return err
	}
	for _, d := range chosen {
		if err := w.add(d, names); err != nil {
			return fmt.Errorf("image %s of the OCI layout: %w", d.Digest, err)
		}
	}
	return nil
}

// flatten lists the manifests of images below a descriptor.
func (w *layoutWalk) flatten(found []ociDescriptor, d ociDescriptor, depth int) ([]ociDescriptor, error) {
	if !d.isImage() {
		return found, nil
	}
	if !d.isIndex() {
		return append(found, d), nil
	}
	if w.read++; depth >= maxLayoutDepth || w.read > maxLoadImages {
		return nil, errdefs.InvalidArgument("the indexes of the OCI layout lie too deep in each other or are too many")
	}
	raw, err := w.contents.blobDocument(d)
	if err != nil {
		return nil, err
	}
	var index ociIndex
	if err := decodeDocument(d.Digest, raw, &index); err != nil {
		return nil, err
	}
	for _, below := range index.Manifests {
		if found, err = w.flatten(found, below, depth+1); err != nil {
			return nil, err
		}
		if len(found) > maxLoadImages {
			return nil, errdefs.InvalidArgument("an index of the OCI layout names more than %d images", maxLoadImages)
		}
	}
	return found, nil
}

// choose picks the platforms that are asked for. One that the archive does not
// hold (a layout may be a part of an image) is none.
func (w *layoutWalk) choose(found []ociDescriptor) ([]ociDescriptor, error) {
	var chosen []ociDescriptor
	var have []platform
	want := w.platforms
	if len(want) == 0 {
		if len(found) <= 1 {
			return found, nil
		}
		want = []platform{hostPlatform()}
	}
	for _, d := range found {
		p, err := w.platform(d)
		if err != nil {
			return nil, err
		}
		have = append(have, p)
	}
	for _, p := range want {
		if i := slices.IndexFunc(have, p.matches); i >= 0 && !slices.ContainsFunc(chosen, func(d ociDescriptor) bool { return d.Digest == found[i].Digest }) {
			chosen = append(chosen, found[i])
		}
	}
	if len(chosen) == 0 {
		return nil, noPlatform(want, have)
	}
	return chosen, nil
}

// platform is what the descriptor says, or the document of the image.
func (w *layoutWalk) platform(d ociDescriptor) (platform, error) {
	if d.Platform != nil {
		return *d.Platform, nil
	}
	m, err := w.manifest(d)
	if err != nil {
		return platform{}, err
	}
	raw, err := w.contents.blobDocument(m.Config)
	if err != nil {
		return platform{}, err
	}
	var p platform
	return p, decodeDocument(m.Config.Digest, raw, &p)
}

func (w *layoutWalk) manifest(d ociDescriptor) (m ociManifest, err error) {
	raw, err := w.contents.blobDocument(d)
	if err != nil {
		return m, err
	}
	if err := decodeDocument(d.Digest, raw, &m); err != nil {
		return m, err
	}
	if t := m.Config.MediaType; t != "" && t != mediaConfig && t != mediaDockerConfig {
		return m, errdefs.InvalidArgument("it is no image but %q", t)
	}
	return m, nil
}

// add plans one image. The same one under another name gets that name too.
func (w *layoutWalk) add(d ociDescriptor, names []reference.Ref) error {
	at, known := w.images[d.Digest]
	if !known {
		m, err := w.manifest(d)
		if err != nil {
			return err
		}
		img, err := w.image(m)
		if err != nil {
			return err
		}
		at = len(w.list)
		w.images[d.Digest] = at
		w.list = append(w.list, img)
	}
	for _, name := range names {
		if named := (namedClassic{name: name}); !slices.Contains(w.list[at].names, named) {
			w.list[at].names = append(w.list[at].names, named)
		}
	}
	return nil
}

func (w *layoutWalk) image(m ociManifest) (want wantedImage, err error) {
	raw, err := w.contents.blobDocument(m.Config)
	if err != nil {
		return want, err
	}
	if want.img, err = loadedDocument(raw, len(m.Layers)); err != nil {
		return want, err
	}
	for i, d := range m.Layers {
		name, err := w.contents.blob(d.Digest)
		if err != nil {
			return want, err
		}
		l, err := w.contents.layer(name)
		if err != nil {
			return want, err
		}
		want.layers = append(want.layers, wantedLayer{diffID: want.img.RootFS.DiffIDs[i], from: l, blob: d})
	}
	return want, nil
}

// layoutNames are the names that a descriptor gives. One that is a tag and
// nothing else, as skopeo writes it, names no image.
func layoutNames(d ociDescriptor) ([]reference.Ref, error) {
	text := d.Annotations[annotationName]
	if text == "" {
		text = d.Annotations[annotationRef]
		if !strings.ContainsAny(text, ":/") {
			return nil, nil
		}
	}
	ref, err := reference.Parse(text)
	if err != nil {
		return nil, errdefs.InvalidArgument("invalid name %q in the OCI layout: %w", text, err)
	}
	if ref.Digest != "" {
		return nil, nil // a digest is no name that is given
	}
	ref, err = loadedReference(ref.WithDefaultTag().String())
	return []reference.Ref{ref}, err
}
