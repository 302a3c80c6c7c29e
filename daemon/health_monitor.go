package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// monitor checks the health of one run of one container. Between two checks it
// is a timer and nothing else; a container without checks has none. Checks do
// not overlap: one that was killed and does not end, because the kernel holds
// it, counts as a failure each time until it does. Nothing waits for it.
type monitor struct {
	d     *Daemon
	c     *container
	began time.Time  // StartedAt of the run, which names it
	since time.Time  // the same by the clock of the engine
	stuck *execution // killed and not ended; of the check under way only

	mu     sync.Mutex // guards the rest
	timer  engine.Timer
	cancel context.CancelFunc // of the check under way
	over   bool
}

var errRunOver = errors.New("the run is over")

// watchHealth begins the checks of a run. One that an earlier daemon has begun
// keeps what was found.
func (d *Daemon) watchHealth(c *container, restored bool) {
	if probe(c.now().rec.Config) == nil {
		return
	}
	m := &monitor{d: d, c: c, since: d.opt.Engine.Clock().Now()}
	_, err := c.update(func(s *snapshot) error {
		if !s.state.executes() {
			return errRunOver
		}
		if m.began = s.state.StartedAt; restored {
			m.since = m.began
		}
		if !restored || s.health == nil {
			s.health = &health{status: healthStarting}
		}
		return nil
	})
	if err == nil {
		c.monitor.Swap(m).stop()
		m.schedule()
	}
}

// executes tells whether there is a workload, paused or not.
func (s *state) executes() bool { return s.Phase == running || s.Phase == paused }

// stop ends the checks. The one under way is cancelled.
func (m *monitor) stop() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	if m.timer != nil {
		m.timer.Stop()
	}
	if m.cancel != nil {
		m.cancel()
	}
}

// schedule sets the timer of the next check.
func (m *monitor) schedule() {
	s := m.c.now()
	if !m.watches(s) {
		return
	}
	clock := m.d.opt.Engine.Clock()
	wait := s.health.wait(s.rec.Config.Healthcheck, clock.Now().Sub(m.since))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return
	}
	m.timer = clock.AfterFunc(wait, func() {
		if m.d.enter() {
			go func() { // it ends with the check, which has a timeout
				defer m.d.leave()
				m.check()
			}()
		}
	})
}

// watches tells whether a container is still in the run that is checked.
func (m *monitor) watches(s *snapshot) bool {
	return s.state.executes() && s.state.StartedAt.Equal(m.began) && s.health != nil
}

// check does one check, unless the container is paused, and sets the timer again.
func (m *monitor) check() {
	s := m.c.now()
	if !m.watches(s) {
		return
	}
	if s.state.Phase == running {
		if r, counts := m.probe(s); counts {
			m.record(r)
		}
	}
	m.schedule()
}

// record publishes the result of a check.
func (m *monitor) record(r api.HealthcheckResult) {
	var before string
	s, err := m.c.update(func(s *snapshot) error {
		if !m.watches(s) {
			return errRunOver
		}
		before = s.health.status
		s.health = s.health.after(s.rec.Config.Healthcheck, r, r.Start.Sub(m.since))
		return nil
	})
	if err != nil || s.health.status == before {
		return
	}
	m.d.event(m.d.background(), s, "health_status: "+s.health.status, nil)
	if err := m.d.saveState(m.c, false); err != nil && m.c.now().state.Phase < removing {
		m.d.opt.Logf("%v", err)
	}
}

// probe runs the check as an exec. The result does not count when the container
// was paused or ended meanwhile.
func (m *monitor) probe(s *snapshot) (r api.HealthcheckResult, counts bool) {
	clock := m.d.opt.Engine.Clock()
	r = api.HealthcheckResult{Start: clock.Now(), ExitCode: -1}
	if m.stuck != nil && !m.stuck.over() {
		r.End, r.Output = r.Start, "The last check was killed and has not ended: no other one is begun"
		return r, true
	}
	m.stuck = nil
	ctx, cancel := context.WithCancel(m.d.background())
	defer cancel()
	if !m.begin(cancel) {
		return r, false
	}
	defer m.begin(nil)
	timeout := or(s.rec.Config.Healthcheck.Timeout, defaultCheckTimeout)
	var late atomic.Bool
	limit := clock.AfterFunc(timeout, func() {
		late.Store(true)
		cancel()
	})
	out := &firstBytes{left: maxCheckOutput}
	code, err := m.exec(ctx, s, out)
	limit.Stop()
	r.End = clock.Now()
	if s := m.c.now(); !m.watches(s) || s.state.Phase == paused || m.d.ctx.Err() != nil {
		return r, false
	}
	switch {
	case late.Load():
		r.Output = fmt.Sprintf("Health check exceeded timeout (%v)", timeout)
		if text := out.String(); text != "" {
			r.Output += ": " + text
		}
	case err != nil:
		r.Output = err.Error()
	default:
		r.ExitCode, r.Output = code, out.String()
	}
	return r, true
}

// begin notes what cancels the check under way; false: there is to be none.
func (m *monitor) begin(cancel context.CancelFunc) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cancel = cancel
	return !m.over
}

// exec runs the check by jobs, which are in the trace as all jobs, until it has
// ended. When ctx ends before, it is killed.
func (m *monitor) exec(ctx context.Context, s *snapshot, out *firstBytes) (code int, err error) {
	create := m.d.job(ctx, "exec_create", m.c.id)
	create.SetenvBool("AttachStdout", true)
	create.SetenvBool("AttachStderr", true)
	if err := create.SetenvJson("Cmd", probe(s.rec.Config)); err != nil {
		return -1, err
	}
	text, err := create.Output()
	if err != nil {
		return -1, err
	}
	x, err := m.d.executions.find(strings.TrimSpace(string(text)))
	if err != nil {
		return -1, err
	}
	start := m.d.job(ctx, "exec_start", x.id)
	start.Stdout.Add(out)
	start.Stderr.Add(out)
	err = start.Run()
	switch {
	case err == nil && ctx.Err() == nil && x.over():
		code = *x.now().exitCode
	case x.now().claimed && !x.over():
		m.kill(ctx, x)
		return -1, errors.Join(ctx.Err(), err)
	}
	m.d.executions.forget(x)
	return code, err
}

// kill ends a check whose time is over. It is looked at again by the next one.
func (m *monitor) kill(ctx context.Context, x *execution) {
	m.stuck = x
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := m.d.opt.Exec.Signal(ctx, x.id, int(syscall.SIGKILL))
	if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
		m.d.opt.Logf("ending the health check %s of container %s: %v", short(x.id), short(m.c.id), err)
	}
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct {
	mu   sync.Mutex // guards the rest
	b    bytes.Buffer
	left int
	cut  bool // there was more
}

// Write never fails.
func (f *firstBytes) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(p), f.left)
	f.b.Write(p[:n])
	f.left -= n
	f.cut = f.cut || n < len(p)
	return len(p), nil
}

// String is what was kept.
func (f *firstBytes) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		return f.b.String() + "..."
	}
	return f.b.String()
}
