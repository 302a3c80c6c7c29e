package engine

import "time"

// The bounds of the time between two rounds of the patrol.
const (
	minPatrol = 10 * time.Millisecond
	maxPatrol = 5 * time.Second
)

// patrol sees to it that a job whose context ends gets its grace period though
// nothing watches that context: for a job that runs in the goroutine of its
// caller and has no streams, a watch of its own would cost more than the dispatch.
// One timer serves all of them. It goes on while there are such jobs, and finds a
// context that has ended within one grace period (at most 5 s).
func (e *Engine) patrol() {
	if e.patrolling.Load() || !e.patrolling.CompareAndSwap(false, true) {
		return
	}
	s := e.settings.Load()
	s.clock.AfterFunc(min(max(s.grace, minPatrol), maxPatrol), e.round)
}

// round looks at all running jobs once.
func (e *Engine) round() {
	e.patrolling.Store(false) // before the look: who comes later begins anew
	e.mu.Lock()
	jobs := e.listed()
	e.mu.Unlock()
	again := false
	for _, j := range jobs {
		j.mu.Lock()
		unwatched := j.unwatched && j.grace == nil
		j.mu.Unlock()
		switch {
		case !unwatched:
		case j.base.Err() != nil:
			j.expire()
		default:
			again = true
		}
	}
	if again {
		e.patrol()
	}
}
