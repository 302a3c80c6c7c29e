package daemon

import (
	"context"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/pkg/containerfs"
)

// jobContainerArchiveStat describes what is at a path of a container.
//
// Usage:  container_archive_stat CONTAINER PATH
// Stdout: one api.PathStat.
// Errors: NotFound (container, path), InvalidArgument, Conflict (being removed).
func (d *Daemon) jobContainerArchiveStat(job *engine.Job) error {
	stat, err := d.StatPath(job.Context(), job.Args[0], job.Args[1])
	if err != nil {
		return err
	}
	return job.WriteJSON(stat)
}

// StatPath looks at a file of a container. A link at the end of the path is not
// followed.
func (d *Daemon) StatPath(ctx context.Context, name, file string) (stat api.PathStat, err error) {
	err = d.withObject(ctx, name, file, func(_ *container, o *containerfs.Object) error {
		stat = pathStat(o)
		return nil
	})
	return stat, err
}
