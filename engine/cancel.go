package engine

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/enginejobs/docker/errdefs"
)

// jobKey and permitKey are the context keys of this package: the job that a
// context belongs to, and the engine whose shutdown it serves.
type (
	jobKey    struct{}
	permitKey struct{}
)

// jobContext is the context of a job. Jobs started with it are its children.
type jobContext struct {
	context.Context
	job *Job
}

// Value answers with the job itself, or as the context below does.
func (c jobContext) Value(key any) any {
	switch key {
	case jobKey{}:
		return c.job
	case callerKey{}:
		return c.job.caller
	}
	return c.Context.Value(key)
}

// SetContext makes the job end when ctx ends. When ctx is, or comes from, the
// context of a running job, that job becomes the parent. Call it before Start.
func (j *Job) SetContext(ctx context.Context) *Job {
	j.base, j.parent, j.caller, j.permitted = ctx, nil, nil, false
	if ctx == nil {
		return j
	}
	j.caller = CallerOf(ctx)
	if p, ok := ctx.Value(jobKey{}).(*Job); ok && p != j {
		j.parent = p
	}
	if e, ok := ctx.Value(permitKey{}).(*Engine); ok {
		j.permitted = e == j.Eng
	}
	return j
}

// Context returns the context of the job. It ends on Cancel, with the context
// given to SetContext, when the engine shuts down, and when the job has ended.
func (j *Job) Context() context.Context {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ctx == nil {
		base := j.base
		if base == nil {
			base = context.Background()
		}
		ctx, stop := context.WithCancelCause(base)
		j.ctx, j.stop = jobContext{ctx, j}, stop
		if j.cause != nil || j.state >= stateEnding {
			stop(j.cause)
		}
	}
	return j.ctx
}

// Cancel asks the job to end. It may be called at any time, by anybody, several
// times. A job that is cancelled before Start fails there.
func (j *Job) Cancel() { j.cancel(context.Canceled) }

func (j *Job) cancel(cause error) {
	j.mu.Lock()
	if j.state >= stateEnding || j.cause != nil {
		j.mu.Unlock()
		return
	}
	j.cause = cause
	stop := j.stop
	j.mu.Unlock()
	if stop != nil {
		stop(cause)
	}
	j.expire()
}

// expire begins the grace period.
func (j *Job) expire() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state == stateRunning && j.grace == nil && !j.queued {
		s := j.Eng.settings.Load()
		j.grace = s.clock.AfterFunc(s.grace, j.cut)
	}
}

// cut ends the grace period: the streams are closed under the handler, and a
// little later nobody waits for it any more.
func (j *Job) cut() {
	j.stdin.cut()
	j.stdout.cut()
	j.stderr.cut()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state == stateRunning {
		j.grace = j.Eng.Clock().AfterFunc(lingering, j.giveUp)
	}
}

// giveUp says that the job ignores its cancel: nobody waits for it any more, it
// is counted as overdue, and its name is logged.
func (j *Job) giveUp() {
	j.mu.Lock()
	j.overdue = true
	if j.late != nil {
		close(j.late)
	}
	j.mu.Unlock()
	var t trail
	e := j.Eng
	e.mu.Lock()
	running := j.listed
	if running {
		j.reported = true
		e.board.overdue++
		e.statsOf(j).overdue++
		t.begin(j)
	}
	e.mu.Unlock()
	if running {
		s := e.settings.Load()
		s.warn("job %s #%d still runs %v after it was asked to end", t.call(), j.seq, s.grace+lingering)
	}
}

// belongs tells whether the job is part of what an engine that shuts down still
// has to finish. Call it with Eng.mu held.
func (j *Job) belongs() bool {
	return j.permitted || j.parent != nil && j.parent.Eng == j.Eng && j.parent.listed
}

// PanicError is in the chain of the error of a job whose handler panicked.
type PanicError struct {
	Value any
	Stack []byte
}

// Error gives the value of the panic.
func (e *PanicError) Error() string { return fmt.Sprint(e.Value) }

// crashed makes the error of a handler that did not return.
func (j *Job) crashed(value any) error {
	if value == nil {
		return errdefs.Internal("the handler of job %s ended its goroutine", j.Name)
	}
	p := &PanicError{Value: value, Stack: debug.Stack()}
	j.Eng.settings.Load().warn("job %s panicked: %v\n%s", j.Name, p.Value, p.Stack)
	return errdefs.Internal("job %s panicked: %w", j.Name, p)
}
