package daemon

import (
	"context"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/filters"
)

// jobVolumesPrune removes the volumes that no container has.
//
// Usage:  volumes_prune
// Env:    filters: label, label!, all. anonymous: only those without a name of their own, unless all says otherwise.
// Stdout: one api.VolumesPruned.
// Errors: InvalidArgument (filters).
// Events: destroy for each; prune.
func (d *Daemon) jobVolumesPrune(job *engine.Job) error {
	f, err := filters.Parse(job.Getenv("filters"), "all", "label", "label!")
	if err != nil {
		return err
	}
	out, err := d.VolumesPrune(job.Context(), f, job.GetenvBool("anonymous"))
	if err != nil {
		return err
	}
	return job.WriteJSON(out)
}

// VolumesPrune stops between two volumes when the context ends.
func (d *Daemon) VolumesPrune(ctx context.Context, f filters.Filters, anonymous bool) (api.VolumesPruned, error) {
	out := api.VolumesPruned{VolumesDeleted: []string{}}
	all, err := f.Bool("all", !anonymous)
	if err != nil {
		return out, err
	}
	for _, v := range d.volumes.List() {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if !f.Labels(v.Labels) || !all && !v.Anonymous() || len(d.volumes.Users(v.Name)) > 0 {
			continue
		}
		size, err := d.volumes.Size(ctx, v.Name)
		if err != nil {
			size = 0
		}
		if err := d.volumes.Remove(v.Name); err != nil {
			if !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
				d.opt.Logf("pruning volumes: %v", err)
			}
			continue
		}
		d.volumeEvent(ctx, "destroy", v.Name, nil)
		out.VolumesDeleted = append(out.VolumesDeleted, v.Name)
		out.SpaceReclaimed += max(size, 0)
	}
	d.pruneEvent(ctx, "volume", out.SpaceReclaimed)
	return out, nil
}
