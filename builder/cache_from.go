package builder

import (
	"context"
	"slices"
	"strings"

	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

// foreign looks for a step in the histories of the images of --cache-from, which
// may come from other hosts: they tell no more than what made each step. The image
// of the step is made of their layers.
func (s *stage) foreign(ctx context.Context, cc *runconfig.Config) (hit bool, err error) {
	if len(s.x.opt.CacheFrom) == 0 || s.x.opt.NoCache || s.lost {
		return false, nil
	}
	var below *image.Image
	if s.image != "" {
		if below, err = s.x.b.opt.Images.Image(s.image); err != nil {
			return false, err
		}
	}
	createdBy := strings.Join(cc.Cmd, " ")
	for _, name := range s.x.opt.CacheFrom {
		img, err := s.x.b.opt.Images.Image(name)
		if err != nil {
			continue // one that is not here is no cache
		}
		at, layers, ok := continues(img, below)
		if !ok || img.History[at].CreatedBy != createdBy {
			continue
		}
		if !img.History[at].EmptyLayer {
			layers++
		}
		if layers > len(img.RootFS.DiffIDs) {
			continue // its history is not that of its layers
		}
		s.out.text(" ---> Using cache\n")
		step := img.History[at]
		return true, s.restore(ctx, cc, image.Append{From: img.ID, Layers: layers, History: &step})
	}
	s.lost = true
	return false, nil
}

// continues tells whether an image is built on another one, and how many steps and
// layers that has.
func continues(img, below *image.Image) (steps, layers int, ok bool) {
	if below != nil {
		steps, layers = len(below.History), len(below.RootFS.DiffIDs)
	}
	if steps >= len(img.History) || layers > len(img.RootFS.DiffIDs) {
		return 0, 0, false
	}
	if below == nil {
		return 0, 0, true
	}
	return steps, layers, slices.Equal(img.RootFS.DiffIDs[:layers], below.RootFS.DiffIDs) &&
		slices.EqualFunc(img.History[:steps], below.History, sameHistory)
}

func sameHistory(a, b image.History) bool {
	return a.CreatedBy == b.CreatedBy && a.Author == b.Author && a.Comment == b.Comment && a.EmptyLayer == b.EmptyLayer &&
		(a.Created == nil) == (b.Created == nil) && (a.Created == nil || a.Created.Equal(*b.Created))
}

// restore makes the image of a step that another image has made.
func (s *stage) restore(ctx context.Context, cc *runconfig.Config, spec image.Append) error {
	spec.Config, spec.ContainerConfig, spec.Author, spec.Platform = s.stand.Config, cc, s.stand.Author, s.node.Platform
	return s.appendSpec(ctx, spec, nil)
}
