//go:build linux

package graph

import (
	"maps"
	"path"
	"slices"

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
		},
		Stdout: engine.JSONDocument, Handler: s.jobImages,
	}
}

type imagesOptions struct {
	all        bool
	pattern    string
	filters    map[string][]string
	sharedSize bool
	tests      []imageTest // of filters, made by prepare
}

func decodeImages(job *engine.Job) (imagesOptions, error) {
	opt := imagesOptions{all: job.GetenvBool("all"), pattern: job.Getenv("filter"), sharedSize: job.GetenvBool("shared-size")}
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
//	Env:    all, filter, filters, digests, shared-size
//	Stdout: JSON list of api.ImageSummary
//	Errors: InvalidArgument (filters)
func (s *Store) jobImages(job *engine.Job) error {
	opt, err := decodeImages(job)
	if err != nil {
		return err
	}
	list, err := s.Images(opt)
	if err != nil {
		return err
	}
	return job.WriteJSON(list)
}

// Images lists images. It reads one snapshot and waits for nobody.
func (s *Store) Images(opt imagesOptions) ([]api.ImageSummary, error) {
	now := s.current.Load()
	list := make([]api.ImageSummary, 0, len(now.newest))
	if err := opt.prepare(now, s.now()); err != nil {
		return nil, err
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
		row := summary(img)
		if shared != nil {
			row.SharedSize = shared(img)
		}
		if opt.pattern != "" {
			row.RepoTags = slices.DeleteFunc(slices.Clone(row.RepoTags), func(tag string) bool { return !tagMatches(opt.pattern, tag) })
			if len(row.RepoTags) == 0 {
				continue
			}
		}
		if wanted := opt.filters["reference"]; len(wanted) > 0 { // show the names that were asked for, not their neighbours
			row.RepoTags = slices.DeleteFunc(slices.Clone(row.RepoTags), func(tag string) bool { return !anyReference(wanted, tag) })
		}
		list = append(list, row)
	}
	return list, nil
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
		RepoDigests: orEmpty(img.RepoDigests), RepoTags: orEmpty(img.RepoTags), Size: img.Size, VirtualSize: img.Size,
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
