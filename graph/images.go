//go:build linux

package graph

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
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
		},
		Stdout: engine.JSONDocument, Handler: s.jobImages,
	}
}

type imagesOptions struct {
	all     bool
	pattern string
	filters map[string][]string
}

func decodeImages(job *engine.Job) (imagesOptions, error) {
	opt := imagesOptions{all: job.GetenvBool("all"), pattern: job.Getenv("filter")}
	var err error
	opt.filters, err = parseFilters(job.Getenv("filters"))
	if err == nil && opt.pattern != "" {
		_, err = path.Match(opt.pattern, "")
	}
	return opt, errdefs.As(errdefs.KindInvalidArgument, err)
}

// parseFilters reads {"label":["a"]} and {"label":{"a":true}}.
func parseFilters(text string) (map[string][]string, error) {
	if text == "" || text == "null" {
		return nil, nil
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, errdefs.InvalidArgument("filters must be a JSON object: %w", err)
	}
	filters := make(map[string][]string, len(raw))
	for key, value := range raw {
		if imageFilters[key] == nil {
			return nil, errdefs.InvalidArgument("Invalid filter '%s'", key)
		}
		var list []string
		if json.Unmarshal(value, &list) != nil {
			var set map[string]bool
			if err := json.Unmarshal(value, &set); err != nil {
				return nil, errdefs.InvalidArgument("filter '%s' must have a list of values", key)
			}
			list = slices.Sorted(maps.Keys(set))
		}
		filters[key] = list
	}
	return filters, nil
}

// jobImages
//
//	Usage:  images
//	Env:    all, filter, filters, digests
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
	for _, img := range now.newest {
		if !opt.all && !named(img) && len(now.children[img.ID]) > 0 {
			continue
		}
		keep, err := opt.matches(now, img)
		if err != nil {
			return nil, err
		}
		if !keep {
			continue
		}
		row := summary(img)
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

// imageFilters has every filter; each says whether an image passes one value.
// Values of a filter are alternatives, except labels.
var imageFilters = map[string]func(n *snapshot, img *image.Image, value string) (bool, error){
	"dangling": func(n *snapshot, img *image.Image, value string) (bool, error) {
		want := strings.EqualFold(value, "true") || value == "1"
		if !want && !strings.EqualFold(value, "false") && value != "0" {
			return false, errdefs.InvalidArgument("invalid filter 'dangling=%s'", value)
		}
		return want == (!named(img) && len(n.children[img.ID]) == 0), nil
	},
	"label": func(_ *snapshot, img *image.Image, value string) (bool, error) {
		key, want, hasValue := strings.Cut(value, "=")
		got, ok := img.Labels()[key]
		return ok && (!hasValue || got == want), nil
	},
	"before": func(n *snapshot, img *image.Image, value string) (bool, error) {
		other, _, err := n.find(value)
		return err == nil && img.CreatedTime().Before(other.CreatedTime()), err
	},
	"since": func(n *snapshot, img *image.Image, value string) (bool, error) {
		other, _, err := n.find(value)
		return err == nil && img.CreatedTime().After(other.CreatedTime()), err
	},
	"until": func(_ *snapshot, img *image.Image, value string) (bool, error) {
		at, err := parseTime(value)
		return err == nil && img.CreatedTime().Before(at), err
	},
	"reference": func(_ *snapshot, img *image.Image, value string) (bool, error) {
		for _, name := range slices.Concat(img.RepoTags, img.RepoDigests) {
			ref, err := reference.Parse(name)
			if err != nil {
				continue
			}
			ok, err := ref.Matches(value)
			if err != nil {
				return false, errdefs.InvalidArgument("invalid filter 'reference=%s': %w", value, err)
			}
			if ok {
				return true, nil
			}
		}
		return false, nil
	},
}

func (o imagesOptions) matches(n *snapshot, img *image.Image) (bool, error) {
	for key, values := range o.filters {
		all := key == "label"
		pass := all || len(values) == 0
		for _, v := range values {
			ok, err := imageFilters[key](n, img, v)
			if err != nil {
				return false, err
			}
			if all {
				pass = pass && ok
			} else {
				pass = pass || ok
			}
		}
		if !pass {
			return false, nil
		}
	}
	return true, nil
}

// parseTime reads a day or a moment.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errdefs.InvalidArgument("invalid time %q: use a form like 2006-01-02T15:04:05Z", text)
}
