package daemon

import (
	"context"
	"fmt"
	"syscall"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// killOptions name a container and a signal.
type killOptions struct {
	Name   string
	Signal int
}

func decodeKill(job *engine.Job) (killOptions, error) {
	opt := killOptions{Name: job.Args[0], Signal: int(syscall.SIGKILL)}
	if len(job.Args) < 2 || job.Args[1] == "" {
		return opt, nil
	}
	var err error
	opt.Signal, err = parseSignal(job.Args[1])
	return opt, err
}

// jobKill sends a signal to a container's workload.
//
// Usage:  kill CONTAINER [SIGNAL]
// Args:   SIGNAL: number or name; KILL when absent, and then the end is waited for.
// Errors: NotFound, InvalidArgument (signal), Conflict (does not run).
// Events: kill; die when it ends.
func (d *Daemon) jobKill(job *engine.Job) error {
	opt, err := decodeKill(job)
	if err != nil {
		return err
	}
	return d.Kill(job.Context(), opt)
}

// Kill sends the signal; after KILL it waits for the end. Whatever the signal,
// the restart policy will not start the container again.
func (d *Daemon) Kill(ctx context.Context, opt killOptions) error {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	s, err := c.decided(ctx)
	if err != nil {
		return err
	}
	wrap := func(err error) error {
		return fmt.Errorf("Cannot kill container %s: %w", opt.Name, err) //nolint:staticcheck // classic text
	}
	if !s.state.alive() {
		return wrap(errdefs.Conflict("Container %s is not running", s.rec.ID))
	}
	exits := s.state.Exits
	if !d.halt(ctx, c) {
		if opt.Signal == int(syscall.SIGKILL) {
			over := func(s *snapshot) bool { return s.state.Exits != exits || !s.state.active() }
			if err := d.killAndWait(ctx, c, over); err != nil {
				return wrap(err)
			}
		} else if err := d.signal(ctx, c, opt.Signal); err != nil {
			return wrap(err)
		}
	}
	return nil
}
