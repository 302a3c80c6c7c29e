package daemon

import (
	"context"
	"strconv"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/filters"
)

func (d *Daemon) containersPruneDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "containers_prune", Summary: "Remove the containers that do not run.", Changes: true, Stdout: engine.JSONDocument,
		Handler: d.jobContainersPrune,
		Env:     []engine.Key{{Name: "filters", Type: engine.JSON, Summary: "name of a filter to its values"}},
	}
}

// jobContainersPrune removes the containers that do not run.
//
// Usage:  containers_prune
// Env:    filters: until (a time, or a duration ago), label, label!.
// Stdout: one api.ContainersPruned.
// Errors: InvalidArgument (filters).
// Events: destroy for each; prune.
func (d *Daemon) jobContainersPrune(job *engine.Job) error {
	f, err := filters.Parse(job.Getenv("filters"), "until", "label", "label!")
	if err != nil {
		return err
	}
	out, err := d.ContainersPrune(job.Context(), f)
	if err != nil {
		return err
	}
	return job.WriteJSON(out)
}

// ContainersPrune stops between two containers when the context ends. Those that
// somebody starts or removes meanwhile are left to them, transient ones to the build
// that has them.
func (d *Daemon) ContainersPrune(ctx context.Context, f filters.Filters) (api.ContainersPruned, error) {
	out := api.ContainersPruned{ContainersDeleted: []string{}}
	until, err := f.Until(d.opt.Now())
	if err != nil {
		return out, err
	}
	for _, c := range d.containers.all() {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		s := c.now()
		if p := s.state.Phase; p != created && p != exited && p != dead || s.rec.Transient {
			continue
		}
		if !until.IsZero() && !s.rec.Created.Before(until) || !f.Labels(s.rec.Config.Labels) {
			continue
		}
		size, err := d.opt.Images.LayerSize(ctx, c.id)
		if err != nil {
			size = 0
		}
		if err := d.job(ctx, "rm", c.id).Run(); err != nil {
			if !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
				d.opt.Logf("pruning containers: %v", err)
			}
			continue
		}
		out.ContainersDeleted = append(out.ContainersDeleted, c.id)
		out.SpaceReclaimed += size
	}
	d.pruneEvent(ctx, "container", out.SpaceReclaimed)
	return out, nil
}

func (d *Daemon) pruneEvent(ctx context.Context, kind string, reclaimed int64) {
	if !d.opt.Engine.Has("log") {
		return
	}
	job := d.job(context.WithoutCancel(ctx), "log", "prune", "")
	job.Setenv("type", kind)
	err := job.SetenvJson("attributes", map[string]string{"reclaimed": strconv.FormatInt(reclaimed, 10)})
	if err == nil {
		err = job.Run()
	}
	if err != nil {
		d.opt.Logf("recording the event prune: %v", err)
	}
}
