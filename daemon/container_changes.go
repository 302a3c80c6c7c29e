package daemon

import (
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/graphdriver"
)

// jobContainerChanges lists what a container has changed of its image.
//
// Usage:  container_changes CONTAINER
// Stdout: JSON list of Path and Kind (0 modified, 1 added, 2 deleted).
// Errors: NotFound.
func (d *Daemon) jobContainerChanges(job *engine.Job) error {
	c, err := d.containers.find(job.Args[0])
	if err != nil {
		return err
	}
	changes, err := d.opt.Images.Changes(job.Context(), c.id)
	if err != nil {
		return err
	}
	if changes == nil {
		changes = []graphdriver.Change{}
	}
	return job.WriteJSON(changes)
}
