package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// rmOptions say what to remove and how.
type rmOptions struct {
	Name                 string
	Volumes, Link, Force bool
}

func decodeRm(job *engine.Job) rmOptions {
	return rmOptions{
		Name: job.Args[0], Volumes: job.GetenvBool("removeVolume"), Link: job.GetenvBool("removeLink"),
		Force: job.GetenvBool("forceRemove"),
	}
}

// jobRm removes a container, or a link to one.
//
// Usage:  rm CONTAINER
// Env:    removeVolume: its anonymous volumes too. forceRemove: kill it first. removeLink: only the link PARENT/ALIAS.
// Errors: NotFound, Conflict (runs, is being removed).
// Events: kill and die when forced; destroy.
func (d *Daemon) jobRm(job *engine.Job) error {
	opt := decodeRm(job)
	if opt.Link {
		return d.RemoveLink(opt.Name)
	}
	return d.Remove(job.Context(), opt)
}

// Remove returns when nothing of the container is left. Once begun, it is
// finished even if the caller leaves.
func (d *Daemon) Remove(ctx context.Context, opt rmOptions) error {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	for {
		s, err := c.transition((*state).remove)
		if err == nil {
			break
		}
		switch {
		case opt.Force && s.state.Phase == starting:
			if _, err := c.decided(ctx); err != nil {
				return err
			}
		case opt.Force && s.state.alive():
			err := d.Kill(ctx, killOptions{Name: c.id, Signal: 9})
			if err != nil && !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
				return fmt.Errorf("Could not kill running container, cannot remove - %w", err) //nolint:staticcheck // classic text
			}
		case opt.Force && (s.state.Phase == removing || s.state.Phase == removed):
			// It is wanted gone, and somebody is at it: wait for that.
			s, err := c.until(ctx, func(s *snapshot) bool { return s.state.Phase != removing })
			if err != nil || s.state.Phase == removed {
				return err
			}
		default:
			return err
		}
	}
	return d.destroy(context.WithoutCancel(ctx), c, opt.Volumes)
}

// destroy removes everything of a container whose removal has begun. The
// directory is marked first, so that Restore can finish what a crash
// interrupts.
func (d *Daemon) destroy(ctx context.Context, c *container, withVolumes bool) error {
	if s := c.now(); s.cleaning != nil {
		select {
		case <-s.cleaning:
		case <-d.ctx.Done():
			return errdefs.Unavailable("the daemon is shutting down")
		}
	}
	s := c.now()
	err := d.erase(c.id, c.dir, s.rec.MountPoints, withVolumes)
	if err != nil {
		err = fmt.Errorf("Cannot destroy container %s: %w", s.bare(), err) //nolint:staticcheck // classic text
		_, _ = c.transition(func(s *state) error { return s.removalFailed(err.Error()) })
		return err
	}
	d.containers.remove(c)
	s, _ = c.transition((*state).gone)
	d.executions.drop(c.id)
	c.hub.dismiss()
	d.event(ctx, s, "destroy", nil)
	return nil
}

// erase removes what a container has outside of memory. It may be called again
// after a failure.
func (d *Daemon) erase(id, dir string, points map[string]mountPoint, withVolumes bool) error {
	mark := unmaking
	if withVolumes {
		mark = unmakingV
	}
	if err := os.Rename(dir, dir+mark); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	held, noted := d.ledger.gone(id)
	purged := make(chan error, 1)
	go func() { purged <- d.opt.Names.Purge(id) }() // waits for the disk: beside the rest
	err := d.opt.Images.RemoveLayer(id)
	named := <-purged
	if err != nil {
		return errors.Join(err, named)
	}
	d.releaseSources(id, points, withVolumes)
	if held && noted == nil {
		d.spares.leave(dir + mark)
	}
	// After a failure, the directory may carry the mark of the first attempt.
	if err := errors.Join(os.RemoveAll(dir+unmaking), os.RemoveAll(dir+unmakingV)); err != nil {
		return errors.Join(err, named)
	}
	if noted != nil { // on a full disk there is room only now
		_, noted = d.ledger.gone(id)
	}
	if named != nil { // likewise
		named = d.opt.Names.Purge(id)
	}
	return errors.Join(noted, named)
}

// RemoveLink removes the link parent/alias.
func (d *Daemon) RemoveLink(name string) error {
	parent, alias, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	if !ok {
		if _, err := d.containers.find(parent); err != nil {
			return err
		}
		return errdefs.Conflict("Conflict, cannot remove the default name of the container")
	}
	p, err := d.containers.find(parent)
	if err != nil {
		return errdefs.NotFound("Cannot get parent /%s for name /%s/%s", parent, parent, alias)
	}
	found := false
	_, _ = p.update(func(s *snapshot) error {
		rec := *s.rec
		rec.Links = nil
		for _, l := range s.rec.Links {
			if l.Alias == alias {
				found = true
				continue
			}
			rec.Links = append(rec.Links, l)
		}
		s.rec = &rec
		return nil
	})
	if !found {
		return errdefs.NotFound("No such link: %s", name)
	}
	if err := d.opt.Names.Unlink(p.id, alias); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	return d.saveConfig(p)
}
