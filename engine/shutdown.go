package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// shutdownHandler is one thing to undo when the engine goes down.
type shutdownHandler struct {
	name string
	f    func(context.Context) error
}

// OnShutdown registers f to run during Shutdown. Handlers run one after the
// other, the last one registered first, each once. Jobs that f starts with its
// context are admitted although the engine refuses others.
func (e *Engine) OnShutdown(name string, f func(context.Context) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onClose = append(e.onClose, shutdownHandler{name, f})
}

// Permit returns a context whose jobs are admitted also while the engine shuts
// down. It is for the work that a part of the engine does on its own account
// until its shutdown handler has ended it, such as cleaning up after a process
// that has just exited. Requests never carry such a context.
func (e *Engine) Permit(ctx context.Context) context.Context {
	return context.WithValue(ctx, permitKey{}, e)
}

// IsShutdown is true from the moment Shutdown begins.
func (e *Engine) IsShutdown() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closing
}

// Shutdown takes the engine down: it refuses new jobs, cancels the running ones
// and waits for them, then runs the shutdown handlers. A deadline of ctx bounds
// all of it; the jobs get at most half of the time, so that the handlers have
// the other half. Callers that come later wait for the first one to be done.
//
// It reports what did not end in time and every handler that failed. It must
// not be called from inside a job, which would wait for itself.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.mu.Lock()
	if e.closing {
		closed := e.closed
		e.mu.Unlock()
		select {
		case <-closed:
			return e.closeErr
		case <-ctx.Done():
			return fmt.Errorf("waiting for the shutdown of engine %s: %w", e, ctx.Err())
		}
	}
	e.closing = true
	e.closed = make(chan struct{})
	idle := make(chan struct{})
	if e.nrunning == 0 {
		close(idle)
	} else {
		e.idle = idle
	}
	e.mu.Unlock()

	errs := []error{e.drain(ctx, idle)}
	for _, h := range slices.Backward(e.handlers()) {
		errs = append(errs, e.runHandler(ctx, h))
	}
	e.closeErr = errors.Join(errs...)
	close(e.closed)
	return e.closeErr
}

// handlers takes the registered handlers; none runs twice.
func (e *Engine) handlers() []shutdownHandler {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.onClose
	e.onClose = nil
	return list
}

// drain cancels what runs and waits until nothing does.
func (e *Engine) drain(ctx context.Context, idle <-chan struct{}) error {
	cause := errdefs.Unavailable("engine is shutdown")
	e.turns.close(cause)
	e.mu.Lock()
	jobs := e.listed()
	e.mu.Unlock()
	for _, j := range slices.Backward(jobs) {
		j.cancel(cause)
	}
	var half <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok {
		t := time.NewTimer(time.Until(deadline) / 2)
		defer t.Stop()
		half = t.C
	}
	select {
	case <-idle:
		return nil
	case <-half:
	case <-ctx.Done():
	}
	var names []string
	for _, info := range e.Running() {
		names = append(names, info.Name)
	}
	return errdefs.New(errdefs.KindDeadline, "jobs still run after the engine was shut down: %q", names)
}

// runHandler runs one handler, and leaves it behind when it ignores the end of
// its context for longer than a second.
func (e *Engine) runHandler(ctx context.Context, h shutdownHandler) error {
	hctx := e.Permit(ctx)
	done := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- errdefs.Internal("shutdown handler %s panicked: %v\n%s", h.name, v, debug.Stack())
			}
		}()
		done <- h.f(hctx)
	}()
	select {
	case err := <-done:
		return wrapHandler(h, err)
	case <-ctx.Done():
	}
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case err := <-done:
		return wrapHandler(h, err)
	case <-t.C:
		return errdefs.New(errdefs.KindDeadline, "shutdown handler %s did not end in time", h.name)
	}
}

func wrapHandler(h shutdownHandler, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("shutdown handler %s: %w", h.name, err)
}
