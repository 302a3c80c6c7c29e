package enginetest

import (
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
)

// Call is one run of a fake job: what the job saw.
type Call struct {
	Name  string
	Args  []string
	Env   map[string]string
	Stdin []byte
	Files int // how many descriptors came with it
}

// Answer is what a fake job does once.
type Answer struct {
	Delay  time.Duration // on the clock of the engine, before anything is written
	Stdout string
	Stderr string
	Err    error                       // what it returns
	Do     func(job *engine.Job) error // runs after the above, unless Err is set
}

// Recorder is a fake job. Its fields say how it answers; Calls what it saw.
// Set the fields before the first run.
type Recorder struct {
	Delay     time.Duration // on the clock of the engine: see Clock
	Stdout    string        // what it writes
	Stderr    string
	Err       error                       // what it returns
	ReadStdin bool                        // read Stdin to its end first
	Do        func(job *engine.Job) error // runs after the above, unless Err is set

	// Answers are for the first runs, one each. Later runs do what the fields
	// above say.
	Answers []Answer

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
	answer := r.note(call)
	if readErr != nil {
		return readErr
	}
	return answer.give(job)
}

// note keeps what the job saw, and chooses the answer.
func (r *Recorder) note(call Call) Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.calls)
	r.calls = append(r.calls, call)
	if n < len(r.Answers) {
		return r.Answers[n]
	}
	return Answer{r.Delay, r.Stdout, r.Stderr, r.Err, r.Do}
}

func (a Answer) give(job *engine.Job) error {
	if a.Delay > 0 {
		if err := Sleep(job, a.Delay); err != nil {
			return err
		}
	}
	if a.Stdout != "" {
		if _, err := io.WriteString(job.Stdout, a.Stdout); err != nil {
			return err
		}
	}
	if a.Stderr != "" {
		if _, err := io.WriteString(job.Stderr, a.Stderr); err != nil {
			return err
		}
	}
	if a.Err != nil || a.Do == nil {
		return a.Err
	}
	return a.Do(job)
}

// Sleep waits for d on the clock of the job's engine, or until the job is
// cancelled; then it returns why.
func Sleep(job *engine.Job, d time.Duration) error {
	over := make(chan struct{})
	timer := job.Eng.Clock().AfterFunc(d, func() { close(over) })
	defer timer.Stop()
	select {
	case <-over:
		return nil
	case <-job.Context().Done():
		return job.Context().Err()
	}
}

// Calls returns the runs so far.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Call{}, r.calls...)
}

// Count tells how many runs there were.
func (r *Recorder) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls)
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

// FailNth makes the n-th run of the named job from now on, the first is 1, fail
// with err; the real handler is not called for it. All other runs, and all other
// jobs, are as they were.
func FailNth(eng *engine.Engine, name string, n int, err error) {
	var mu sync.Mutex
	runs := 0
	eng.Use(func(next engine.Handler) engine.Handler {
		return func(job *engine.Job) error {
			if job.Name != name {
				return next(job)
			}
			mu.Lock()
			runs++
			hit := runs == n
			mu.Unlock()
			if !hit {
				return next(job)
			}
			for _, f := range job.Files {
				_ = f.Close() // they are the handler's, which is us
			}
			return err
		}
	})
}

// Counter counts the runs of jobs. Make it with Count.
type Counter struct {
	mu   sync.Mutex
	runs map[string]int
}

// Count counts the runs of the named jobs from now on, or of all jobs when none
// is named. Runs that never reach a handler (unknown names, bad arguments) do
// not count.
func Count(eng *engine.Engine, names ...string) *Counter {
	c := &Counter{runs: map[string]int{}}
	eng.Use(func(next engine.Handler) engine.Handler {
		return func(job *engine.Job) error {
			if len(names) == 0 || slices.Contains(names, job.Name) {
				c.mu.Lock()
				c.runs[job.Name]++
				c.mu.Unlock()
			}
			return next(job)
		}
	})
	return c
}

// Of tells how often the named job ran.
func (c *Counter) Of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runs[name]
}

// Total tells how many jobs ran.
func (c *Counter) Total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, runs := range c.runs {
		n += runs
	}
	return n
}
