package daemon

import (
	"context"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/volumes"
)

func decodeVolumeCreate(job *engine.Job) (name string, spec volumes.Spec, err error) {
	if len(job.Args) > 0 {
		name = job.Args[0]
	}
	spec.Driver = job.Getenv("driver")
	if err := job.GetenvJson("labels", &spec.Labels); err != nil {
		return name, spec, err
	}
	return name, spec, job.GetenvJson("options", &spec.Options)
}

// jobVolumeCreate makes a volume.
//
// Usage:  volume_create [VOLUME]
// Env:    driver, labels, options.
// Stdout: one api.Volume.
// Errors: InvalidArgument (name, options), NotFound (driver), Conflict (other options).
// Events: create.
func (d *Daemon) jobVolumeCreate(job *engine.Job) error {
	name, spec, err := decodeVolumeCreate(job)
	if err != nil {
		return err
	}
	v, err := d.VolumeCreate(job.Context(), name, spec)
	if err != nil {
		return err
	}
	return job.WriteJSON(v)
}

// VolumeCreate gives the volume, new or not.
func (d *Daemon) VolumeCreate(ctx context.Context, name string, spec volumes.Spec) (api.Volume, error) {
	if name == "" {
		name = volumes.NewName()
		labels := map[string]string{volumes.AnonymousLabel: ""}
		for k, v := range spec.Labels {
			labels[k] = v
		}
		spec.Labels = labels
	}
	v, made, err := d.volumes.Create(name, spec)
	if err != nil {
		return api.Volume{}, err
	}
	if made {
		d.volumeEvent(ctx, "create", name, nil)
	}
	return d.volume(v), nil
}
