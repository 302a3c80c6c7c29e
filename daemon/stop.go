package daemon

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// stopOptions say how to stop. A nil Timeout is the container's own.
type stopOptions struct {
	Name    string
	Timeout *int // seconds; negative: for ever
	Signal  int  // 0: the container's own
	mark    marks
}

const (
	defaultStop = 10 * time.Second
	// killPatience is how long a process may take to die from SIGKILL.
	killPatience = 10 * time.Second
)

func decodeStop(job *engine.Job) (stopOptions, error) {
	opt := stopOptions{Name: job.Args[0], mark: job.Phase}
	if job.Getenv("t") != "" {
		t := job.GetenvInt("t")
		opt.Timeout = &t
	}
	if text := job.Getenv("signal"); text != "" {
		var err error
		if opt.Signal, err = parseSignal(text); err != nil {
			return opt, err
		}
	}
	return opt, nil
}

// jobStop ends a container's workload.
//
// Usage:  stop CONTAINER
// Env:    t: seconds until KILL, -1 for ever (default: the container's, else 10). signal: instead of its own.
// Phases: signal, wait (until it has ended), kill (if it had to be), cleanup.
// Errors: NotFound, NotModified (does not run), Internal.
// Events: kill for each signal, die, stop.
func (d *Daemon) jobStop(job *engine.Job) error {
	opt, err := decodeStop(job)
	if err != nil {
		return err
	}
	return d.Stop(job.Context(), opt)
}

// Stop returns when the workload has ended and its run is cleaned up.
func (d *Daemon) Stop(ctx context.Context, opt stopOptions) error {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	s, err := c.settled(ctx)
	if err != nil {
		return err
	}
	if !s.state.alive() {
		return errdefs.NotModified("Container already stopped")
	}
	if !d.halt(ctx, c) {
		if err := d.end(ctx, c, opt); err != nil {
			return fmt.Errorf("Cannot stop container %s: %w", opt.Name, err) //nolint:staticcheck // classic text
		}
	}
	d.event(ctx, c.now(), "stop", nil)
	return nil
}

// grace is how long a container has between its stop signal and KILL; negative
// is for ever.
func (s *snapshot) grace(t *int) time.Duration {
	if t == nil {
		t = s.rec.Config.StopTimeout
	}
	if t == nil {
		return defaultStop
	}
	return time.Duration(*t) * time.Second
}

// end signals the workload and waits for its end and for the cleaning; when the
// time is over, it kills.
func (d *Daemon) end(ctx context.Context, c *container, opt stopOptions) error {
	s := c.now()
	exits := s.state.Exits
	over := func(s *snapshot) bool { return s.state.Exits != exits || !s.state.active() }
	if over(s) {
		_, err := c.settled(ctx)
		return err
	}
	sig := opt.Signal
	if sig == 0 {
		sig = stopSignal(s.rec.Config)
	}
	if err := d.signal(ctx, c, sig); err != nil && !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
		return err
	}
	opt.mark.done("signal")
	wait, cancel := ctx, context.CancelFunc(func() {})
	if t := s.grace(opt.Timeout); t >= 0 {
		wait, cancel = context.WithTimeout(ctx, t)
	}
	_, err := c.until(wait, over)
	cancel()
	opt.mark.done("wait")
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := d.killAndWait(ctx, c, over); err != nil {
			return err
		}
		opt.mark.done("kill")
	}
	_, err = c.settled(ctx)
	opt.mark.done("cleanup")
	return err
}

// killAndWait sends KILL and waits until over.
func (d *Daemon) killAndWait(ctx context.Context, c *container, over func(*snapshot) bool) error {
	if err := d.signal(ctx, c, int(syscall.SIGKILL)); err != nil && !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, killPatience)
	defer cancel()
	if _, err := c.until(wait, over); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errdefs.Internal("the workload of container %s did not die from KILL within %v: "+
			"a process may be stuck in the kernel", short(c.id), killPatience)
	}
	return nil
}

// signal sends a signal; a frozen workload is thawed so that it can act on it. The
// journal is told before: it may end the workload at once, and the end comes last.
func (d *Daemon) signal(ctx context.Context, c *container, sig int) error {
	d.event(ctx, c.now(), "kill", map[string]string{"signal": strconv.Itoa(sig)})
	if err := d.opt.Exec.Signal(ctx, c.id, sig); err != nil {
		return err
	}
	if c.now().state.Phase != paused {
		return nil
	}
	if err := d.opt.Exec.Unpause(ctx, c.id); err != nil {
		return err
	}
	_, err := c.transition((*state).unpause)
	if errdefs.IsConflict(err) {
		return nil // it has ended
	}
	return err
}
