package daemon

import (
	"context"
	"fmt"
	"io"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/pkg/archive"
)

// jobExport writes the root file system of a container, without its volumes.
//
// Usage:  export CONTAINER
// Stdout: an uncompressed archive.
// Errors: NotFound, Internal.
// Events: export.
func (d *Daemon) jobExport(job *engine.Job) error {
	return d.Export(job.Context(), job.Args[0], job.Stdout)
}

// Export mounts the layer on the host for itself, so that it works the same for
// containers that run and that do not, and sees none of their mounts.
func (d *Daemon) Export(ctx context.Context, name string, w io.Writer) (err error) {
	c, err := d.containers.find(name)
	if err != nil {
		return err
	}
	root, err := d.opt.Images.MountLayer(c.id)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() {
		if uerr := d.opt.Images.UnmountLayer(c.id); uerr != nil && err == nil {
			err = uerr
		}
	}()
	if err := archive.Pack(ctx, w, root, archive.PackOptions{}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d.event(ctx, c.now(), "export", nil)
	return nil
}
