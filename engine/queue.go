package engine

import "fmt"

// lineUp asks for the place that the job needs. It does not block: a job that
// has to wait does so in await.
func (j *Job) lineUp() error {
	t := &j.Eng.turns
	if !t.limited.Load() || !j.outside() {
		return nil
	}
	changes := true
	if d := j.entry.decl; d != nil {
		if d.Waits || d.Control {
			return nil
		}
		changes = d.Changes
	}
	w, err := t.enter(changes, j.caller.Client)
	if err != nil {
		return fmt.Errorf("job %s: %w", j.Name, err)
	}
	j.turn = w
	if w.ready != nil {
		j.mu.Lock()
		j.queued = true
		j.mu.Unlock()
	}
	return nil
}

// await waits for the turn of the job. A cancel, a deadline and the shutdown of
// the engine end the waiting at once.
func (j *Job) await() error {
	w := j.turn
	if w == nil || w.ready == nil {
		return nil
	}
	ctx := j.Context()
	select {
	case <-w.ready:
	case <-ctx.Done():
		if j.Eng.turns.leave(w) {
			j.turn = nil
		}
	}
	waited := j.Eng.settings.Load().since(j.started)
	j.mu.Lock()
	j.queued = false
	j.waited, j.marked = waited, waited
	cause := j.cause
	j.mu.Unlock()
	switch {
	case j.turn != nil && w.err != nil:
		j.turn = nil
		return fmt.Errorf("job %s waited for its turn: %w", j.Name, w.err)
	case cause != nil:
	case ctx.Err() != nil:
		cause = ctx.Err()
	default:
		return nil
	}
	return fmt.Errorf("job %s waited for its turn: %w", j.Name, cause)
}
