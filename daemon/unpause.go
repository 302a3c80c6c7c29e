package daemon

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// jobUnpause thaws the processes of a container.
//
// Usage:  unpause CONTAINER
// Errors: NotFound, Conflict (does not run, is not paused).
// Events: unpause.
func (d *Daemon) jobUnpause(job *engine.Job) error { return d.Unpause(job.Context(), job.Args[0]) }

// Unpause thaws.
func (d *Daemon) Unpause(ctx context.Context, name string) error {
	c, err := d.containers.find(name)
	if err != nil {
		return err
	}
	wrap := func(err error) error { return fmt.Errorf("Cannot unpause container %s: %w", name, err) } //nolint:staticcheck // classic text
	switch s := c.now(); s.state.Phase {
	case paused:
	case running:
		return wrap(errdefs.Conflict("Container %s is not paused", s.rec.ID))
	default:
		return wrap(errdefs.Conflict("Container %s is not running", s.rec.ID))
	}
	if err := d.opt.Exec.Unpause(ctx, c.id); err != nil {
		return wrap(err)
	}
	s, err := c.transition((*state).unpause)
	if err != nil {
		return wrap(err)
	}
	d.event(ctx, s, "unpause", nil)
	return d.saveState(c, false)
}
