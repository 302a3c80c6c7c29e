package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/enginejobs/docker/engine"
)

// attachHijack runs the job attach on the connection itself. The container is
// looked up before the connection is taken over, so that an unknown one is a
// plain 404. The head goes out when the job has joined the container, whether
// that runs or not: clients wait for it before they start the container, and
// would miss the output of a short one otherwise. The job says so with a write
// of no bytes.
func attachHijack(x *exchange, row *route) error {
	tty, err := x.hasTerminal()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(x.r.Context())
	defer cancel()
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	job.SetContext(ctx)
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
