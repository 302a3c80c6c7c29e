package engine

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Job is one run of a named operation. Make it with Engine.Job, configure it,
// run it once. The package comment has the whole contract.
type Job struct {
	Eng  *Engine
	Name string
	Args []string

	// The streams are there from the start. Setting one to nil, or to the stream
	// of another job, is allowed before Start; then it is not closed at the end.
	Stdin          *Input
	Stdout, Stderr *Output

	// Files are descriptors that travel with the job. From Start on they belong
	// to the handler; the engine closes them when the handler is not reached.
	Files []*os.File

	entry   *entry // nil: nobody handles Name
	seq     uint64
	env     Env
	stdin   Input
	stdout  Output
	stderr  Output
	base    context.Context // what SetContext got; nil: Background
	parent  *Job
	caller  *Caller
	started time.Time
	results []*os.File
	turn    *turn         // the place that it has or waits for; nil: needs none
	waited  time.Duration // how long it did

	prev, next *Job // list of running jobs, guarded by Eng.mu
	listed     bool // on that list, guarded by Eng.mu
	reported   bool // as overdue, guarded by Eng.mu
	permitted  bool // started on behalf of a shutdown handler

	// mu guards everything below. Nothing blocks while it is held.
	mu        sync.Mutex
	state     state
	queued    bool                    // waits for its turn
	unwatched bool                    // only the patrol notices that it should end
	overdue   bool                    // the grace period is over
	ctx       context.Context         // made when first asked for
	stop      context.CancelCauseFunc // ends ctx
	cause     error                   // set by Cancel
	grace     Timer                   // runs after a cancel
	phases    []Phase
	marked    time.Duration // the end of the last phase, from started
	done      chan struct{} // made when first waited for, closed at the end
	late      chan struct{} // the same, closed when the grace period is over
	err       error
}

type state uint8

const (
	stateNew state = iota
	stateRunning
	stateEnding // the handler has returned, its streams are being closed
	stateDone
)

// lingering is how long Wait hopes for the handler after its streams were cut.
const lingering = 500 * time.Millisecond

// ID identifies the job: eight digits of the engine and a number.
func (j *Job) ID() string { return j.Eng.String() + "." + strconv.FormatUint(j.seq, 10) }

// ParentID is the id of the job that this one belongs to, or empty. For a job
// that came from outside it is that of the job on the calling engine.
func (j *Job) ParentID() string {
	switch {
	case j.parent != nil:
		return j.parent.ID()
	case j.caller != nil:
		return j.caller.Parent
	}
	return ""
}

// named tells whether id is the id of the job or the number in it.
func (j *Job) named(id string) bool {
	if rest, ok := strings.CutPrefix(id, j.Eng.String()+"."); ok {
		id = rest
	}
	return id == strconv.FormatUint(j.seq, 10)
}

// Job makes a child: it inherits the context, and the trace shows the relation.
func (j *Job) Job(name string, args ...string) *Job {
	return j.Eng.Job(name, args...).SetContext(j.Context())
}

// Run starts the job and waits for it. The handler runs in the goroutine of the
// caller, once its turn has come, so Run returns when the handler has returned.
func (j *Job) Run() error {
	if err := j.enter(); err != nil {
		return err
	}
	j.perform(false)
	return j.err
}

// Start checks the job and runs its handler in a goroutine of its own. It does
// not block: where limits are set, that goroutine waits for the turn of the job.
// Every successful Start is followed by a Wait.
func (j *Job) Start() error {
	if err := j.enter(); err != nil {
		return err
	}
	go j.perform(true)
	return nil
}

// Wait returns the result of a job that was started. It gives up on a handler
// that ignores a cancel: some time after the grace period it returns an error of
// kind Deadline, while the handler may still run.
func (j *Job) Wait() error {
	j.mu.Lock()
	switch j.state {
	case stateNew:
		j.mu.Unlock()
		return errdefs.Conflict("%s: job has not been started", j.Name)
	case stateDone:
		defer j.mu.Unlock()
		return j.err
	}
	if j.done == nil {
		j.done = make(chan struct{})
	}
	if j.late == nil {
		j.late = make(chan struct{})
		if j.overdue {
			close(j.late)
		}
	}
	done, late := j.done, j.late
	j.mu.Unlock()
	select {
	case <-done:
		return j.err
	default:
	}
	select {
	case <-done:
		return j.err
	case <-late:
		return errdefs.New(errdefs.KindDeadline, "job %s did not end within %v after it was cancelled",
			j.Name, j.Eng.settings.Load().grace)
	}
}

// Status tells how the job ended; StatusOK before that.
func (j *Job) Status() Status {
	j.mu.Lock()
	defer j.mu.Unlock()
	return StatusOf(j.err)
}

// enter takes the job through everything that comes before its handler.
func (j *Job) enter() error {
	j.mu.Lock()
	if j.state != stateNew {
		word := "started"
		if j.state == stateDone {
			word = "completed"
		}
		j.mu.Unlock()
		return errdefs.Conflict("%s: job has already %s", j.Name, word)
	}
	j.state = stateRunning
	cause := j.cause
	j.started = j.Eng.Clock().Now()
	j.mu.Unlock()

	err := j.Eng.admit(j)
	admitted := err == nil
	if admitted {
		j.logStart()
		err = j.check(cause)
	}
	if err != nil {
		j.refuse(err, admitted)
	}
	return err
}

// refuse ends a job whose handler is not reached.
func (j *Job) refuse(err error, admitted bool) {
	for _, f := range j.Files {
		_ = f.Close()
	}
	j.finish(err, admitted)
}

// check finds what keeps the handler from being called.
func (j *Job) check(cause error) error {
	switch {
	case cause != nil:
		return fmt.Errorf("job %s: %w", j.Name, cause)
	case j.base != nil && j.base.Err() != nil:
		return fmt.Errorf("job %s: %w", j.Name, j.base.Err())
	}
	if err := j.authorized(); err != nil {
		return err
	}
	switch {
	case j.Name == "":
		return errdefs.New(errdefs.KindUnknownJob, "a job without a name: command not found")
	case j.entry == nil || j.entry.handler == nil:
		return errdefs.New(errdefs.KindUnknownJob, "%s: command not found", j.Name)
	case j.entry.decl != nil:
		if err := j.entry.decl.validate(j); err != nil {
			return err
		}
	}
	return j.lineUp()
}

// perform waits for the turn of the job, calls the handler and ends the job, also when the handler panics or
// ends its goroutine.
func (j *Job) perform(waited bool) {
	if err := j.await(); err != nil {
		j.refuse(err, true)
		return
	}
	unwatch := j.watch(waited)
	var err error
	returned := false
	defer func() {
		if !returned {
			err = j.crashed(recover())
		}
		if unwatch != nil {
			unwatch()
		}
		j.finish(err, true)
	}()
	err = j.entry.handler(j)
	returned = true
}

// watch makes the grace period begin when the context of the caller ends. Where
// nothing but a report could come of it, the patrol does, a little later.
func (j *Job) watch(waited bool) func() bool {
	if j.base == nil || j.base.Done() == nil {
		return nil
	}
	if !waited && !j.Stdin.attached() && !j.Stdout.attached() && !j.Stderr.attached() {
		j.mu.Lock()
		j.unwatched = true
		j.mu.Unlock()
		j.Eng.patrol()
		return nil
	}
	return context.AfterFunc(j.base, j.expire)
}

// finish ends the job: streams, trace, list of running jobs, waiters.
func (j *Job) finish(err error, admitted bool) {
	for _, c := range [...]func() error{j.stdout.Close, j.stderr.Close, j.stdin.Close} {
		if cerr := c(); cerr != nil && err == nil {
			err = fmt.Errorf("closing a stream of job %s: %w", j.Name, cerr)
		}
	}
	if err != nil {
		for _, f := range j.results {
			_ = f.Close()
		}
		j.results = nil
	}
	j.mu.Lock()
	j.err = err
	j.state = stateEnding
	stop, grace := j.stop, j.grace
	j.mu.Unlock()
	if stop != nil {
		stop(nil)
	}
	if grace != nil {
		grace.Stop()
	}
	if admitted {
		j.ended(err)
	}
	j.mu.Lock()
	j.state = stateDone
	if j.done != nil {
		close(j.done)
	}
	j.mu.Unlock()
}

// Output runs the job and returns what it wrote to Stdout, MaxDocument bytes at
// most: a job that writes more fails.
func (j *Job) Output() ([]byte, error) {
	var c capture
	if j.Stdout == nil {
		j.Stdout = NewOutput()
	}
	j.Stdout.Add(&c)
	err := j.Run()
	if err == nil {
		err = c.err // the handler did not look whether its writes succeeded
	}
	return c.bytes, err
}

// OutputJSON runs the job and decodes the one JSON document of its Stdout.
func (j *Job) OutputJSON(v any) error {
	out, err := j.Output()
	if err != nil {
		return err
	}
	return j.decodeOutput(out, v)
}

// AddResultFile hands a descriptor from the handler to the caller. When the job
// fails the engine closes it.
func (j *Job) AddResultFile(f *os.File) { j.results = append(j.results, f) }

// ResultFiles returns, after the job has ended well, the descriptors that the
// handler handed out. They belong to the caller.
func (j *Job) ResultFiles() []*os.File { return j.results }
