package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/enginejobs/docker/errdefs"
)

// execStart runs the job exec_start on the connection itself. The connection is
// taken over when the job says, with a write of no bytes, that only the start of
// the process can still fail: what is wrong before has its status, what is wrong
// afterwards is told in the stream. Before 1.21 all was told in the stream.
func execStart(x *exchange, row *route) error {
	var b struct {
		Detach, Tty bool
		ConsoleSize *[2]uint16
	}
	if err := x.execDocument(&b); err != nil {
		return err
	}
	if !b.Detach && x.r.ProtoMajor != 1 {
		return errdefs.InvalidArgument("connecting to a process needs HTTP/1.1, because it takes the connection over; "+
			"this request came over %s", x.r.Proto)
	}
	ctx, cancel := context.WithCancel(x.r.Context())
	defer cancel()
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	job.SetContext(ctx)
	if b.ConsoleSize != nil {
		if err := job.SetenvJson("ConsoleSize", b.ConsoleSize); err != nil {
			return err
		}
	}
	if b.Detach {
		job.SetenvBool("Detach", true)
		if err := x.run(job); err != nil {
			return err
		}
		x.w.WriteHeader(detachedCode(x.v))
		return nil
	}
	later := &takeover{take: func() (*duplex, error) { return x.hijack(streamMedia(x.v, b.Tty), cancel) }}
	job.Stdout.Add(opener(func() { _, _ = later.Write(nil) })) // a connection that cannot be taken over fails the next write
	stdout := connectOutput(job, later, b.Tty)
	if err := job.Stdin.Add(later); err != nil {
		return err
	}
	if x.v < v1(21) {
		if err := job.Permitted(); err != nil {
			return err
		}
		if _, err := later.Write(nil); err != nil {
			return err
		}
	}
	err = x.run(job)
	conn := later.taken()
	if conn == nil {
		return err
	}
	defer conn.finish()
	if err != nil && !errors.Is(err, context.Canceled) {
		x.s.log.Debugf("running exec %s: %v", x.vars["name"], err)
		_, err = fmt.Fprintf(stdout, "%s", execFailure(x.v, x.vars["name"], err))
		_ = err // the client has left: it is not told
	}
	return nil
}

// detachedCode is the answer to a detached start.
func detachedCode(v version) int {
	if v < v1(21) {
		return http.StatusNoContent
	}
	return http.StatusOK
}

// execFailure is what a client is told in the stream. The container of the
// classic text is the exec, which was taken for one.
func execFailure(v version, id string, err error) string {
	if v < v1(22) {
		return fmt.Sprintf("Error starting exec command in container %s: %v\n", id, err)
	}
	return err.Error() + "\r\n"
}
