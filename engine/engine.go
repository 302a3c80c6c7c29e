package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Handler does the work of a job. Its error is the result of the job.
type Handler func(job *Job) error

// Installer is anything that can put its jobs on an engine.
type Installer interface {
	Install(eng *Engine) error
}

// Logf receives the lines that the engine logs, without a newline.
type Logf func(format string, args ...any)

// DefaultGrace is the time a job has between a cancel and the closing of its
// streams.
const DefaultGrace = 5 * time.Second

// Engine holds named handlers and runs jobs. Make one with New.
type Engine struct {
	id         string
	entries    atomic.Pointer[map[string]*entry]
	catchall   atomic.Pointer[entry]
	settings   atomic.Pointer[settings]
	lastJob    atomic.Uint64
	patrolling atomic.Bool // a round of the patrol is due

	turns turns

	// writing guards the replacement of entries, catchall and settings, and:
	writing sync.Mutex
	wraps   []func(Handler) Handler
	stats   map[string]*jobStats // of registered names, and others; the numbers are under mu
	others  *jobStats            // of all names that are not registered

	// mu guards everything below. Nothing blocks while it is held.
	mu       sync.Mutex
	running  *Job // head of the list of running jobs, newest first
	nrunning int
	closing  bool
	idle     chan struct{} // made by Shutdown, closed when nothing runs
	closed   chan struct{} // made by Shutdown, closed when it is over
	closeErr error
	onClose  []shutdownHandler
	board    board
}

// entry is what a name stands for. It never changes once it is in the table.
type entry struct {
	decl    *declaration // nil: registered without one
	bare    Handler      // as it was given
	handler Handler      // with what Use puts around it
	stats   *jobStats    // nil: those of all the others
}

type settings struct {
	logf      Logf
	warnf     Logf
	grace     time.Duration
	clock     Clock
	realtime  bool // clock is the real one
	authorize func(job *Job) error
}

// New makes an engine with its own jobs: commands and job_list, which tell what
// it can do; jobs, job_cancel and job_trace, which show and control what it does.
func New() *Engine {
	e := NewEmpty()
	own := []Declaration{
		commandsDeclaration(), jobListDeclaration(), jobsDeclaration(), jobCancelDeclaration(), jobTraceDeclaration(),
	}
	if err := e.Declare(own...); err != nil {
		panic(err) // they are constants of this package
	}
	return e
}

// NewEmpty makes an engine without any job, for one that forwards all it gets.
func NewEmpty() *Engine {
	e := &Engine{id: newID(), others: &jobStats{}}
	e.stats = map[string]*jobStats{OtherJobs: e.others}
	e.entries.Store(&map[string]*entry{})
	e.settings.Store(&settings{grace: DefaultGrace, clock: systemClock{}, realtime: true})
	return e
}

// newID makes 64 hexadecimal digits. They identify and protect nothing, so the
// generator of the runtime is enough and package crypto is not linked.
func newID() string {
	return fmt.Sprintf("%016x%016x%016x%016x", rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64())
}

// ID returns the 64 hexadecimal digits that identify this engine.
func (e *Engine) ID() string { return e.id }

// String returns the first eight digits of the id.
func (e *Engine) String() string { return e.id[:8] }

// SetLogf makes the engine log the start and the end of each job as
// "+job name(args) #n" and "-job name(args) = OK (0) #n". Nil turns it off.
func (e *Engine) SetLogf(f Logf) { e.change(func(s *settings) { s.logf = f }) }

// SetWarnf makes the engine log what somebody should look into, also where the
// other lines are not wanted: a handler that panicked, with its stack, and a job
// that ignores a cancel. Nil, as at first: these lines go where the others go.
func (e *Engine) SetWarnf(f Logf) { e.change(func(s *settings) { s.warnf = f }) }

// Warnf logs what somebody should look into, for a part that works on when the
// job that began it has ended and nobody reads what that one writes.
func (e *Engine) Warnf(format string, args ...any) { e.settings.Load().warn(format, args...) }

// warn logs a line that matters.
func (s *settings) warn(format string, args ...any) {
	switch {
	case s.warnf != nil:
		s.warnf(format, args...)
	case s.logf != nil:
		s.logf(format, args...)
	}
}

// SetGrace changes the time between a cancel and the closing of the streams.
func (e *Engine) SetGrace(d time.Duration) { e.change(func(s *settings) { s.grace = d }) }

func (e *Engine) change(f func(*settings)) {
	e.writing.Lock()
	defer e.writing.Unlock()
	next := *e.settings.Load()
	f(&next)
	e.settings.Store(&next)
}

// Register puts a handler on the bus without a declaration: it takes any
// arguments and any env. Use Declare where you can.
func (e *Engine) Register(name string, h Handler) error {
	if h == nil {
		return errdefs.InvalidArgument("job %q has no handler", name)
	}
	return e.add(map[string]entry{name: {bare: h}})
}

// Declare puts jobs on the bus. Either all of them are there afterwards or, with
// an error, none.
func (e *Engine) Declare(decls ...Declaration) error {
	add := make(map[string]entry, len(decls))
	for _, d := range decls {
		c, err := compile(d)
		if err != nil {
			return err
		}
		if _, twice := add[d.Name]; twice {
			return overwrite(d.Name)
		}
		add[d.Name] = entry{decl: c, bare: d.Handler}
		for _, alias := range d.Aliases {
			if _, twice := add[alias]; twice {
				return overwrite(alias)
			}
			add[alias] = entry{decl: c, bare: d.Handler}
		}
	}
	return e.add(add)
}

func (e *Engine) add(add map[string]entry) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	next := maps.Clone(*e.entries.Load())
	for name, ent := range add {
		if name == "" {
			return errdefs.InvalidArgument("a job needs a name")
		}
		if next[name] != nil {
			return overwrite(name)
		}
		next[name] = e.entry(name, ent)
	}
	e.entries.Store(&next)
	return nil
}

// entry completes what a name stands for. Call it with writing held.
func (e *Engine) entry(name string, ent entry) *entry {
	if ent.decl != nil {
		name = ent.decl.Name // an alias counts as what it stands for
	}
	ent.stats = e.stats[name]
	if ent.stats == nil {
		ent.stats = &jobStats{}
		e.stats[name] = ent.stats
	}
	return e.wrapped(ent)
}

func overwrite(name string) error {
	return errdefs.Conflict("Can't overwrite handler for command %s", name)
}

// Replace swaps the handler of a name and keeps its declaration; a name that is
// not there yet is registered without one. It is how a test puts a fake in the
// place of the real thing. Jobs made before keep the handler they had.
func (e *Engine) Replace(name string, h Handler) {
	e.writing.Lock()
	defer e.writing.Unlock()
	next := maps.Clone(*e.entries.Load())
	ent := entry{bare: h}
	if old := next[name]; old != nil && old.decl != nil {
		ent.decl, name = old.decl, old.decl.Name
		for _, alias := range old.decl.Aliases {
			next[alias] = e.entry(alias, ent)
		}
	}
	next[name] = e.entry(name, ent)
	e.entries.Store(&next)
}

// RegisterCatchall sets the handler for every name that has none. It replaces a
// previous one. The empty name never reaches it.
func (e *Engine) RegisterCatchall(h Handler) {
	e.writing.Lock()
	defer e.writing.Unlock()
	if h == nil {
		e.catchall.Store(nil)
		return
	}
	e.catchall.Store(e.wrapped(entry{bare: h}))
}

// lookup finds what a name stands for, or nil.
func (e *Engine) lookup(name string) *entry {
	if ent := (*e.entries.Load())[name]; ent != nil {
		return ent
	}
	if name == "" {
		return nil
	}
	return e.catchall.Load()
}

// Has tells whether the name itself is registered; a catch-all does not count.
func (e *Engine) Has(name string) bool { return (*e.entries.Load())[name] != nil }

// Commands lists the registered names in order. Aliases and a catch-all are not
// listed.
func (e *Engine) Commands() []string {
	var names []string
	for name, ent := range *e.entries.Load() {
		if ent.decl == nil || ent.decl.Name == name {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Job makes a job that is ready to be configured and run. It never fails: a
// name that nobody handles is reported when the job is run. A job that is made
// by an alias has the name of the declaration, for rules and traces too.
func (e *Engine) Job(name string, args ...string) *Job {
	ent := e.lookup(name)
	if ent != nil && ent.decl != nil {
		name = ent.decl.Name
	}
	j := &Job{Eng: e, Name: name, Args: args, entry: ent, seq: e.lastJob.Add(1)}
	j.Stdin, j.Stdout, j.Stderr = &j.stdin, &j.stdout, &j.stderr
	return j
}
