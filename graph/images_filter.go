//go:build linux

package graph

import (
	"slices"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/filters"
	"github.com/enginejobs/docker/pkg/reference"
)

// imageTest says whether an image passes a filter.
type imageTest func(n *snapshot, img *image.Image) bool

// imageFilters has every filter of the job images; each makes a test of one
// value. Values of a filter are alternatives, except labels.
var imageFilters = map[string]func(n *snapshot, now time.Time, value string) (imageTest, error){
	"dangling": func(_ *snapshot, _ time.Time, value string) (imageTest, error) {
		want, err := filters.Filters{"dangling": {value}}.Bool("dangling", false)
		return func(n *snapshot, img *image.Image) bool {
			return want == (!named(img) && len(n.children[img.ID]) == 0)
		}, err
	},
	"label": func(_ *snapshot, _ time.Time, value string) (imageTest, error) {
		want := filters.Filters{"label": {value}}
		return func(_ *snapshot, img *image.Image) bool { return want.Labels(img.Labels()) }, nil
	},
	"before": func(n *snapshot, _ time.Time, value string) (imageTest, error) {
		other, _, err := n.find(value)
		return func(_ *snapshot, img *image.Image) bool { return img.CreatedTime().Before(other.CreatedTime()) }, err
	},
	"since": func(n *snapshot, _ time.Time, value string) (imageTest, error) {
		other, _, err := n.find(value)
		return func(_ *snapshot, img *image.Image) bool { return img.CreatedTime().After(other.CreatedTime()) }, err
	},
	"until": func(_ *snapshot, now time.Time, value string) (imageTest, error) {
		at, err := filters.ParseTime(value, now)
		return func(_ *snapshot, img *image.Image) bool { return img.CreatedTime().Before(at) }, err
	},
	"reference": func(_ *snapshot, _ time.Time, value string) (imageTest, error) {
		var probe reference.Ref
		if _, err := probe.Matches(value); err != nil {
			return nil, errdefs.InvalidArgument("invalid filter 'reference=%s': %w", value, err)
		}
		return func(_ *snapshot, img *image.Image) bool {
			one := []string{value}
			return slices.ContainsFunc(img.RepoTags, func(name string) bool { return anyReference(one, name) }) ||
				slices.ContainsFunc(img.RepoDigests, func(name string) bool { return anyReference(one, name) })
		}, nil
	},
}

// prepare makes the tests of all filters.
func (o *imagesOptions) prepare(n *snapshot, now time.Time) error {
	for key, values := range o.filters {
		var any []imageTest
		for _, v := range values {
			test, err := imageFilters[key](n, now, v)
			switch {
			case err != nil:
				return err
			case key == "label":
				o.tests = append(o.tests, test)
			default:
				any = append(any, test)
			}
		}
		if len(any) > 0 {
			o.tests = append(o.tests, func(n *snapshot, img *image.Image) bool {
				return slices.ContainsFunc(any, func(test imageTest) bool { return test(n, img) })
			})
		}
	}
	return nil
}

func (o *imagesOptions) matches(n *snapshot, img *image.Image) bool {
	for _, test := range o.tests {
		if !test(n, img) {
			return false
		}
	}
	return true
}

// sharedSizes tells of an image how many bytes of its layers other images have
// too.
func (s *Store) sharedSizes(n *snapshot) func(*image.Image) int64 {
	users := make(map[string]int)
	for _, img := range n.images {
		for _, chain := range image.ChainIDs(img.RootFS.DiffIDs) {
			users[chain]++
		}
	}
	return func(img *image.Image) (size int64) {
		sizes := s.layerSizes(img)
		for i, chain := range image.ChainIDs(img.RootFS.DiffIDs) {
			if users[chain] > 1 && i < len(sizes) {
				size += sizes[i]
			}
		}
		return size
	}
}
