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
	e.mu.Lock()
	jobs, trails := e.listed(), e.runningTrails()
	e.mu.Unlock()
	infos := make([]JobInfo, len(jobs))
	for i, j := range jobs {
		t := &trails[i]
		infos[i] = JobInfo{
			ID: t.id(), Parent: t.parentID(), Name: t.name, Args: t.arguments(), Client: t.client,
			Started: t.started.Round(0).UTC(),
		}
		if j.caller != nil {
			infos[i].Detail = clip(j.caller.Detail, maxText)
		}
		infos[i].State, infos[i].Phase = j.progress()
	}
	return infos
}

// listed copies the list of running jobs, oldest first. Call it with mu held.
func (e *Engine) listed() []*Job {
	jobs := make([]*Job, 0, e.nrunning)
	for j := e.running; j != nil; j = j.next {
		jobs = append(jobs, j)
	}
	slices.Reverse(jobs)
	return jobs
}

// runningTrails copies what is known of the running jobs, oldest first. Call it
// with mu held: once a job is off the list its owner may change it again.
func (e *Engine) runningTrails() []trail {
	list := make([]trail, e.nrunning)
	i := e.nrunning
	for j := e.running; j != nil; j = j.next {
		i--
		list[i].begin(j)
	}
	return list
}

// progress tells the state of a running job and the last phase it has done.
func (j *Job) progress() (state, phase string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.overdue:
		state = StateOverdue
	case j.cause != nil || j.base != nil && j.base.Err() != nil:
		state = StateCancelled
	case j.queued:
		state = StateQueued
	default:
		state = StateRunning
	}
	if n := len(j.phases); n > 0 {
		phase = j.phases[n-1].Name
	}
	return state, phase
}

// CancelJob cancels a running job. It is named by its id or by the number behind
// the dot; NotFound when no such job runs.
func (e *Engine) CancelJob(id string) error {
	found, err := e.findRunning(id)
	if err == nil {
		found.Cancel()
	}
	return err
}

// findRunning finds a running job as CancelJob does.
func (e *Engine) findRunning(id string) (*Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for j := e.running; j != nil; j = j.next {
		if j.named(id) {
			return j, nil
		}
	}
	return nil, errdefs.NotFound("no such job is running: %s (the job \"jobs\" lists those that are)", shorten(id))
}
