package enginetest

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// MaxStream is the most that a recording keeps of one stream of one job, in
// bytes. A longer one makes Close fail.
const MaxStream = 16 << 20

// Recording is a run of jobs that is being recorded. Make it with Record.
type Recording struct {
	w     io.Writer
	names []string

	mu     sync.Mutex // guards all below
	events int
	takes  []Take
	err    error
	closed bool
}

// Record keeps what the named jobs, or all, do from now on: arguments, env,
// streams, result. Close writes it to w. Only jobs that nobody else on the
// engine has started are recorded, since they start the others again when they
// are run again; name the ones of interest where an engine also starts jobs on
// its own account, as a daemon does when a container ends.
//
// What a job declares as secret is written as Masked; the streams are written
// as they are. A job that has not ended at Close, and one that never reached its
// handler, is left out. Middleware that was added to the engine before stands
// between the caller and the recording, later one is recorded with its effects.
func Record(eng *engine.Engine, w io.Writer, names ...string) *Recording {
	r := &Recording{w: w, names: names}
	eng.Use(r.wrap)
	return r
}

// Close ends the recording and writes it.
func (r *Recording) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errdefs.Conflict("the recording is already closed")
	}
	r.closed = true
	if r.err != nil {
		return r.err
	}
	slices.SortFunc(r.takes, func(a, b Take) int { return cmp.Compare(a.Began, b.Began) })
	text, err := format(r.takes)
	if err != nil {
		return err
	}
	_, err = r.w.Write(text)
	return err
}

func (r *Recording) wrap(next engine.Handler) engine.Handler {
	return func(job *engine.Job) error {
		began, ok := r.begin(job)
		if !ok {
			return next(job)
		}
		t := Take{Name: job.Name, Began: began}
		t.Args, t.Env = visible(job)
		var stdin, stdout, stderr tap
		if job.Stdin.Source() != nil {
			// What was configured is read-only by now for all but the handler.
			in := engine.NewInput()
			if err := in.Add(io.TeeReader(job.Stdin, &stdin)); err != nil {
				return err
			}
			job.Stdin = in
		}
		if job.Stdout != nil {
			job.Stdout.Add(&stdout)
		}
		if job.Stderr != nil {
			job.Stderr.Add(&stderr)
		}
		err := next(job)
		t.Stdin, t.Stdout, t.Stderr = stdin.end(), stdout.end(), stderr.end()
		t.Status = int(engine.StatusOf(err))
		if err != nil {
			t.Kind, t.Error = errdefs.KindOf(err).String(), err.Error()
			var e *errdefs.Error
			if errors.As(err, &e) {
				t.Code = e.Code
			}
		}
		r.end(t, stdin.full || stdout.full || stderr.full)
		return err
	}
}

// begin numbers the start of a job that is to be recorded.
func (r *Recording) begin(job *engine.Job) (int, bool) {
	if len(r.names) > 0 && !slices.Contains(r.names, job.Name) {
		return 0, false
	}
	parent := job.ParentID()
	if c := job.Caller(); c != nil && c.Parent == parent {
		parent = "" // on another engine
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || parent != "" {
		return 0, false
	}
	r.events++
	return r.events, true
}

func (r *Recording) end(t Take, full bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if full && r.err == nil {
		r.err = errdefs.InvalidArgument("job %s has a stream of more than %d bytes, which a recording does not keep: leave it out by naming the others", t.Name, MaxStream)
	}
	if r.closed {
		return
	}
	r.events++
	t.Ended = r.events
	r.takes = append(r.takes, t)
}

// visible copies arguments and env with the secrets masked.
func visible(job *engine.Job) ([]string, map[string]string) {
	args, env := slices.Clone(job.Args), job.Environ()
	d, _ := job.Eng.Describe(job.Name)
	for i := range args {
		// "-" stands for a stream, here as elsewhere.
		if len(d.Args) > 0 && d.Args[min(i, len(d.Args)-1)].Secret && args[i] != "-" {
			args[i] = Masked
		}
	}
	for _, k := range d.Env {
		if _, set := env[k.Name]; set && k.Secret {
			env[k.Name] = Masked
		}
	}
	return args, env
}

// tap keeps what passes, up to MaxStream, until it is ended.
type tap struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	full bool
	over bool
}

// Write never fails: the job is not to notice.
func (t *tap) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.over:
	case t.buf.Len()+len(p) > MaxStream:
		t.full = true
	default:
		t.buf.Write(p)
	}
	return len(p), nil
}

func (t *tap) end() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	return t.buf.String()
}
