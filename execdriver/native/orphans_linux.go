package native

import (
	"maps"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/orphans"
)

// orphanAge is how long a dead child waits before it is collected: one that an
// exec engine takes in after all is not ours.
const orphanAge = time.Second

// collectOrphans collects what containers without a pid namespace of their own
// leave behind. As long as their exec engine lives that is its work; once it was
// killed the orphans come to us. Other children of this process are not touched,
// however long nobody waits for them: their parents are elsewhere in the program.
func (d *Driver) collectOrphans() {
	sessions := map[int]bool{}
	seen := map[int]bool{}
	tick := time.NewTicker(orphanAge)
	defer tick.Stop()
	for {
		d.noteSessions(sessions)
		select {
		case <-tick.C:
		case <-d.ctx.Done():
			return
		}
		now := map[int]bool{}
		for _, pid := range orphans.Dead() {
			session, err := unix.Getsid(pid)
			switch {
			case err != nil || !sessions[session] && !orphans.Nested(pid): // not of a container
			case d.isHeld(pid): // it has a collector of its own
			case seen[pid]:
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // nobody wants its status
			default:
				now[pid] = true
			}
		}
		seen = now
	}
}

// strangerAge is how long an answer of an exec engine that was killed may be on
// its way through this process.
const strangerAge = time.Second

// killStrangers ends what an exec engine that was killed has left of an exec that
// has failed by that: a process of the container that is our child, and that
// nobody knows. Where the container has no pid namespace of its own, its own
// orphans look the same, and nothing is done.
func (d *Driver) killStrangers(container string) {
	d.orphans.Do(func() { d.over.Go(d.collectOrphans) })
	select {
	case <-time.After(strangerAge):
	case <-d.ctx.Done():
		return
	}
	h, err := d.get(container)
	if err != nil {
		return
	}
	h.mu.Lock()
	group, own := h.record.Group, h.record.OwnPID && h.exit == nil
	h.mu.Unlock()
	if group == nil || !own {
		return
	}
	pids, _ := group.Pids() // it may have ended just now
	for _, pid := range pids {
		if !d.isHeld(pid) && orphans.Parent(pid) == os.Getpid() {
			_ = unix.Kill(pid, unix.SIGKILL) // it is ours to collect, so the pid is still its own
		}
	}
}

// noteSessions adds the sessions of the processes of containers whose orphans may
// come to us. A dead process can still be told by its session, and by nothing
// else on every kernel: exec engines have one of their own, which containers
// inherit, and what leaves it has made another.
func (d *Driver) noteSessions(sessions map[int]bool) {
	own, err := unix.Getsid(0)
	if err != nil {
		return
	}
	d.mu.Lock()
	for _, pid := range d.engines {
		sessions[pid] = true // of what it was about to start
	}
	d.mu.Unlock()
	for _, pid := range d.openPids() {
		if session, err := unix.Getsid(pid); err == nil && session > 0 && session != own {
			sessions[session] = true
		}
	}
}

// openPids lists the processes of running containers that have no pid namespace
// of their own.
func (d *Driver) openPids() (pids []int) {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.held))
	d.mu.Unlock()
	for _, h := range all {
		h.mu.Lock()
		group, pid, open := h.record.Group, h.record.Pid, h.exit == nil && h.record.Pid > 0 && !h.record.OwnPID
		h.mu.Unlock()
		if !open {
			continue
		}
		pids = append(pids, pid)
		if group != nil {
			inside, _ := group.Pids() // it may have ended just now
			pids = append(pids, inside...)
		}
	}
	return pids
}

// isHeld tells whether a process is the first one of a container that we hold, or
// an execution.
func (d *Driver) isHeld(pid int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.held {
		if h.state().Pid == pid {
			return true
		}
	}
	for _, x := range d.execs {
		x.mu.Lock()
		ours := x.pid == pid
		x.mu.Unlock()
		if ours {
			return true
		}
	}
	return false
}
