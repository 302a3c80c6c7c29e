package remote

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
)

// plain runs one job for one request: the body is its Stdin, the answer what it
// writes, the trailers its result. A failure before the first byte of output is
// the HTTP status.
func (h *handler) plain(w http.ResponseWriter, r *http.Request) {
	c, err := parseCall(r)
	if err == nil {
		err = wire.CheckVia(h.eng, c.name, c.via)
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	if c.timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, c.timeout, errdefs.New(errdefs.KindDeadline,
			"the caller gave it %v: %w", c.timeout, context.DeadlineExceeded))
		defer stop()
	}
	caller := callerOf(r)
	caller.Via, caller.Parent, caller.Trace = c.via, c.parent, c.trace
	job := c.job(h.eng).SetContext(engine.WithCaller(ctx, &caller))

	control := http.NewResponseController(w)
	in, err := attachBody(job, r, control, cancel)
	if err != nil {
		refuse(w, r, err)
		return
	}
	out := newAnswer(w, r, control, job, in)
	job.Stdout.Add(out.stdout())
	job.Stderr.Add(out.stderr())
	out.end(runPlain(job, in, control))
}

// runPlain runs the job and, beside it, the pump of its Stdin.
func runPlain(job *engine.Job, in *stdin, control *http.ResponseController) error {
	if err := job.Start(); err != nil || in == nil {
		if err == nil {
			err = job.Wait()
		}
		return err
	}
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		in.pump()
	}()
	err := job.Wait()
	if !in.stop() {
		_ = control.SetReadDeadline(time.Now().Add(patience))
	}
	<-pumped
	if !in.over() {
		_ = control.SetReadDeadline(time.Now().Add(lingering))
	}
	return err
}

// A job may end before its input does. The pump then leaves the body as soon as
// a read returns, which a caller that is silent delays until a deadline breaks
// it. What a caller still sends is read by the server for a while, because a
// connection that is closed on unread bytes is reset, and the answer with it.
const (
	patience  = 5 * time.Millisecond
	lingering = time.Second
)

// attachBody makes the request body the Stdin of the job. Nil: there is none.
// The body is not read before the job is started, so a caller that expects
// "100 Continue" sends nothing to a job that does not exist.
func attachBody(job *engine.Job, r *http.Request, control *http.ResponseController, left context.CancelCauseFunc) (*stdin, error) {
	if !hasBody(r) {
		return nil, nil
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, errdefs.InvalidArgument("Content-Encoding %s: the stdin of a job is taken as it is", quote(encoding))
	}
	if err := control.EnableFullDuplex(); err != nil {
		return nil, errdefs.Internal("reading and writing at once on this connection: %w", err)
	}
	in := newStdin(r.Body, func(err error) {
		left(fmt.Errorf("the caller left: %w", context.Canceled))
	})
	if err := job.Stdin.AddCloser(in); err != nil {
		return nil, err
	}
	return in, nil
}

func hasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}
