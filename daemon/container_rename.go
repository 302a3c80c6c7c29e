package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// renameOptions are an existing container and its new name.
type renameOptions struct{ Old, New string }

func decodeRename(job *engine.Job) (renameOptions, error) {
	opt := renameOptions{job.Args[0], job.Args[1]}
	if opt.Old == "" || opt.New == "" {
		return opt, errdefs.InvalidArgument("Neither old nor new names may be empty")
	}
	return opt, nil
}

// jobContainerRename gives a container another name.
//
// Usage:  container_rename OLD NEW
// Errors: NotFound, InvalidArgument (name), Conflict (taken).
// Events: rename.
func (d *Daemon) jobContainerRename(job *engine.Job) error {
	opt, err := decodeRename(job)
	if err != nil {
		return err
	}
	return d.Rename(job.Context(), opt)
}

// Rename changes the name in memory, in the name store and in config.json. A
// crash in between leaves one of the two names, never none or both.
func (d *Daemon) Rename(ctx context.Context, opt renameOptions) error {
	c, err := d.containers.find(opt.Old)
	if err != nil {
		return err
	}
	wrap := func(err error) error {
		return fmt.Errorf("Error when allocating new name: %w", err) //nolint:staticcheck // classic text
	}
	name, err := checkName(opt.New)
	if err != nil {
		return wrap(err)
	}
	old := c.now().bare()
	if name == old {
		return errdefs.InvalidArgument("Renaming a container with the same name as its current name")
	}
	if err := d.containers.reserve(name, c.id); err != nil {
		return wrap(err)
	}
	if err := d.opt.Names.Rename("/"+old, "/"+name); err != nil {
		d.containers.release(name, c.id)
		return wrap(err)
	}
	s, err := c.update(func(s *snapshot) error {
		if s.state.Phase >= removing || s.bare() != old {
			return errdefs.Conflict("container %s changed meanwhile", opt.Old)
		}
		rec := *s.rec
		rec.Name = "/" + name
		s.rec = &rec
		return nil
	})
	if err != nil {
		d.containers.release(name, c.id)
		return wrap(err)
	}
	// The old name is free when no file says it any more: else a crash would find
	// it in two of them.
	if err := d.saveConfig(c); err != nil {
		return errors.Join(err, d.unname(c, old, name))
	}
	d.containers.release(old, c.id)
	d.tellNames(ctx, s)
	d.event(ctx, s, "rename", map[string]string{"oldName": "/" + old})
	return nil
}

// unname takes a new name back that could not be kept on disk.
func (d *Daemon) unname(c *container, old, name string) error {
	_, err := c.update(func(s *snapshot) error {
		if s.bare() != name {
			return errdefs.Conflict("container %s changed meanwhile", short(c.id))
		}
		rec := *s.rec
		rec.Name = "/" + old
		s.rec = &rec
		return nil
	})
	if err != nil {
		return err
	}
	defer d.containers.release(name, c.id)
	return d.opt.Names.Rename("/"+name, "/"+old)
}
