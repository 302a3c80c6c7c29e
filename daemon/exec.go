package daemon

import (
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
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
	begun   chan struct{} // closed when it runs, or has ended before
	done    chan struct{} // closed when it has ended, or its start has failed
	snap    atomic.Pointer[execState]

	begunOnce sync.Once
	retired   time.Time // when its end was noted; guarded by executions.mu
}

func newExecution(id string, c *container, p execProcess) *execution {
	x := &execution{id: id, c: c, process: p, begun: make(chan struct{}), done: make(chan struct{})}
	x.snap.Store(&execState{})
	return x
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
	x.begunOnce.Do(func() { close(x.begun) })
}

// end says how it ended. Only the first time counts.
func (x *execution) end(code int) (first bool) {
	_ = x.update(func(s *execState) error {
		if first = s.exitCode == nil; first {
			s.running, s.pid, s.exitCode = false, 0, &code
		}
		return nil
	})
	if first {
		x.begunOnce.Do(func() { close(x.begun) })
		close(x.done)
	}
	return first
}

// Those that have ended can be inspected for keepEnded, unless more than
// maxEnded have ended since. Of a container's that nobody has started the last
// maxWaiting are kept.
const (
	keepEnded  = 5 * time.Minute
	maxEnded   = 1000
	maxWaiting = 1000
)

// lostExec is how long the end of a process is waited for when its container has
// ended, which it cannot outlive.
const lostExec = 2 * time.Second

// executions are those of all containers.
type executions struct {
	mu    sync.Mutex // guards the rest; never held across I/O
	byID  map[string]*execution
	live  map[string][]*execution // by container: those that have not ended, oldest first
	ended []*execution            // in the order of their ends
	sweep engine.Timer            // forgets those; nil: there are none
}

// add keeps a new one.
func (e *executions) add(x *execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID == nil {
		e.byID, e.live = map[string]*execution{}, map[string][]*execution{}
	}
	e.byID[x.id] = x
	live := append(e.live[x.c.id], x)
	if oldest, n := waiting(live); n > maxWaiting {
		delete(e.byID, live[oldest].id)
		live = slices.Delete(live, oldest, oldest+1)
	}
	e.live[x.c.id] = live
}

// waiting counts those that nobody has started, and finds the oldest.
func waiting(live []*execution) (oldest, n int) {
	if len(live) <= maxWaiting {
		return 0, 0
	}
	for i, x := range live {
		if !x.now().claimed {
			if n++; n == 1 {
				oldest = i
			}
		}
	}
	return oldest, n
}

// retire notes that one has ended.
func (e *executions) retire(x *execution, clock engine.Clock) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID[x.id] != x {
		return
	}
	e.unlist(x)
	x.retired = clock.Now()
	e.ended = append(e.ended, x)
	if len(e.ended) > maxEnded {
		delete(e.byID, e.ended[0].id)
		e.ended = slices.Delete(e.ended, 0, 1)
	}
	if e.sweep == nil {
		e.sweep = clock.AfterFunc(keepEnded, func() { e.expire(clock) })
	}
}

// unlist takes one from the live ones. e.mu is held.
func (e *executions) unlist(x *execution) {
	live := slices.DeleteFunc(e.live[x.c.id], func(y *execution) bool { return y == x })
	e.live[x.c.id] = live
	if len(live) == 0 {
		delete(e.live, x.c.id)
	}
}

// expire forgets those that ended long ago.
func (e *executions) expire(clock engine.Clock) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := clock.Now()
	n := 0
	for n < len(e.ended) && now.Sub(e.ended[n].retired) >= keepEnded {
		delete(e.byID, e.ended[n].id)
		n++
	}
	e.ended = slices.Delete(e.ended, 0, n)
	e.sweep = nil
	if len(e.ended) > 0 {
		e.sweep = clock.AfterFunc(keepEnded-now.Sub(e.ended[0].retired), func() { e.expire(clock) })
	}
}

// close ends the timer.
func (e *executions) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sweep != nil {
		e.sweep.Stop()
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
		e.unlist(x)
		e.ended = slices.DeleteFunc(e.ended, func(y *execution) bool { return y == x })
	}
}

// ids lists those of a container that have not ended, sorted; nil for none.
func (e *executions) ids(container string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	for _, x := range e.live[container] {
		ids = append(ids, x.id)
	}
	slices.Sort(ids)
	return ids
}

// any tells whether a container has one that has not ended.
func (e *executions) any(container string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.live[container]) > 0
}

// drop forgets those of a container whose run is over that nobody has started.
// The others are kept until their end is told, and are returned.
func (e *executions) drop(container string) (running []*execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.live[container] {
		if x.now().claimed {
			running = append(running, x)
		} else {
			delete(e.byID, x.id)
		}
	}
	delete(e.live, container)
	if len(running) > 0 {
		e.live[container] = slices.Clone(running)
	}
	return running
}

// dropExecs is the end of a container's run for its executions. An end that the
// exec driver does not tell, because it was itself away, is made up.
func (d *Daemon) dropExecs(c *container) {
	running := d.executions.drop(c.id)
	if len(running) == 0 {
		return
	}
	d.opt.Engine.Clock().AfterFunc(lostExec, func() {
		if !d.enter() {
			return
		}
		defer d.leave()
		for _, x := range running {
			d.execEnded(d.background(), x, lostExecCode)
		}
	})
}

// lostExecCode is that of a process that was killed, as those are that a
// container's end takes along.
const lostExecCode = 128 + int(syscall.SIGKILL)

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
