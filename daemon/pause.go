package daemon

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// jobPause freezes the processes of a container.
//
// Usage:  pause CONTAINER
// Errors: NotFound, Conflict (does not run, is paused).
// Events: pause.
func (d *Daemon) jobPause(job *engine.Job) error { return d.Pause(job.Context(), job.Args[0]) }

// Pause freezes.
func (d *Daemon) Pause(ctx context.Context, name string) error {
	c, err := d.containers.find(name)
	if err != nil {
		return err
	}
	wrap := func(err error) error { return fmt.Errorf("Cannot pause container %s: %w", name, err) } //nolint:staticcheck // classic text
	switch s := c.now(); s.state.Phase {
	case running:
	case paused:
		return wrap(errdefs.Conflict("Container %s is already paused", s.rec.ID))
	case restarting:
		return wrap(errdefs.Conflict("Container %s is restarting, wait until the container is running", s.rec.ID))
	default:
		return wrap(errdefs.Conflict("Container %s is not running", s.rec.ID))
	}
	if err := d.opt.Exec.Pause(ctx, c.id); err != nil {
		return wrap(err)
	}
	s, err := c.transition((*state).pause)
	if err != nil {
		return wrap(err)
	}
	d.event(ctx, s, "pause", nil)
	return d.saveState(c, false)
}
