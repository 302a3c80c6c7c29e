package engine

import (
	"maps"

	"github.com/enginejobs/docker/errdefs"
)

// Use puts wrap around every handler, the catch-all and those that come later
// included. The first one added is the outermost. It is called once for each
// handler, not for each job; what it answers is called for each job, after the
// checks and the wait for a turn. Jobs made before keep what they had.
func (e *Engine) Use(wrap func(next Handler) Handler) {
	if wrap == nil {
		return
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	e.wraps = append(e.wraps, wrap)
	next := maps.Clone(*e.entries.Load())
	for name, ent := range next {
		next[name] = e.wrapped(*ent)
	}
	e.entries.Store(&next)
	if ent := e.catchall.Load(); ent != nil {
		e.catchall.Store(e.wrapped(*ent))
	}
}

// wrapped completes an entry for the table: what Use has added goes around its
// handler. Call it with writing held.
func (e *Engine) wrapped(ent entry) *entry {
	ent.handler = ent.bare
	for i := len(e.wraps) - 1; i >= 0; i-- {
		if h := e.wraps[i](ent.handler); h != nil {
			ent.handler = h
		}
	}
	return &ent
}

// SetAuthorizer sets who decides which jobs may run. It is asked for jobs that
// have a Caller and no parent on this engine, before they wait for their turn;
// its error fails the job, as Forbidden unless it has the kind Unauthorized. It
// is called in the goroutine of Start or Run, and sees a job whose arguments and
// env are not checked yet and whose name may be unknown. Nil: everything may run.
func (e *Engine) SetAuthorizer(f func(job *Job) error) {
	e.change(func(s *settings) { s.authorize = f })
}

// authorized asks whether the job may run. An authorizer that panics has not
// said yes.
func (j *Job) authorized() (err error) {
	ask := j.Eng.settings.Load().authorize
	if ask == nil || !j.outside() {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = errdefs.Internal("job %s is not allowed: the authorizer panicked: %v", clip(j.Name, maxName), v)
		}
	}()
	err = ask(j)
	if err == nil || errdefs.Is(err, errdefs.KindForbidden) || errdefs.Is(err, errdefs.KindUnauthorized) {
		return err
	}
	return errdefs.Forbidden("job %s is not allowed: %w", clip(j.Name, maxName), err)
}
