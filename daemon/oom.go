package daemon

import (
	"context"
	"time"
)

// oomEnd is how long the end of a container may follow a kill for lack of
// memory to be the same thing.
const oomEnd = 100 * time.Millisecond

// ranOut receives every kill for lack of memory from the exec driver. When the
// workload ends of it, the end tells; when it lives on, it was a child.
func (d *Daemon) ranOut(id string) {
	c := d.containers.byID(id)
	if c == nil {
		return
	}
	c.oom.Store(true)
	d.track(func() {
		wait, cancel := context.WithTimeout(d.ctx, oomEnd)
		defer cancel()
		_, err := c.until(wait, func(s *snapshot) bool { return s.state.Phase != running && s.state.Phase != paused })
		if !c.oom.Swap(false) || err == nil || d.ctx.Err() != nil {
			return
		}
		s, err := c.transition((*state).outOfMemory)
		if err != nil {
			return // it has just ended, and was told to have run out of memory
		}
		d.event(d.background(), s, "oom", nil)
		if err := d.saveState(c, false); err != nil {
			d.opt.Logf("%v", err)
		}
	})
}
