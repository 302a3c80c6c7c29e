//go:build linux

package graph

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
)

func (s *Store) imageExportDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "image_export", Summary: "Write images with their layers and names into one archive.",
		Args: []engine.Arg{
			{Name: "IMAGE", Summary: "name or id; a repository without a tag means all its tags"},
			{Name: "IMAGES", Optional: true, Variadic: true, Summary: "more of them"},
		},
		Env: []engine.Key{
			{Name: "platform", Type: engine.List, Summary: "os/architecture[/variant], or the object of the API, that the images have to be for"},
		},
		Stdout: engine.Bytes, Handler: s.jobImageExport,
	}
}

type imageExportOptions struct {
	names     []string
	platforms []platform
}

func decodeImageExport(job *engine.Job) (opt imageExportOptions, err error) {
	opt.names = job.Args
	opt.platforms, err = decodePlatforms(job.GetenvList("platform"))
	return opt, err
}

// jobImageExport
//
//	Usage:  image_export IMAGE…
//	Env:    platform
//	Stdout: an uncompressed archive: an OCI layout with manifest.json, which Docker
//	        since 1.10 loads, and repositories and a directory for each layer, for
//	        who reads classic images. Each blob is in it once; the same images give
//	        the same bytes. Nothing is written before all images are found.
//	Errors: NotFound, InvalidArgument (name, platform)
//	Events: save for each image
func (s *Store) jobImageExport(job *engine.Job) error {
	opt, err := decodeImageExport(job)
	if err != nil {
		return err
	}
	return s.Export(job.Context(), opt, job.Stdout)
}

// exportedImage is an image with the names that it is asked for by.
type exportedImage struct {
	img   *image.Image
	names []reference.Ref
}

// Export writes images to w. They cannot be removed meanwhile.
func (s *Store) Export(ctx context.Context, opt imageExportOptions, w io.Writer) error {
	list, err := s.exported(opt)
	if err != nil {
		return err
	}
	for i, e := range list {
		img, release, err := s.holdImage(e.img.ID)
		if err != nil {
			return err
		}
		defer release()
		list[i].img = img
	}
	if err := s.writeExport(ctx, list, w); err != nil {
		return fmt.Errorf("saving images: %w", err)
	}
	for _, e := range list {
		s.event(ctx, "save", e.img.ID, map[string]string{"name": e.img.ID})
	}
	return nil
}

// exported finds the images, each once, in the order in which they are named.
func (s *Store) exported(opt imageExportOptions) ([]exportedImage, error) {
	now := s.current.Load()
	var list []exportedImage
	places := make(map[string]int)
	add := func(id string, names ...reference.Ref) {
		at, ok := places[id]
		if !ok {
			at = len(list)
			places[id] = at
			list = append(list, exportedImage{img: now.images[id]})
		}
		for _, name := range names {
			if name.Tag != "" && !slices.Contains(list[at].names, name) {
				name.Digest = ""
				list[at].names = append(list[at].names, name)
			}
		}
	}
	for _, text := range opt.names {
		if tags := now.tagsOf(text); len(tags) > 0 {
			for _, name := range tags {
				add(now.refs[name.String()], name)
			}
			continue
		}
		img, full, err := now.find(text)
		if err != nil {
			return nil, err
		}
		var names []reference.Ref
		if full != "" {
			ref, err := reference.Parse(full)
			if err != nil {
				return nil, err
			}
			names = append(names, ref)
		}
		add(img.ID, names...)
	}
	for _, e := range list {
		p := platformOf(e.img)
		for _, want := range opt.platforms {
			if !want.matches(p) {
				return nil, notFor(e.called(), want)
			}
		}
	}
	return list, nil
}

func (e exportedImage) called() string {
	if len(e.names) > 0 {
		return e.names[0].FamiliarString()
	}
	return e.img.ID
}

// tagsOf lists the names with tags of a repository, sorted; none when text is
// something else.
func (n *snapshot) tagsOf(text string) []reference.Ref {
	ref, err := reference.Parse(text)
	if err != nil || !ref.IsNameOnly() {
		return nil
	}
	var tags []reference.Ref
	for _, name := range slices.Sorted(maps.Keys(n.refs)) {
		if repo, rest := splitRef(name); repo == ref.Name() && strings.HasPrefix(rest, ":") {
			if tag, err := reference.Parse(name); err == nil {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}
