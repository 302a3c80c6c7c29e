package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/enginejobs/docker/errdefs"
)

// execStart runs the job exec_start on the connection itself. The connection is
// taken over when the job says, with a write of no bytes, that only the start of
// the process can still fail: what is wrong before has its status, what is wrong
// afterwards is told in the stream.
func execStart(x *exchange, row *route) error {
	body, err := x.document()
	if err != nil {
		return err
	}
	var b struct {
		Detach, Tty bool
		ConsoleSize *[2]uint16
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return errdefs.InvalidArgument("the start of an exec says in its body whether it is detached and has a terminal: %w", err)
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
	err = x.run(job)
	conn := later.taken()
	if conn == nil {
		return err
	}
	defer conn.finish()
	if err != nil && !errors.Is(err, context.Canceled) {
		x.s.log.Debugf("running exec %s: %v", x.vars["name"], err)
		_, err = fmt.Fprintf(stdout, "%s", execFailure(x.v, err))
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

func execFailure(v version, err error) string {
	if v < v1(22) {
		return fmt.Sprintf("Error starting exec command: %v\n", err)
	}
	return err.Error() + "\r\n"
}
