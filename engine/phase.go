package engine

import "time"

// Phase is one part of the work of a job.
type Phase struct {
	Name     string
	Duration time.Duration // in JSON: nanoseconds
}

// maxPhases bounds the phases that one job keeps; later ones are not recorded.
const maxPhases = 32

// Phase says that the part of the work called name ends now. It began at the
// previous mark, or when the handler was called. Names are constants of the
// handler: the statistics have a line for each (32 per job name at most).
func (j *Job) Phase(name string) {
	now := j.Eng.settings.Load().since(j.started)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state != stateRunning || len(j.phases) == maxPhases {
		return
	}
	j.phases = append(j.phases, Phase{name, now - j.marked})
	j.marked = now
}
