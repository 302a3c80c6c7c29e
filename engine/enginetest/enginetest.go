// Package enginetest helps to test jobs: a fresh engine that notices leaks, a
// fake job that records what it saw, and the capture of a job's streams.
//
// It has no state of its own. Start reading at New and Fake. It is imported by
// tests only.
package enginetest

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/pkg/testutil"
)

// New makes an engine for one test. At the end of the test it is shut down, and
// the test fails if a job or a goroutine is left.
func New(t testing.TB) *engine.Engine {
	t.Helper()
	testutil.NoGoroutineLeaks(t)
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

// Call is one run of a fake job: what the job saw.
type Call struct {
	Name  string
	Args  []string
	Env   map[string]string
	Stdin []byte
	Files int // how many descriptors came with it
}

// Recorder is a fake job. Its fields say how it answers; Calls what it saw.
// Set the fields before the first run.
type Recorder struct {
	Stdout    string // what it writes
	Stderr    string
	Err       error                       // what it returns
	ReadStdin bool                        // read Stdin to its end first
	Do        func(job *engine.Job) error // runs after the above, unless Err is set

	mu    sync.Mutex
	calls []Call
}

// Fake puts a new Recorder on the engine in the place of the named job. Where a
// job of that name is declared, its declaration stays and checks the calls.
func Fake(eng *engine.Engine, name string) *Recorder {
	r := &Recorder{}
	eng.Replace(name, r.Handle)
	return r
}

// Handle is the handler of the fake.
func (r *Recorder) Handle(job *engine.Job) error {
	call := Call{Name: job.Name, Args: append([]string{}, job.Args...), Env: job.Environ(), Files: len(job.Files)}
	for _, f := range job.Files {
		_ = f.Close()
	}
	var readErr error
	if r.ReadStdin {
		call.Stdin, readErr = io.ReadAll(job.Stdin)
	}
	r.mu.Lock()
	r.calls = append(r.calls, call)
	r.mu.Unlock()
	if readErr != nil {
		return readErr
	}
	if _, err := io.WriteString(job.Stdout, r.Stdout); err != nil {
		return err
	}
	if _, err := io.WriteString(job.Stderr, r.Stderr); err != nil {
		return err
	}
	if r.Err != nil || r.Do == nil {
		return r.Err
	}
	return r.Do(job)
}

// Calls returns the runs so far.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Call{}, r.calls...)
}

// Only returns the one run and fails the test when there were more or none.
func (r *Recorder) Only(t testing.TB) Call {
	t.Helper()
	calls := r.Calls()
	if len(calls) != 1 {
		t.Fatalf("the job ran %d times, want once: %+v", len(calls), calls)
	}
	return calls[0]
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
