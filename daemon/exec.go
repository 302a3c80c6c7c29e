package daemon

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// execution is one further process in a container, from its exec_create until it
// is forgotten. What can be known about it is in its present state; the rest
// never changes.
type execution struct {
	id      string
	c       *container
	process execProcess
	hub     hub           // who is attached
	done    chan struct{} // closed when it has ended, or its start has failed
	snap    atomic.Pointer[execState]
}

// execProcess says what to run. Empty fields are taken from the container.
type execProcess struct {
	Cmd                   []string
	User, Dir             string
	Env                   []string
	Privileged, Tty       bool
	Stdin, Stdout, Stderr bool
	DetachKeys            string
	Height, Width         uint16
}

// execState is an execution at one moment. It never changes.
type execState struct {
	claimed  bool // somebody has started it; nobody can again
	running  bool
	pid      int
	exitCode *int // nil until it has ended
	endedAt  time.Time
}

// now is the present state.
func (x *execution) now() *execState { return x.snap.Load() }

// update publishes a changed state. f refuses with an error.
func (x *execution) update(f func(s *execState) error) error {
	for {
		old := x.snap.Load()
		next := *old
		if err := f(&next); err != nil {
			return err
		}
		if x.snap.CompareAndSwap(old, &next) {
			return nil
		}
	}
}

// claim makes the caller the one who starts it.
func (x *execution) claim() error {
	return x.update(func(s *execState) error {
		switch {
		case s.running:
			return errdefs.Conflict("Error: Exec command %s is already running", x.id)
		case s.claimed:
			return errdefs.Conflict("Error: Exec command %s has already run", x.id)
		}
		s.claimed = true
		return nil
	})
}

// over tells whether it has ended.
func (x *execution) over() bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

// begin says that the process runs. Its end may have been told before.
func (x *execution) begin(pid int) {
	_ = x.update(func(s *execState) error {
		if s.exitCode == nil {
			s.running, s.pid = true, pid
		}
		return nil
	})
}

// end says how it ended. Only the first time counts.
func (x *execution) end(code int, at time.Time) (first bool) {
	_ = x.update(func(s *execState) error {
		if first = s.exitCode == nil; first {
			s.running, s.pid, s.exitCode, s.endedAt = false, 0, &code, at
		}
		return nil
	})
	if first {
		close(x.done)
	}
	return first
}

// Those that have ended can be inspected for keepEnded, unless more than
// maxEnded have ended since.
const (
	keepEnded = 5 * time.Minute
	maxEnded  = 1000
)

// executions are those of all containers, by id.
type executions struct {
	mu    sync.Mutex // guards the rest; never held across I/O
	byID  map[string]*execution
	ended []*execution // in the order of their ends
}

// add keeps a new one, and forgets those that ended long ago.
func (e *executions) add(x *execution, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID == nil {
		e.byID = map[string]*execution{}
	}
	e.byID[x.id] = x
	for len(e.ended) > 0 && (len(e.ended) > maxEnded || now.Sub(e.ended[0].now().endedAt) > keepEnded) {
		delete(e.byID, e.ended[0].id)
		e.ended = e.ended[1:]
	}
}

// retire notes that one has ended.
func (e *executions) retire(x *execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID[x.id] == x {
		e.ended = append(e.ended, x)
	}
}

// find gives the one with this id, or NotFound. Ids are given whole.
func (e *executions) find(id string) (*execution, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x := e.byID[id]; x != nil {
		return x, nil
	}
	return nil, errdefs.NotFound("No such exec instance: %s", id)
}

// forget drops one that nobody will ask for again.
func (e *executions) forget(x *execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID[x.id] == x {
		delete(e.byID, x.id)
		e.ended = slices.DeleteFunc(e.ended, func(y *execution) bool { return y == x })
	}
}

// ids lists those of a container that have not ended, sorted; nil for none.
func (e *executions) ids(container string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	for id, x := range e.byID {
		if x.c.id == container && x.now().exitCode == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// drop forgets those of a container whose run is over; those that run are kept
// until their end is told.
func (e *executions) drop(container string, all bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, x := range e.byID {
		if x.c.id == container && (all || !x.now().claimed) {
			delete(e.byID, id)
		}
	}
	e.ended = slices.DeleteFunc(e.ended, func(x *execution) bool { return e.byID[x.id] == nil })
}

// execDeclarations is the table of the jobs in the files exec_*.go.
func (d *Daemon) execDeclarations() []engine.Declaration {
	exec := engine.Arg{Name: "EXEC", Summary: "full id, as exec_create has printed it"}
	key := func(name string, t engine.Type, summary string) engine.Key {
		return engine.Key{Name: name, Type: t, Summary: summary}
	}
	return []engine.Declaration{
		{
			Name: "exec_create", Aliases: []string{"execCreate"}, Summary: "Describe a further process for a running container, and print its id.",
			Args:    []engine.Arg{{Name: "CONTAINER", Summary: "id, unique beginning of it, or name"}},
			Changes: true, Stdout: engine.Bytes, Handler: d.jobExecCreate,
			Env: []engine.Key{
				key("AttachStderr", engine.Bool, "connect its standard error at the start"),
				key("AttachStdin", engine.Bool, "connect its input at the start"),
				key("AttachStdout", engine.Bool, "connect its standard output at the start"),
				key("Cmd", engine.List, "program and arguments"),
				key("ConsoleSize", engine.JSON, "first height and width of the terminal"),
				key("Container", engine.String, "accepted and ignored: the argument counts"),
				key("DetachKeys", engine.String, "keys that leave its terminal (default ctrl-p,ctrl-q)"),
				{Name: "Env", Type: engine.List, Secret: true, Summary: "variables beside those of the container"},
				key("Privileged", engine.Bool, "all capabilities that the engine can give"),
				key("Tty", engine.Bool, "give it a terminal"),
				key("User", engine.String, "user[:group] (default: the container's)"),
				key("WorkingDir", engine.String, "directory (default: the container's)"),
			},
		},
		{
			Name: "exec_inspect", Aliases: []string{"execInspect"}, Summary: "Describe a further process.",
			Args: []engine.Arg{exec}, Stdout: engine.JSONDocument, Handler: d.jobExecInspect,
		},
		{
			Name: "exec_resize", Aliases: []string{"execResize"}, Summary: "Set the size of a further process's terminal.", Changes: true,
			Args:    []engine.Arg{exec, {Name: "HEIGHT", Summary: "rows"}, {Name: "WIDTH", Summary: "columns"}},
			Handler: d.jobExecResize,
		},
		{
			Name: "exec_start", Aliases: []string{"execStart"}, Summary: "Run a further process, connected with the streams of the job.",
			Args: []engine.Arg{exec}, Changes: true, Waits: true, Stdin: engine.Bytes, Stdout: engine.Multiplexed, Handler: d.jobExecStart,
			Env: []engine.Key{
				key("ConsoleSize", engine.JSON, "first height and width of the terminal"),
				key("Detach", engine.Bool, "return when it runs, connected with nothing"),
				key("Tty", engine.Bool, "accepted and ignored: exec_create has said it"),
			},
		},
	}
}
