//go:build linux

package graph

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
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
	named   bool      // also those with names
	until   time.Time // only those made before; zero for any
	label   []string  // only those with all of these
	noLabel []string  // only those without any of these
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

func (s *Store) decodeImagesPrune(job *engine.Job) (pruneOptions, error) {
	var opt pruneOptions
	filters, err := parseFilters(job.Getenv("filters"), "dangling", "until", "label", "label!")
	if err != nil {
		return opt, err
	}
	opt.label, opt.noLabel = filters["label"], filters["label!"]
	if values := filters["dangling"]; len(values) > 0 {
		dangling, err := parseBool("dangling", values)
		if err != nil {
			return opt, err
		}
		opt.named = !dangling
	}
	if values := filters["until"]; len(values) > 1 {
		return opt, errdefs.InvalidArgument("more than one until filter specified")
	} else if len(values) == 1 {
		opt.until, err = parseTime(values[0], s.now())
	}
	return opt, err
}

// parseBool reads the one value of a filter.
func parseBool(filter string, values []string) (bool, error) {
	if len(values) == 1 {
		switch strings.ToLower(values[0]) {
		case "1", "true":
			return true, nil
		case "0", "false":
			return false, nil
		}
	}
	return false, errdefs.InvalidArgument("invalid filter '%s=[%s]'", filter, strings.Join(values, " "))
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
	labels := img.Labels()
	for _, want := range o.label {
		if !hasLabel(labels, want) {
			return false
		}
	}
	return len(o.noLabel) == 0 || !slices.ContainsFunc(o.noLabel, func(l string) bool { return hasLabel(labels, l) })
}

// hasLabel looks for "key" or "key=value".
func hasLabel(labels map[string]string, want string) bool {
	key, value, hasValue := strings.Cut(want, "=")
	got, ok := labels[key]
	return ok && (!hasValue || got == value)
}

func (s *Store) pruneEvent(ctx context.Context, reclaimed int64) {
	s.event(ctx, "prune", "", map[string]string{"reclaimed": strconv.FormatInt(reclaimed, 10)})
}
