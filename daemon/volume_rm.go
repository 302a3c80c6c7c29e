package daemon

import (
	"context"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// jobVolumeRm removes a volume.
//
// Usage:  volume_rm VOLUME
// Env:    force: one that does not exist is no error.
// Errors: NotFound, Conflict (in use).
// Events: destroy.
func (d *Daemon) jobVolumeRm(job *engine.Job) error {
	return d.VolumeRm(job.Context(), job.Args[0], job.GetenvBool("force"))
}

// VolumeRm removes a volume that no container has.
func (d *Daemon) VolumeRm(ctx context.Context, name string, force bool) error {
	if err := d.volumes.Remove(name); err != nil {
		if force && errdefs.IsNotFound(err) {
			return nil
		}
		return err
	}
	d.volumeEvent(ctx, "destroy", name, nil)
	return nil
}
