package execengine

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/orphans"
)

// A container without a pid namespace of its own has nobody inside who takes in
// children that outlive their parents. The exec engine does: it is the nearest
// subreaper above them. Its own children, the inits, are collected by their pids
// and nowhere else; what is found dead beside them is an orphan.

// orphanDelay lets several deaths be looked at together.
const orphanDelay = 20 * time.Millisecond

// watchOrphans begins with the first container that can leave any, so that the
// others do not pay for it.
func (e *execEngine) watchOrphans() {
	e.orphans.Do(func() {
		deaths := make(chan os.Signal, 1)
		signal.Notify(deaths, unix.SIGCHLD)
		go func() { // as long as the process
			for range deaths {
				time.Sleep(orphanDelay)
				e.collectOrphans()
			}
		}()
	})
}

// collectOrphans collects dead children that are nobody's.
func (e *execEngine) collectOrphans() {
	dead := orphans.Dead()
	if len(dead) == 0 {
		return
	}
	// An init that died at once may not be known yet: wait for those who fork.
	e.forks.Lock()
	e.forks.Unlock() //nolint:staticcheck // it is empty on purpose
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, pid := range dead {
		if !e.inits[pid] {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // nobody wants its status
		}
	}
}

// own notes a child that is collected by its pid.
func (e *execEngine) own(pid int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.inits[pid] = true
}

// disown forgets an init that was collected.
func (e *execEngine) disown(pid int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.inits, pid)
}
