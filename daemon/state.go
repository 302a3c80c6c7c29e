package daemon

import (
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// phase is where a container is in its life.
//
//	created ──begin──▶ starting ──started──▶ running ◀─pause/unpause─▶ paused
//	   ▲                 │   ▲                  │ ended                  │ ended
//	   └────failed───────┘   │                  ▼                        ▼
//	                 begin   └──── restarting ◀─┴─▶ exited ──begin──▶ starting
//	created, exited, dead ──remove──▶ removing ──▶ removed, or dead when it fails
type phase uint8

const (
	created phase = iota
	starting
	running
	paused
	restarting // ended, and waits for its next start
	exited
	removing
	dead // removal failed in the middle: it can only be removed again
	removed
)

var phaseNames = [...]string{
	"created", "starting", "running", "paused", "restarting", "exited", "removing", "dead", "removed",
}

// String gives the word that is used on disk.
func (p phase) String() string { return phaseNames[p] }

// gone tells that nothing more happens to the container than its removal.
func (p phase) gone() bool { return p == removing || p == removed || p == dead }

// MarshalText and UnmarshalText keep the word on disk.
func (p phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a word; unknown ones are an error.
func (p *phase) UnmarshalText(b []byte) error {
	for i, name := range phaseNames {
		if name == string(b) {
			*p = phase(i)
			return nil
		}
	}
	return errdefs.InvalidArgument("unknown container phase %q", b)
}

// state is the life of a container so far. It is a value: its methods are the
// legal transitions, each refuses when the present phase does not allow it, and
// the caller publishes the result.
type state struct {
	Phase      phase
	Prior      phase // what a failed start falls back to
	Pid        int
	ExitCode   int
	Error      string // of the last start, "" when it was good
	OOMKilled  bool
	StartedAt  time.Time
	FinishedAt time.Time

	RestartCount int  // automatic starts since the last manual one
	Failures     int  // consecutive bad endings
	Quick        int  `json:",omitempty"` // runs in a row that were shorter than steadyRun
	Halted       bool // the user stopped or signalled it: no automatic start
	Exits        uint64
}

// active tells whether a workload exists or is about to.
func (s *state) active() bool {
	return s.Phase == running || s.Phase == paused || s.Phase == starting
}

// alive is what the API calls running: also between automatic restarts.
func (s *state) alive() bool {
	return s.Phase == running || s.Phase == paused || s.Phase == restarting
}

// again tells whether the container is on its way to its next start by the
// policy: the wait and the start itself.
func (s *state) again() bool {
	return s.Phase == restarting || s.Phase == starting && s.RestartCount > 0
}

// word is the API's name of the phase.
func (s *state) word() string {
	switch s.Phase {
	case starting:
		if s.again() {
			return restarting.String()
		}
		return s.Prior.String()
	case removed:
		return removing.String()
	}
	return s.Phase.String()
}

// begin starts a start. automatic ones come from the restart policy.
func (s *state) begin(automatic bool) error {
	switch s.Phase {
	case created, exited, restarting:
	case running:
		return errdefs.NotModified("Container already started")
	case paused:
		return errdefs.Conflict("Cannot start a paused container, try unpause instead.")
	case removing, removed:
		return errdefs.Conflict("container is being removed: it cannot be started")
	case dead:
		return errdefs.Conflict("container is dead: it can only be removed")
	default:
		return errdefs.Conflict("container is being started already")
	}
	if automatic {
		if s.Phase != restarting {
			return errdefs.Conflict("container no longer waits for a restart")
		}
		s.RestartCount++
	} else {
		s.RestartCount, s.Failures, s.Quick = 0, 0, 0
		s.Halted = false
	}
	s.Prior = s.Phase
	if s.Prior == restarting {
		s.Prior = exited
	}
	s.Phase = starting
	return nil
}

// started says that the workload runs.
func (s *state) started(pid int, at time.Time) error {
	if s.Phase != starting {
		return s.illegal(running)
	}
	s.Phase, s.Pid, s.StartedAt = running, pid, at
	s.ExitCode, s.Error, s.OOMKilled = 0, "", false
	s.FinishedAt = time.Time{}
	return nil
}

// outOfMemory says that the kernel has killed a child of the workload.
func (s *state) outOfMemory() error {
	if s.Phase != running && s.Phase != paused {
		return s.illegal(running)
	}
	s.OOMKilled = true
	return nil
}

// failed says that the start did not work.
func (s *state) failed(code int, text string) error {
	if s.Phase != starting {
		return s.illegal(s.Prior)
	}
	s.Phase, s.Pid, s.ExitCode, s.Error = s.Prior, 0, code, text
	return nil
}

// ended says that the workload is gone; again says that the policy wants it back.
func (s *state) ended(code int, oom bool, at time.Time, again bool) error {
	if s.Phase != running && s.Phase != paused {
		return s.illegal(exited)
	}
	s.Phase = exited
	if again {
		s.Phase = restarting
	}
	s.Failures++
	if code == 0 {
		s.Failures = 0
	}
	s.Quick++
	if at.Sub(s.StartedAt) > steadyRun {
		s.Quick = 0
	}
	s.Pid, s.ExitCode, s.OOMKilled, s.FinishedAt = 0, code, oom, at
	s.Exits++
	return nil
}

// giveUp ends the waiting for an automatic restart.
func (s *state) giveUp() error {
	if s.Phase != restarting {
		return s.illegal(exited)
	}
	s.Phase = exited
	return nil
}

func (s *state) pause() error {
	if s.Phase != running {
		return s.illegal(paused)
	}
	s.Phase = paused
	return nil
}

func (s *state) unpause() error {
	if s.Phase != paused {
		return s.illegal(running)
	}
	s.Phase = running
	return nil
}

// remove begins the removal.
func (s *state) remove() error {
	switch s.Phase {
	case created, exited, dead:
		s.Phase = removing
		return nil
	case removing, removed:
		return errdefs.Conflict("removal of the container is already in progress")
	case starting:
		return errdefs.Conflict("Conflict, the container is being started. " +
			"Stop the container before attempting removal or use -f")
	}
	return errdefs.Conflict("Conflict, You cannot remove a running container. " +
		"Stop the container before attempting removal or use -f")
}

// removalFailed says that some of the container is still there.
func (s *state) removalFailed(text string) error {
	if s.Phase != removing {
		return s.illegal(dead)
	}
	s.Phase, s.Error = dead, text
	return nil
}

// gone says that nothing is left.
func (s *state) gone() error {
	if s.Phase != removing {
		return s.illegal(removed)
	}
	s.Phase = removed
	return nil
}

func (s *state) illegal(to phase) error {
	return errdefs.Conflict("a container cannot go from %s to %s", s.Phase, to)
}
