package daemon

import (
	"context"
	"io"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/containerfs"
)

// jobContainerCopy packs a file or directory as the first versions did: links
// are packed, not followed, and the names begin with the last element of the path.
//
// Usage:  container_copy CONTAINER RESOURCE
// Stdout: an uncompressed archive.
// Errors: NotFound (container, path), InvalidArgument (empty path), Conflict.
// Events: copy.
func (d *Daemon) jobContainerCopy(job *engine.Job) error {
	return d.Copy(job.Context(), job.Args[0], job.Args[1], job.Stdout)
}

// Copy packs a file or a directory.
func (d *Daemon) Copy(ctx context.Context, name, resource string, w io.Writer) error {
	if resource == "" {
		return errdefs.InvalidArgument("Path cannot be empty")
	}
	return d.withObject(ctx, name, resource, func(c *container, o *containerfs.Object) error {
		if err := pack(ctx, w, o, copied(o)); err != nil {
			return err
		}
		d.event(ctx, c.now(), "copy", nil)
		return nil
	})
}
