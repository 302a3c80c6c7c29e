package daemon

import (
	"errors"

	"github.com/enginejobs/docker/errdefs"
)

// passing tells whether nobody misses the container after a power cut: it goes at
// its end, or with its daemon.
func (s *snapshot) passing() bool { return s.host.AutoRemove || s.rec.Transient }

// Keep makes a transient container one like any other: when it returns, the
// container survives a power cut. One that is not transient stays as it is.
func (d *Daemon) Keep(name string) error {
	c, err := d.containers.find(name)
	if err != nil {
		return err
	}
	s, err := c.update(func(s *snapshot) error {
		if s.state.Phase.gone() {
			return errdefs.Conflict("container %s is being removed", s.bare())
		}
		rec := *s.rec
		rec.Transient = false
		s.rec = &rec
		return nil
	})
	if err != nil {
		return err
	}
	if s.passing() {
		return nil // it removes itself
	}
	if err := errors.Join(d.saveState(c, true), d.saveConfig(c)); err != nil {
		return err
	}
	return d.rootSync.sync()
}

// endTransient ends and removes a container that an earlier daemon ran for itself.
func (d *Daemon) endTransient(c *container) {
	job := d.job(d.background(), "rm", c.id)
	job.SetenvBool("removeVolume", true)
	job.SetenvBool("forceRemove", true)
	if err := job.Run(); err != nil && !errdefs.IsNotFound(err) && d.ctx.Err() == nil {
		d.opt.Logf("removing container %s of a daemon that is gone: %v", short(c.id), err)
	}
}
