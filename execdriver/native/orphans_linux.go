package native

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/orphans"
)

// orphanAge is how long a dead child waits before it is taken for an orphan.
// Whoever in the daemon starts a program also waits for it, and is faster.
const orphanAge = 3 * time.Second

// collectOrphans collects what containers without a pid namespace of their own
// leave behind. As long as their exec engine lives that is its work; once it was
// killed the orphans come to us.
func (d *Driver) collectOrphans() {
	seen := map[int]bool{}
	tick := time.NewTicker(orphanAge)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-d.ctx.Done():
			return
		}
		now := map[int]bool{}
		for _, pid := range orphans.Dead() {
			switch {
			case d.isInit(pid): // it has a collector of its own
			case seen[pid]:
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // nobody wants its status
			default:
				now[pid] = true
			}
		}
		seen = now
	}
}

// isInit tells whether a process is the first one of a container that we hold.
func (d *Driver) isInit(pid int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.held {
		if h.state().Pid == pid {
			return true
		}
	}
	return false
}
