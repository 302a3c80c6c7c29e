//go:build linux

package graph

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/filters"
)

func (s *Store) imagesPruneDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "images_prune", Summary: "Remove the images that no container uses and that have no name.",
		Env:    []engine.Key{{Name: "filters", Type: engine.JSON, Summary: "dangling (true; false: those with names too), until, label, label!"}},
		Stdout: engine.JSONDocument, Changes: true, Handler: s.jobImagesPrune,
	}
}

// pruneOptions say which images go.
type pruneOptions struct {
	named   bool            // also those with names
	until   time.Time       // only those made before; zero for any
	filters filters.Filters // only those whose labels pass
}

// jobImagesPrune
//
//	Usage:  images_prune
//	Env:    filters: dangling (true), until (a time, or a duration ago), label, label!
//	Stdout: one api.ImagesPruned
//	Errors: InvalidArgument (filters)
//	Events: untag and delete for each; prune
//
// It ends between two images when it is cancelled.
func (s *Store) jobImagesPrune(job *engine.Job) error {
	opt, err := s.decodeImagesPrune(job)
	if err != nil {
		return err
	}
	out, err := s.Prune(job.Context(), opt)
	if err != nil {
		return err
	}
	return job.WriteJSON(out)
}

func (s *Store) decodeImagesPrune(job *engine.Job) (opt pruneOptions, err error) {
	if opt.filters, err = filters.Parse(job.Getenv("filters"), "dangling", "until", "label", "label!"); err != nil {
		return opt, err
	}
	dangling, err := opt.filters.Bool("dangling", true)
	if err != nil {
		return opt, err
	}
	opt.named = !dangling
	opt.until, err = opt.filters.Until(s.now())
	return opt, err
}

// Prune removes images that nobody uses.
func (s *Store) Prune(ctx context.Context, opt pruneOptions) (api.ImagesPruned, error) {
	out := api.ImagesPruned{ImagesDeleted: []api.ImageDeleted{}}
	users, err := s.containersByImage(ctx)
	if err != nil {
		return out, err
	}
	for _, img := range s.current.Load().newest { // the youngest first: children go before their parents
		if err := ctx.Err(); err != nil {
			return out, err
		}
		d := &deletion{store: s, users: users}
		err := d.prune(img.ID, opt)
		d.tell(ctx)
		out.ImagesDeleted = append(out.ImagesDeleted, d.rows...)
		out.SpaceReclaimed += d.freed
		if err != nil {
			return out, err
		}
	}
	s.pruneEvent(ctx, out.SpaceReclaimed)
	return out, nil
}

// prune removes one image if it still is one of those that go.
func (d *deletion) prune(id string, opt pruneOptions) error {
	d.store.change.Lock()
	defer d.store.change.Unlock()
	now := d.store.current.Load()
	img := now.images[id]
	switch {
	case img == nil, len(d.users[id]) > 0, d.store.imageHeld(id), !opt.matches(img), len(now.children[id]) > 0, named(img) && !opt.named:
		return nil
	}
	if err := d.untag(img, slices.Concat(img.RepoTags, img.RepoDigests)); err != nil {
		return err
	}
	return d.remove(id)
}

func (o pruneOptions) matches(img *image.Image) bool {
	if !o.until.IsZero() && !img.CreatedTime().Before(o.until) {
		return false
	}
	return o.filters.Labels(img.Labels())
}

func (s *Store) pruneEvent(ctx context.Context, reclaimed int64) {
	s.event(ctx, "prune", "", map[string]string{"reclaimed": strconv.FormatInt(reclaimed, 10)})
}
