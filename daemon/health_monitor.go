package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
)

// watchHealth begins the checks of a run. Between two checks there is a timer
// and nothing else; a container without checks has not even that. A check that
// hangs holds up the next one of its own container only.
func (d *Daemon) watchHealth(c *container) {
	if probe(c.now().rec.Config) == nil {
		return
	}
	s, err := c.update(func(s *snapshot) error {
		if s.state.Phase != running && s.state.Phase != paused {
			return errRunOver
		}
		s.health = &health{status: healthStarting}
		return nil
	})
	if err == nil {
		d.checkLater(c, s)
	}
}

var errRunOver = errors.New("the run is over")

// checkLater sets the timer of the next check of the run that s is of.
func (d *Daemon) checkLater(c *container, s *snapshot) {
	check, began := s.rec.Config.Healthcheck, s.state.StartedAt
	d.opt.Engine.Clock().AfterFunc(s.health.wait(check, d.opt.Now().Sub(began)), func() {
		if !d.enter() {
			return
		}
		defer d.leave()
		if next := d.checkHealthOf(c, began); next != nil {
			d.checkLater(c, next)
		}
	})
}

// sameRun tells whether a container is still in the run that began then.
func (s *snapshot) sameRun(began time.Time) bool {
	return (s.state.Phase == running || s.state.Phase == paused) && s.state.StartedAt.Equal(began) && s.health != nil
}

// checkHealthOf runs one check. It gives the container after it, or nil when the
// run is over. A paused container is not asked.
func (d *Daemon) checkHealthOf(c *container, began time.Time) *snapshot {
	s := c.now()
	if !s.sameRun(began) {
		return nil
	}
	if s.state.Phase == paused {
		return s
	}
	result, counts := d.runProbe(c, s)
	var before string
	s, err := c.update(func(s *snapshot) error {
		if !s.sameRun(began) {
			return errRunOver
		}
		if counts {
			before = s.health.status
			s.health = s.health.after(s.rec.Config.Healthcheck, result, result.Start.Sub(began))
		}
		return nil
	})
	if err != nil {
		return nil
	}
	if counts && s.health.status != before {
		d.event(d.background(), s, "health_status: "+s.health.status, nil)
	}
	return s
}

// runProbe runs the check as an exec. The result does not count when the
// container was paused or ended meanwhile.
func (d *Daemon) runProbe(c *container, s *snapshot) (r api.HealthcheckResult, counts bool) {
	timeout := or(s.rec.Config.Healthcheck.Timeout, defaultCheckTimeout)
	ctx, cancel := context.WithTimeout(d.background(), timeout)
	defer cancel()
	out := &firstBytes{left: maxCheckOutput}
	r = api.HealthcheckResult{Start: d.opt.Now(), ExitCode: -1}
	id, err := d.probeJobs(ctx, c, s, out)
	r.End = d.opt.Now()
	switch {
	case ctx.Err() != nil && d.ctx.Err() == nil:
		r.Output = fmt.Sprintf("Health check exceeded timeout (%v)", timeout)
		if text := out.String(); text != "" {
			r.Output += ": " + text
		}
		d.endProbe(id)
		return r, true
	case errdefs.IsConflict(err), d.ctx.Err() != nil:
		return r, false
	case err != nil:
		r.Output = err.Error()
		return r, true
	}
	r.Output = out.String()
	if x, err := d.executions.find(id); err == nil {
		if code := x.now().exitCode; code != nil {
			r.ExitCode = *code
		}
	}
	return r, true
}

// probeJobs runs exec_create and exec_start, which are in the trace as all jobs.
func (d *Daemon) probeJobs(ctx context.Context, c *container, s *snapshot, out *firstBytes) (id string, err error) {
	create := d.job(ctx, "exec_create", c.id)
	create.SetenvBool("AttachStdout", true)
	create.SetenvBool("AttachStderr", true)
	if err := create.SetenvJson("Cmd", probe(s.rec.Config)); err != nil {
		return "", err
	}
	text, err := create.Output()
	if err != nil {
		return "", err
	}
	id = strings.TrimSpace(string(text))
	start := d.job(ctx, "exec_start", id)
	start.Stdout.Add(out)
	start.Stderr.Add(out)
	return id, start.Run()
}

// endProbe ends a check whose time is over.
func (d *Daemon) endProbe(id string) {
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, time.Second)
	defer cancel()
	err := d.opt.Exec.Signal(ctx, id, int(syscall.SIGKILL))
	if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
		d.opt.Logf("ending the health check %s: %v", short(id), err)
	}
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct {
	mu   sync.Mutex // guards the rest
	b    bytes.Buffer
	left int
}

// Write never fails.
func (f *firstBytes) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(p), f.left)
	f.b.Write(p[:n])
	f.left -= n
	return len(p), nil
}

// String is what was kept.
func (f *firstBytes) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.b.String()
}
