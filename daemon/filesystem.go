package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/containerfs"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/runconfig"
)

// filesystem opens the files of a container as it sees them. For one that does
// not run its volumes are mounted where it would find them. Call done at the end.
func (d *Daemon) filesystem(ctx context.Context, c *container) (view *containerfs.View, done func() error, err error) {
	s, err := c.decided(ctx)
	if err != nil {
		return nil, nil, err
	}
	if s.state.Phase.gone() {
		return nil, nil, errdefs.Conflict("container %s is being removed", s.bare())
	}
	if s.state.Pid != 0 {
		root, err := d.opt.Exec.RootPath(c.id)
		if err == nil {
			if view, err = containerfs.Running(root); err == nil {
				return view, view.Close, nil
			}
		}
		// It has ended just now: then the layer has what there is.
	}
	root, err := d.opt.Images.MountLayer(c.id)
	if err != nil {
		return nil, nil, fmt.Errorf("mounting the files of container %s: %w", s.bare(), err)
	}
	release := func() error { return d.opt.Images.UnmountLayer(c.id) }
	if s.state.Pid == 0 {
		reader, err := d.newID() // others may start and stop the container meanwhile
		if err == nil {
			err = d.mountVolumes(ctx, s, reader)
		}
		if err != nil {
			return nil, nil, errors.Join(err, release())
		}
		d.tellMounts(ctx, s)
		release = func() error {
			d.unmountVolumes(ctx, s, reader)
			return d.opt.Images.UnmountLayer(c.id)
		}
	}
	mounts, err := d.commandMounts(s)
	if err == nil && s.rec.showsImages() {
		var unmount func() error
		if unmount, err = d.mountImages(s, mounts); err == nil {
			first := release
			release = func() error { return errors.Join(unmount(), first()) }
		}
	}
	if err == nil {
		view, err = containerfs.Stopped(root, mountable(mounts))
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening the files of container %s: %w", s.bare(), err), release())
	}
	return view, func() error { return errors.Join(view.Close(), release()) }, nil
}

// mountable leaves out what a container that does not run has not: its tmpfs, and
// files that its start will write.
func mountable(mounts []mount.Mount) []mount.Mount {
	return slices.DeleteFunc(mounts, func(m mount.Mount) bool {
		if m.Type == "tmpfs" {
			return true
		}
		_, err := os.Lstat(m.Source)
		return err != nil
	})
}

// pathError gives an error of looking a path up in a container its kind.
func pathError(err error, name, container string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errdefs.NotFound("Could not find the file %s in container %s", name, container)
	case errors.Is(err, unix.ENOTDIR):
		return errdefs.InvalidArgument("%s in container %s is not a directory", name, container)
	case errors.Is(err, unix.ELOOP):
		return errdefs.InvalidArgument("%s in container %s: too many levels of symbolic links", name, container)
	case errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.EINVAL):
		return errdefs.InvalidArgument("%s in container %s is no valid path", name, container)
	}
	return fmt.Errorf("finding %s in container %s: %w", name, container, err)
}

// writable tells whether a path of the container, without links, may be written
// to by copying into it.
func writable(host *runconfig.HostConfig, points map[string]mountPoint, name string) error {
	name = path.Clean("/" + name)
	at, found := "", false
	for dst := range points {
		if (name == dst || strings.HasPrefix(name, dst+"/")) && len(dst) > len(at) {
			at, found = dst, true
		}
	}
	switch {
	case found && !points[at].RW:
		return errdefs.Forbidden("mounted volume is marked read-only")
	case !found && host.ReadonlyRootfs:
		return errdefs.Forbidden("container rootfs is marked read-only")
	}
	return nil
}
