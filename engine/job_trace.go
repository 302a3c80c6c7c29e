package engine

import (
	"encoding/json"

	"github.com/enginejobs/docker/errdefs"
)

// traceBuffer is how many records a reader of job_trace may be behind.
const traceBuffer = 1024

// traceChunk is about how many bytes are written at once.
const traceChunk = 32 * 1024

// jobTraceDeclaration is the job that shows what jobs do.
func jobTraceDeclaration() Declaration {
	return Declaration{
		Name: "job_trace", Summary: "Show the jobs that ended last and, if asked to, those that start and end from now on.",
		Env: []Key{
			{Name: "follow", Type: Bool, Summary: "go on until cancelled"},
			{Name: "last", Type: Int, Default: "1000", Summary: "how many of the ended jobs to show, 1000 at most"},
			{Name: "env", Type: Bool, Summary: "show the env of the jobs as well"},
		},
		Stdout: JSONLines, Waits: true, Handler: jobJobTrace,
	}
}

// jobJobTrace shows what jobs do, one Record a line: the ones that ended last,
// oldest first. With follow there come next a start record of each that runs, and
// then, as it happens, a start record (without "Ended") and an end record of
// every job. Nothing between the two parts is missing or comes twice.
//
// A trace does not show itself. It shows other traces; a record that is written
// starts no job, so two that follow each other come to rest.
//
// The engine does not wait for a slow reader: who is more than 1024 records
// behind loses some, and Stderr says how many. Of a job whose start was lost the
// end has all there is to know.
//
// Usage:  job_trace
// Env:    follow (bool), last (int, default 1000, 0 for none), env (bool)
// Stdout: a Record as JSON on each line; durations are in nanoseconds. Secret
// arguments and env values read "***", long ones are shortened.
// Errors: InvalidArgument for a negative last; Canceled when follow is ended.
func jobJobTrace(job *Job) error {
	last := job.GetenvInt("last")
	if last < 0 {
		return errdefs.InvalidArgument("env key %q must not be negative, but is %d", "last", last)
	}
	t := tracing{job: job, env: job.GetenvBool("env")}
	if !job.GetenvBool("follow") {
		return t.show(job.Eng.Recent(last)...)
	}
	sub, ended, running := job.Eng.observe(traceBuffer, last)
	defer sub.Close()
	if err := t.show(ended...); err != nil {
		return err
	}
	if err := t.show(running...); err != nil {
		return err
	}
	for {
		select {
		case <-job.Context().Done():
			return job.Context().Err()
		case r := <-sub.C():
			if err := t.show(r); err != nil {
				return err
			}
		}
		if d := sub.Dropped(); d > t.dropped {
			job.Warnf("%d records were lost: the reader of the trace is too slow", d-t.dropped)
			t.dropped = d
		}
	}
}

// tracing is one run of job_trace.
type tracing struct {
	job     *Job
	env     bool
	dropped uint64 // as far as it was said
}

// show writes records.
func (t *tracing) show(list ...Record) error {
	var out []byte
	for _, r := range list {
		if r.ID == t.job.ID() {
			continue
		}
		if !t.env {
			r.Env = nil
		}
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		out = append(append(out, line...), '\n')
		if len(out) >= traceChunk {
			if _, err := t.job.Stdout.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	if len(out) == 0 {
		return nil
	}
	_, err := t.job.Stdout.Write(out)
	return err
}
