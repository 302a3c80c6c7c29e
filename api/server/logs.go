package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/stdcopy"
)

// logsStream runs the job logs. What a container without terminal wrote is
// framed, so that the client can tell stdout from stderr.
func logsStream(x *exchange, row *route) error {
	if !truthy(x.value("stdout")) && !truthy(x.value("stderr")) {
		return errdefs.InvalidArgument("Bad parameters: you must choose at least one stream")
	}
	tty, err := x.hasTerminal()
	if err != nil {
		return err
	}
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	out := &sink{w: x.w, code: http.StatusOK, media: streamMedia(x.v, tty), flush: true}
	stdout := connectOutput(job, out, tty)
	if err := x.run(job); err != nil {
		if !x.w.begun {
			return err
		}
		_, err = fmt.Fprintf(stdout, "Error running logs job: %v\n", err)
		_ = err // the client has left: it is not told
	}
	out.begin()
	return nil
}

// connectOutput gives both outputs of a job one destination, framed unless the
// container has a terminal, and returns what its stdout is written to.
func connectOutput(job *engine.Job, w io.Writer, tty bool) io.Writer {
	if tty {
		job.Stdout.Add(w)
		job.Stderr.Add(w)
		return w
	}
	mux := stdcopy.NewMux(w)
	stdout := mux.Stream(stdcopy.Stdout)
	job.Stdout.Add(stdout)
	job.Stderr.Add(mux.Stream(stdcopy.Stderr))
	return stdout
}

// streamMedia names the kind of an output stream. Before 1.42 all were called
// raw, framed or not.
func streamMedia(v version, tty bool) string {
	if v >= v1(42) && !tty {
		return api.MultiplexedStream
	}
	return api.RawStream
}

// hasTerminal asks whether the container of the request has one; it is also
// the moment in which an unknown container gets its 404.
func (x *exchange) hasTerminal() (bool, error) {
	job := x.job(x.r.Context(), "container_inspect", x.vars["name"])
	out, err := job.Output()
	if err != nil {
		if errdefs.Is(err, errdefs.KindUnknownJob) {
			err = noJob(job.Name)
		}
		return false, err
	}
	var inspect struct {
		Config struct{ Tty bool }
	}
	if err := json.Unmarshal(out, &inspect); err != nil {
		return false, errdefs.Internal("job %s wrote no JSON document: %w", job.Name, err)
	}
	return inspect.Config.Tty, nil
}
