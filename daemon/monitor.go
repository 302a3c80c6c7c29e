package daemon

import (
	"context"
	"strconv"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

// Delays of the restart policy: after each short run the delay doubles, beginning
// with 200 ms, up to maxDelay; a run that lasted steadyRun begins anew, with
// firstDelay.
const (
	firstDelay = 100 * time.Millisecond
	maxDelay   = time.Minute
	steadyRun  = 10 * time.Second
)

// exited receives every end of a workload from the exec driver, on a goroutine
// of its own. Those who wait are told first; then the run is cleaned up, and at
// last the policy decides what becomes of the container.
func (d *Daemon) exited(e execdriver.Exit) {
	if !d.enter() {
		return // the next daemon learns of it from the driver
	}
	defer d.leave()
	select {
	case <-d.restored:
	case <-d.ctx.Done():
		return
	}
	ctx := d.background()
	if e.Container != "" {
		d.execExited(e)
		return
	}
	c := d.containers.byID(e.ID)
	if c == nil {
		d.forget(ctx, e.ID)
		return
	}
	// The end may overtake the answer of the start.
	s, err := c.decided(d.ctx)
	if err != nil {
		return
	}
	if s.told != nil {
		<-s.told
	}
	if s.state.active() && e.At.Before(s.state.StartedAt) {
		return // of an earlier run, which Restore has concluded
	}
	d.report(ctx, c, e)
}

// finish takes a container from the end of its workload to rest, or to its next
// start. It is the work of the job container_exited.
func (d *Daemon) finish(ctx context.Context, c *container, e execdriver.Exit, mark marks) {
	cleaned := make(chan struct{})
	var before *snapshot
	s, err := c.update(func(s *snapshot) error {
		before = c.snap.Load()
		again := d.wantsRestart(s, e.Code)
		if err := s.state.ended(e.Code, e.OOMKilled, e.At.UTC(), again); err != nil {
			return err
		}
		s.cleaning, s.health = cleaned, s.health.ended()
		if !again {
			s.net = d.idleNetwork(s.rec, s.host)
		}
		return nil
	})
	if err != nil {
		d.opt.Logf("container %s ended: %v", short(c.id), err)
		if s.cleaning != nil {
			<-s.cleaning // who recorded the end forgets it when it is on disk
		}
		d.forget(ctx, c.id)
		return
	}
	d.dropExecs(c)
	c.monitor.Swap(nil).stop()
	again := s.state.Phase == restarting
	attrs := map[string]string{"exitCode": strconv.Itoa(e.Code)}
	if !before.state.StartedAt.IsZero() {
		attrs["execDuration"] = strconv.Itoa(int(e.At.Sub(before.state.StartedAt).Seconds()))
	}
	if c.oomUntold(before, e.OOMKilled) {
		d.event(ctx, s, "oom", nil)
	}
	d.event(ctx, s, "die", attrs)
	mark.done("state")
	forgotten := make(chan struct{})
	go func() { // a round trip to the exec engine, beside the network's
		defer close(forgotten)
		// Whatever happens, one of the two records knows how it ended.
		if !s.passing() && c.now().state.Phase < removing {
			if err := d.saveState(c, false); err != nil && c.now().state.Phase < removing {
				d.opt.Logf("%v", err)
				return // the exec driver's is needed by the next daemon
			}
		}
		d.forget(ctx, c.id)
	}()
	if !again {
		d.offline(ctx, before)
	}
	d.tellPlain(ctx, before, "disconnect")
	d.unmountVolumes(ctx, before, c.id)
	<-forgotten
	close(cleaned)
	mark.done("cleanup")
	switch {
	case again:
		d.track(func() { d.restartLater(c) })
	case s.host.AutoRemove:
		d.autoRemove(ctx, c)
		mark.done("remove")
		return
	case s.rec.Transient:
		return // nobody reads it: the next daemon removes the container
	}
	if err := d.saveState(c, true); err != nil && c.now().state.Phase < removing {
		d.opt.Logf("%v", err)
	}
	mark.done("keep")
}

// offline gives back what a run had of the network.
func (d *Daemon) offline(ctx context.Context, s *snapshot) {
	d.closeLinks(ctx, s)
	if !connected(&s.net) {
		return
	}
	d.disconnect(ctx, s.rec.ID)
	d.tellNetworks(ctx, &s.net, s.rec.ID, "disconnect")
}

// forget makes the exec driver drop its record of an ended workload.
func (d *Daemon) forget(ctx context.Context, id string) {
	err := d.opt.Exec.Remove(ctx, id)
	if err != nil && !errdefs.IsNotFound(err) { // what stays is found by the next daemon: once more
		err = d.opt.Exec.Remove(ctx, id)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		d.opt.Logf("removing the record of container %s: %v", short(id), err)
	}
}

// wantsRestart asks the policy. It is part of a transition.
func (d *Daemon) wantsRestart(s *snapshot, code int) bool {
	if s.state.Halted || d.closing.Load() {
		return false
	}
	failures := 0
	if code != 0 {
		failures = s.state.Failures + 1
	}
	return policyWants(s.host.RestartPolicy, code, failures)
}

// policyWants tells whether a policy starts again after an end with this code,
// which was the given number of failures in a row.
func policyWants(p runconfig.RestartPolicy, code, failures int) bool {
	switch p.Name {
	case "always", "unless-stopped":
		return true
	case "on-failure":
		return code != 0 && (p.MaximumRetryCount == 0 || failures <= p.MaximumRetryCount)
	}
	return false
}

// delay is how long to wait before the next automatic start.
func (s *state) delay() time.Duration {
	d := firstDelay
	for range min(s.Quick, 20) {
		if d *= 2; d >= maxDelay {
			return maxDelay
		}
	}
	return d
}

// restartLater waits and starts the container again, unless it is told to stop
// meanwhile. A start that fails counts as a failure and is tried again.
func (d *Daemon) restartLater(c *container) {
	wait, cancel := context.WithTimeout(d.ctx, c.now().state.delay())
	defer cancel()
	_, err := c.until(wait, func(s *snapshot) bool { return s.state.Phase != restarting })
	if err == nil || d.ctx.Err() != nil {
		return
	}
	job := d.job(d.background(), "start", c.id)
	job.SetenvBool("automatic", true)
	err = d.insist(c, job.Run())
	if err != nil && c.now().state.Error != "" {
		d.opt.Logf("restarting container %s by its policy: %v", c.now().bare(), err)
	}
}

// insist repeats a start by the policy whose exec engine was killed under it: that
// is no fault of the container. It takes and returns the result of the start.
func (d *Daemon) insist(c *container, err error) error {
	const most = 5
	for range most {
		if !errdefs.Is(err, errdefs.KindUnavailable) || d.ctx.Err() != nil || c.now().state.Halted {
			return err
		}
		err = d.job(d.background(), "start", c.id).Run()
	}
	return err
}

// halt says that the user wants the container to stay down, and ends the wait
// for an automatic restart. gaveUp tells that there was one.
func (d *Daemon) halt(ctx context.Context, c *container) (gaveUp bool) {
	var net *snapshot
	s, _ := c.update(func(s *snapshot) error {
		s.state.Halted = true
		if s.state.Phase != restarting {
			return nil
		}
		gaveUp, net = true, c.snap.Load()
		s.net = d.idleNetwork(s.rec, s.host)
		return s.state.giveUp()
	})
	if !gaveUp {
		return false
	}
	d.offline(ctx, net)
	if err := d.saveState(c, true); err != nil {
		d.opt.Logf("%v", err)
	}
	if s.host.AutoRemove {
		d.autoRemove(ctx, c)
	}
	return true
}

// autoRemove removes a container that is to leave with its workload.
func (d *Daemon) autoRemove(ctx context.Context, c *container) {
	job := d.job(context.WithoutCancel(ctx), "rm", c.id)
	job.SetenvBool("removeVolume", true)
	// Conflict or NotFound: somebody else removes it, or has started it again.
	if err := job.Run(); err != nil && !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
		d.opt.Logf("removing container %s at its end: %v", short(c.id), err)
	}
}
