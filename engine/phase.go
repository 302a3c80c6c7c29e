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

// PhaseTook is Phase for a part that somebody else has measured, another process
// for example: it took d, and the next part began when it was over. The parts of
// a job never take longer than the job, so d counts up to this moment at most.
func (j *Job) PhaseTook(name string, d time.Duration) {
	now := j.Eng.settings.Load().since(j.started)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state != stateRunning || len(j.phases) == maxPhases {
		return
	}
	d = max(0, min(d, now-j.marked))
	j.phases = append(j.phases, Phase{name, d})
	j.marked += d
}
