//go:build linux

package graph

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/filters"
	"github.com/enginejobs/docker/pkg/reference"
)

func (s *Store) imagesDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "images", Summary: "List images, newest first.",
		Env: []engine.Key{
			{Name: "all", Type: engine.Bool, Summary: "with the unnamed ones that others were made from"},
			{Name: "filter", Summary: "pattern of the repository name"},
			{Name: "filters", Type: engine.JSON, Summary: "dangling, label, before, since, until, reference"},
			{Name: "digests", Type: engine.Bool, Summary: "accepted; digests are always told"},
			{Name: "shared-size", Type: engine.Bool, Summary: "with the size of the layers that other images have too"},
			{Name: "untagged", Type: engine.Bool, Summary: "images without a name have the name <none>:<none>"},
			{Name: "virtual-size", Type: engine.Bool, Default: "1", Summary: "with VirtualSize, which is the Size"},
		},
		Stdout: engine.JSONDocument, Handler: s.jobImages,
	}
}

type imagesOptions struct {
	all        bool
	pattern    string
	filters    map[string][]string
	sharedSize bool
	untagged   bool        // tell so where the names are
	virtual    bool        // tell the size once more
	tests      []imageTest // of filters, made by prepare
}

func decodeImages(job *engine.Job) (imagesOptions, error) {
	opt := imagesOptions{
		all: job.GetenvBool("all"), pattern: job.Getenv("filter"), sharedSize: job.GetenvBool("shared-size"),
		untagged: job.GetenvBool("untagged"), virtual: job.GetenvBool("virtual-size"),
	}
	var err error
	opt.filters, err = filters.Parse(job.Getenv("filters"), slices.Collect(maps.Keys(imageFilters))...)
	if err == nil && opt.pattern != "" {
		_, err = path.Match(opt.pattern, "")
	}
	return opt, errdefs.As(errdefs.KindInvalidArgument, err)
}

// jobImages
//
//	Usage:  images
//	Env:    all, filter, filters, digests, shared-size, untagged, virtual-size
//	Stdout: JSON list of api.ImageSummary
//	Errors: InvalidArgument (filters)
func (s *Store) jobImages(job *engine.Job) error {
	opt, err := decodeImages(job)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(job.Stdout, 32<<10) // who reads need not wait for the last image
	before := byte('[')
	err = s.eachImage(opt, func(img listedImage) error {
		_ = out.WriteByte(before) // the last Write tells
		before = ','
		_, _ = out.Write(img.text())
		if opt.virtual {
			_, _ = fmt.Fprintf(out, `,"VirtualSize":%d`, img.Size)
		}
		return out.WriteByte('}')
	})
	if err != nil {
		return err
	}
	if before == '[' {
		_ = out.WriteByte(before) // Flush tells
	}
	_, _ = out.WriteString("]\n")
	return out.Flush()
}

// listedImage is what is to be shown of an image.
type listedImage struct {
	api.ImageSummary
	row *imageRow // the text of just that; nil where an option has changed it
}

// imageRow keeps the text of a row as long as neither the image nor its names change.
type imageRow struct {
	once sync.Once
	text []byte
}

// text is the row as JSON, without the brace at its end.
func (l *listedImage) text() []byte {
	encode := func() []byte {
		text, _ := json.Marshal(l.ImageSummary) // texts and numbers always marshal
		return text[:len(text)-1]
	}
	if l.row == nil {
		return encode()
	}
	l.row.once.Do(func() { l.row.text = encode() })
	return l.row.text
}

// eachImage gives show what there is of each image. It reads one snapshot and
// waits for nobody but show.
func (s *Store) eachImage(opt imagesOptions, show func(listedImage) error) error {
	now := s.current.Load()
	if err := opt.prepare(now, s.now()); err != nil {
		return err
	}
	var shared func(*image.Image) int64
	if opt.sharedSize {
		shared = s.sharedSizes(now)
	}
	for _, img := range now.newest {
		if !opt.all && !named(img) && len(now.children[img.ID]) > 0 {
			continue
		}
		if !opt.matches(now, img) {
			continue
		}
		r := listedImage{summary(img), now.rows[img.ID]}
		if shared != nil {
			r.SharedSize, r.row = shared(img), nil
		}
		if opt.pattern != "" {
			r.row = nil
			r.RepoTags = slices.DeleteFunc(slices.Clone(r.RepoTags), func(tag string) bool { return !tagMatches(opt.pattern, tag) })
			if len(r.RepoTags) == 0 {
				continue
			}
		}
		if wanted := opt.filters["reference"]; len(wanted) > 0 { // show the names that were asked for, not their neighbours
			r.row = nil
			r.RepoTags = slices.DeleteFunc(slices.Clone(r.RepoTags), func(tag string) bool { return !anyReference(wanted, tag) })
		}
		if opt.untagged && len(r.RepoTags) == 0 {
			r.row = nil
			nameUntagged(&r.ImageSummary)
		}
		if err := show(r); err != nil {
			return err
		}
	}
	return nil
}

// nameUntagged gives an image without names the names it had below API 1.43.
func nameUntagged(row *api.ImageSummary) {
	row.RepoTags = []string{"<none>:<none>"}
	if len(row.RepoDigests) == 0 {
		row.RepoDigests = []string{"<none>@<none>"}
	}
}

// anyReference says whether a name matches one of the patterns of the filter
// reference; those have been checked when the image was chosen.
func anyReference(patterns []string, name string) bool {
	ref, err := reference.Parse(name)
	return err == nil && slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := ref.Matches(pattern)
		return err == nil && ok
	})
}

func summary(img *image.Image) api.ImageSummary {
	return api.ImageSummary{
		Containers: -1, SharedSize: -1, // not counted here
		Created: img.CreatedTime().Unix(), Id: img.ID, Labels: img.Labels(), ParentId: img.Parent,
		RepoDigests: orEmpty(img.RepoDigests), RepoTags: orEmpty(img.RepoTags), Size: img.Size,
	}
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// tagMatches compares a pattern with a name, or with its repository.
func tagMatches(pattern, tag string) bool {
	repo, _ := splitRef(tag)
	if ok, _ := path.Match(pattern, repo); ok {
		return true
	}
	ok, _ := path.Match(pattern, tag)
	return ok
}
