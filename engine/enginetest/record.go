package enginetest

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
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
	eng   *engine.Engine
	names []string
	sub   *engine.Subscription
	done  chan struct{} // closed when the last record has been read

	// events and began belong to the goroutine that reads records until done.
	events int
	began  map[string]int // by id of the job

	mu     sync.Mutex // guards all below
	seen   map[string]Take
	takes  []Take
	err    error
	closed bool
}

// Record keeps what the named jobs, or all, do from now on: arguments, env,
// streams, result. Close, which has to be called, writes it to w. Only jobs that
// nobody else on the engine has started are recorded, since they start the
// others again when they are run again; name the ones of interest where an
// engine also starts jobs on its own account, as a daemon does when a container
// ends.
//
// What a job declares as secret is written as Masked; the streams are written
// as they are. Of a job that never reached its handler (an unknown name, a bad
// argument) there is what engine.Record has. One that has not ended at Close is
// left out. Middleware that was added to the engine before stands between the
// caller and the recording, later one is recorded with its effects.
func Record(eng *engine.Engine, w io.Writer, names ...string) *Recording {
	r := &Recording{
		w: w, eng: eng, names: names, sub: eng.Subscribe(4096), done: make(chan struct{}),
		began: map[string]int{}, seen: map[string]Take{},
	}
	eng.Use(r.wrap)
	go r.follow() // ends when Close closes the subscription
	return r
}

// Close ends the recording and writes it.
func (r *Recording) Close() error {
	r.sub.Close()
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errdefs.Conflict("the recording is already closed")
	}
	r.closed = true
	if r.err != nil {
		return r.err
	}
	if n := r.sub.Dropped(); n > 0 {
		return errdefs.Unavailable("the recording has lost %d starts and ends of jobs: it is of no use", n)
	}
	slices.SortFunc(r.takes, func(a, b Take) int { return cmp.Compare(a.Began, b.Began) })
	text, err := format(r.takes)
	if err != nil {
		return err
	}
	_, err = r.w.Write(text)
	return err
}

// wanted tells whether a job is recorded: one that is named, if any is, and that
// is no part of another one of this engine.
func (r *Recording) wanted(name, parent string) bool {
	return !strings.HasPrefix(parent, r.eng.String()+".") && (len(r.names) == 0 || slices.Contains(r.names, name))
}

// follow numbers the starts and ends of jobs in the order in which the bus tells
// of them.
func (r *Recording) follow() {
	defer close(r.done)
	for rec := range r.sub.C() {
		if !r.wanted(rec.Name, rec.Parent) {
			continue
		}
		r.events++
		began, known := r.began[rec.ID]
		switch {
		case !rec.Ended:
			r.began[rec.ID] = r.events
		case known:
			delete(r.began, rec.ID)
			r.end(rec, began)
		}
	}
}

// end keeps a job that has ended.
func (r *Recording) end(rec engine.Record, began int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, handled := r.seen[rec.ID]
	delete(r.seen, rec.ID)
	if !handled {
		t = Take{Name: rec.Name, Args: rec.Args, Env: rec.Env, Status: int(rec.Status), Kind: rec.Kind, Error: rec.Error}
	}
	t.Began, t.Ended = began, r.events
	r.takes = append(r.takes, t)
}

// wrap looks at what goes in and out of a handler.
func (r *Recording) wrap(next engine.Handler) engine.Handler {
	return func(job *engine.Job) error {
		r.mu.Lock()
		closed := r.closed
		r.mu.Unlock()
		if closed || !r.wanted(job.Name, job.ParentID()) {
			return next(job)
		}
		t := Take{Name: job.Name}
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
		r.handled(job.ID(), t, stdin.full || stdout.full || stderr.full)
		return err
	}
}

// handled keeps what was seen of a handler until the job has ended.
func (r *Recording) handled(id string, t Take, full bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if full && r.err == nil {
		r.err = errdefs.InvalidArgument("job %s has a stream of more than %d bytes, which a recording does not keep: leave it out by naming the others", t.Name, MaxStream)
	}
	r.seen[id] = t
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
