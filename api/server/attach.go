package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// attachHijack runs the job attach on the connection itself. The container is
// looked up before the connection is taken over, so that an unknown one is a
// plain 404. The head goes out when the job has joined the container, whether
// that runs or not: clients wait for it before they start the container, and
// would miss the output of a short one otherwise. The job says so with a write
// of no bytes.
func attachHijack(x *exchange, row *route) error {
	ctx, cancel := context.WithCancel(x.r.Context())
	defer cancel()
	job, tty, err := x.prepareAttach(ctx, row)
	if err != nil {
		return err
	}
	conn, err := x.hijack(streamMedia(x.v, tty), cancel)
	if err != nil {
		return err
	}
	defer conn.finish()
	job.SetenvBool("headers", true)
	job.Stdout.Add(opener(conn.begin))
	stdout := connectOutput(job, conn, tty)
	if err := job.Stdin.Add(conn); err != nil {
		return err
	}
	x.attached(job, stdout)
	return nil
}

// prepareAttach makes the job, and finds out what can be told with a status only
// before the connection is taken over: whether the protocol has connections to
// take over, whether the client may attach, whether there is such a container.
func (x *exchange) prepareAttach(ctx context.Context, row *route) (job *engine.Job, tty bool, err error) {
	if x.r.ProtoMajor != 1 {
		return nil, false, errdefs.InvalidArgument("attaching to a container needs HTTP/1.1, because it takes the connection over; "+
			"this request came over %s", x.r.Proto)
	}
	if job, err = row.prepare(x); err != nil {
		return nil, false, err
	}
	if err = job.SetContext(ctx).Permitted(); err != nil {
		return nil, false, err
	}
	if _, err = runconfig.ParseDetachKeys(job.Getenv("detachKeys")); err != nil {
		return nil, false, errdefs.As(errdefs.KindInvalidArgument, err)
	}
	tty, err = x.hasTerminal()
	return job, tty, err
}

// attached runs the job on a stream that has begun: what goes wrong can only be
// told inside of it.
func (x *exchange) attached(job *engine.Job, stdout interface{ Write([]byte) (int, error) }) {
	err := x.run(job)
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	x.s.log.Debugf("attaching to %s: %v", x.vars["name"], err)
	_, err = fmt.Fprintf(stdout, "Error attaching: %v\n", err)
	_ = err // the client has left: it is not told
}
