package daemon

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// jobRestart stops a container if it runs, and starts it.
//
// Usage:  restart CONTAINER
// Env:    t, signal: as for stop.
// Errors: as stop and start.
// Jobs:   stop, start.
// Events: kill, die, stop, start, restart.
func (d *Daemon) jobRestart(job *engine.Job) error {
	opt, err := decodeStop(job)
	if err != nil {
		return err
	}
	return d.Restart(job.Context(), opt)
}

// Restart is the jobs stop and start. A container that removes itself at its end is kept
// over the restart.
func (d *Daemon) Restart(ctx context.Context, opt stopOptions) error {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	wrap := func(err error) error {
		return fmt.Errorf("Cannot restart container %s: %w", opt.Name, err) //nolint:staticcheck // classic text
	}
	release := c.hold()
	defer release()
	stop := d.job(ctx, "stop", c.id)
	if opt.Timeout != nil {
		stop.SetenvInt("t", *opt.Timeout)
	}
	if opt.Signal != 0 {
		stop.SetenvInt("signal", opt.Signal)
	}
	if err := stop.Run(); err != nil && !errdefs.IsNotModified(err) {
		return wrap(err)
	}
	if err := d.job(ctx, "start", c.id).Run(); err != nil && !errdefs.IsNotModified(err) {
		return wrap(err)
	}
	d.event(ctx, c.now(), "restart", nil)
	return nil
}

// hold keeps the daemon from removing a container at its end. The release
// restores what was there.
func (c *container) hold() (release func()) {
	set := func(on bool) {
		_, _ = c.update(func(s *snapshot) error {
			host := *s.host
			host.AutoRemove = on
			s.host = &host
			return nil
		})
	}
	if !c.now().host.AutoRemove {
		return func() {}
	}
	set(false)
	return func() { set(true) }
}
