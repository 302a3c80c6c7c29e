package daemon

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// CleanReserve of the time that the whole stop has is for killing and cleaning
// up. When there is none left (a second signal), containers are killed and get
// hurriedKill to be gone, and the rest hurriedClean.
const (
	CleanReserve = 8 * time.Second
	hurriedKill  = 700 * time.Millisecond
	hurriedClean = 200 * time.Millisecond
)

// Close ends the daemon's part of every container: unless LiveRestore is set,
// all are stopped at once, each with its own time, and cleaned up. Restart
// policies stay as they are, so the next daemon starts what this one stopped.
// It is meant to run as a shutdown handler of the engine, with its context.
func (d *Daemon) Close(ctx context.Context) error {
	if d.closing.Swap(true) {
		d.wg.Wait()
		return nil
	}
	keep := d.opt.Engine.Permit(context.WithoutCancel(ctx)) // the cleaning outlives d.ctx
	d.jobs.Store(&keep)
	select {
	case <-d.restored:
		if !d.opt.LiveRestore {
			d.stopAll(ctx)
		}
	default: // a start that failed half-way: nothing is known to run
	}
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	d.executions.close()
	for _, c := range d.containers.all() {
		c.hub.dismiss()
		c.monitor.Swap(nil).stop()
	}
	done := make(chan error, 1)
	go func() {
		d.wg.Wait()
		d.spares.close()
		done <- d.ledger.close()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select { // what was killed in a hurry is about to be cleaned up
	case err := <-done:
		return err
	case <-time.After(hurriedClean):
		return fmt.Errorf("cleaning up after the containers: %w", ctx.Err())
	}
}

// stopAll stops what runs, concurrently.
func (d *Daemon) stopAll(ctx context.Context) {
	var wg sync.WaitGroup
	for _, c := range d.containers.all() {
		if s := c.now(); !s.state.alive() && s.state.Phase != starting {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := d.stopForShutdown(ctx, c); err != nil {
				d.opt.Logf("stopping container %s at shutdown: %v", short(c.id), err)
			}
		}()
	}
	wg.Wait()
}

// stopForShutdown stops one container without marking it as stopped by the
// user. Its own stop timeout counts as long as the whole stop has the time; in
// a hurry it is killed.
func (d *Daemon) stopForShutdown(ctx context.Context, c *container) error {
	s, err := c.settled(ctx)
	if err != nil {
		return err
	}
	if s.state.Phase == restarting {
		old := s
		_, err := c.update(func(s *snapshot) error {
			s.net = d.idleNetwork(s.rec, s.host)
			return s.state.giveUp()
		})
		if err != nil {
			return nil //nolint:nilerr // it has just been started or stopped
		}
		d.offline(ctx, old)
		return d.saveState(c, true)
	}
	if !s.state.alive() {
		return nil
	}
	seconds := int(d.opt.StopTimeout / time.Second)
	if t := s.rec.Config.StopTimeout; t != nil && *t >= 0 {
		seconds = *t
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := max(0, int((time.Until(deadline)-CleanReserve)/time.Second))
		if seconds < 0 || seconds > left {
			d.opt.Logf("container %s gets %d seconds to stop: the daemon does not wait longer for all of its stop", s.bare(), left)
			seconds = left
		}
	}
	if err := d.end(ctx, c, stopOptions{Timeout: &seconds}); ctx.Err() == nil {
		return err
	}
	hurry, cancel := context.WithTimeout(context.WithoutCancel(ctx), hurriedKill)
	defer cancel()
	exits := s.state.Exits
	over := func(s *snapshot) bool { return s.state.Exits != exits || !s.state.active() }
	if err := d.killAndWait(hurry, c, over); err != nil {
		return err
	}
	_, err = c.settled(hurry)
	return err
}
