package engine

import (
	"slices"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// The states of a job in a JobInfo.
const (
	StateQueued    = "queued"    // waits for its turn
	StateRunning   = "running"   //
	StateCancelled = "cancelled" // was asked to end, and has not yet
	StateOverdue   = "overdue"   // was asked to end, and ignored it beyond the grace period
)

// JobInfo describes a job that has not ended. Secret arguments are masked.
type JobInfo struct {
	ID      string
	Parent  string `json:",omitempty"` // the job that it belongs to, also one of the calling engine
	Name    string
	Args    []string `json:",omitempty"`
	Client  string   `json:",omitempty"` // Caller.Client
	Detail  string   `json:",omitempty"` // Caller.Detail
	State   string
	Phase   string `json:",omitempty"` // the last part of its work that it has done
	Started time.Time
}

// Running lists the jobs that have started and not ended, oldest first.
func (e *Engine) Running() []JobInfo {
	jobs := e.listed()
	infos := make([]JobInfo, 0, len(jobs))
	for _, j := range jobs {
		infos = append(infos, j.info())
	}
	return infos
}

// listed copies the list of running jobs, oldest first.
func (e *Engine) listed() []*Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	jobs := make([]*Job, 0, e.nrunning)
	for j := e.running; j != nil; j = j.next {
		jobs = append(jobs, j)
	}
	slices.Reverse(jobs)
	return jobs
}

func (j *Job) info() JobInfo {
	i := JobInfo{
		ID: j.ID(), Parent: j.ParentID(), Name: j.Name, Args: j.visibleArgs(), State: StateRunning, Started: j.started,
	}
	if j.caller != nil {
		i.Client, i.Detail = j.caller.Client, j.caller.Detail
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.overdue:
		i.State = StateOverdue
	case j.cause != nil || j.base != nil && j.base.Err() != nil:
		i.State = StateCancelled
	}
	if n := len(j.phases); n > 0 {
		i.Phase = j.phases[n-1].Name
	}
	return i
}

// CancelJob cancels a running job. It is named by its id or by the number behind
// the dot; NotFound when no such job runs.
func (e *Engine) CancelJob(id string) error {
	e.mu.Lock()
	var found *Job
	for j := e.running; j != nil && found == nil; j = j.next {
		if j.named(id) {
			found = j
		}
	}
	e.mu.Unlock()
	if found == nil {
		return errdefs.NotFound("no such job is running: %s (the job \"jobs\" lists those that are)", shorten(id))
	}
	found.Cancel()
	return nil
}
