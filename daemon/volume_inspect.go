package daemon

import "github.com/enginejobs/docker/engine"

// jobVolumeInspect describes a volume.
//
// Usage:  volume_inspect VOLUME
// Stdout: one api.Volume.
// Errors: NotFound.
func (d *Daemon) jobVolumeInspect(job *engine.Job) error {
	v, err := d.volumes.Get(job.Args[0])
	if err != nil {
		return err
	}
	return job.WriteJSON(d.volume(v))
}
