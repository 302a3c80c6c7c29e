// Package enginetest is for testing what uses an engine, from inside or outside
// of this module: a fresh engine that notices leaks (New), fake jobs that record
// what they saw (Fake), the n-th run of a real job made to fail (FailNth),
// counting (Count), captured streams (Run), a clock that stands still until it
// is told otherwise (Clock), the tree of a run of jobs compared with a golden
// file (StartTrace), and a run of jobs written to a file (Record), run again and
// compared (Replay), or answered from the file (Playback).
//
// It has no state of its own; what it puts on an engine ends with the engine.
// Start reading at New and Fake, then trace.go and record.go. It imports package
// testing, no flag is registered, and no code that is not a test imports it.
package enginetest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/pkg/testutil"
)

// New makes an engine for one test. At the end of the test it is shut down, and
// the test fails if a job or a goroutine is left. Goroutines of other tests that
// run in parallel would be taken for leaks: use NewParallel there.
func New(t testing.TB) *engine.Engine {
	t.Helper()
	testutil.NoGoroutineLeaks(t)
	return NewParallel(t)
}

// NewParallel is New without the look at goroutines, for parallel tests.
func NewParallel(t testing.TB) *engine.Engine {
	t.Helper()
	eng := engine.New()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := eng.Shutdown(ctx); err != nil {
			t.Errorf("shutting the engine down: %v", err)
		}
	})
	return eng
}

// Result is how a job ended and what it wrote.
type Result struct {
	Stdout, Stderr string
	Err            error
	Status         engine.Status
}

// Run runs the job with both outputs captured.
func Run(job *engine.Job) Result {
	var out, errs bytes.Buffer
	job.Stdout.Add(&out)
	job.Stderr.Add(&errs)
	err := job.Run()
	return Result{out.String(), errs.String(), err, job.Status()}
}

// MustRun is Run for a job that has to succeed; it returns Stdout.
func MustRun(t testing.TB, job *engine.Job) string {
	t.Helper()
	r := Run(job)
	if r.Err != nil {
		t.Fatalf("job %s: %v", job.Name, r.Err)
	}
	return r.Stdout
}
