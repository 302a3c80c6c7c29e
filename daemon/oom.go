package daemon

import (
	"context"
	"time"
)

// oomEnd is how long the end of a container may follow a kill for lack of
// memory to be the same thing.
const oomEnd = 100 * time.Millisecond

// What is known of kills in the present run of a container.
const (
	oomNone    int32 = iota
	oomPending       // there was one that was not told yet
	oomTold
)

// ranOut receives every kill for lack of memory from the exec driver. When the
// workload ends of it, the end tells; when it lives on, it was a child.
func (d *Daemon) ranOut(id string) {
	c := d.containers.byID(id)
	if c == nil {
		return
	}
	c.oom.Store(oomPending)
	d.track(func() {
		wait, cancel := context.WithTimeout(d.ctx, oomEnd)
		defer cancel()
		_, err := c.until(wait, func(s *snapshot) bool { return s.state.Phase != running && s.state.Phase != paused })
		if err == nil || d.ctx.Err() != nil {
			c.oom.CompareAndSwap(oomPending, oomNone)
			return
		}
		if !c.oom.CompareAndSwap(oomPending, oomTold) {
			return
		}
		d.event(d.background(), c.now(), "oom", nil)
		if _, err := c.transition((*state).outOfMemory); err != nil {
			return // it has just ended, and that says so too
		}
		if err := d.saveState(c, false); err != nil {
			d.opt.Logf("%v", err)
		}
	})
}

// oomUntold tells whether the end of a run is the first to tell of a kill.
func (c *container) oomUntold(before *snapshot, killed bool) bool {
	switch c.oom.Swap(oomNone) {
	case oomPending:
		return true
	case oomTold:
		return false
	}
	return killed && !before.state.OOMKilled
}
