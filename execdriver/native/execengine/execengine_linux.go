// Package execengine is the second process of the native driver: it parents all
// containers, copies their output to their logs, and records how they end. It
// is an engine of its own, whose jobs the daemon runs over a socket (package
// spawn); the table of jobs is in execproto. It owns the containers' processes,
// their pipes and terminals, and the records on disk, and knows no image, no
// name and no policy. Start reading at Main, then launch_linux.go for the start
// of a container, container_linux.go for its end, and exec_linux.go for further
// processes in one.
//
// It may be killed at any moment. The daemon holds duplicates of all that
// matters: the pidfd, the pipes, and the journal of output that is not logged
// yet; a new exec engine gets them by the job adopt. It survives the daemon in
// the same way, by simply staying.
package execengine

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/spawn"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/native/execproto"
	"github.com/enginejobs/docker/pkg/cgroups"
)

// Role is the first argument of the binary that makes it the exec engine; the
// second is its directory. Descriptor 3 is the listening socket.
const (
	Role       = "engine"
	listenerFD = 3
)

// execEngine holds the containers.
type execEngine struct {
	dir    string
	layout *cgroups.Layout
	logf   func(string, ...any)
	quit   context.CancelFunc

	compressing chan struct{} // holds one for each log file that is being compressed

	orphans sync.Once    // begins to look for them
	forks   sync.RWMutex // for reading: from a fork until inits knows of it

	mu         sync.Mutex // guards everything below; never held across I/O
	containers map[string]*container
	watchers   map[*watcher]struct{}
	execs      map[string]*execution
	untold     []*execproto.Exit // ends of execs while no daemon listened
	inits      map[int]bool      // children that are collected by their pid
	alone      *time.Timer       // runs from the last moment with a daemon or a container
}

// loneliness is how long an exec engine without a daemon and without a container
// that runs waits for one. What it knows is on disk, so the next one that a
// daemon raises tells the same.
const loneliness = 10 * time.Second

// linger begins the wait anew.
func (e *execEngine) linger() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.alone != nil {
		e.alone.Stop()
	}
	e.alone = time.AfterFunc(loneliness, func() {
		e.mu.Lock()
		watched := len(e.watchers) > 0 // a daemon always listens for exits
		e.mu.Unlock()
		if !watched && e.idle() {
			e.quit()
		}
	})
}

// Main runs the exec engine until it is told to quit, and returns the exit
// status of the process.
func Main(args []string, stderr io.Writer) int {
	logf := func(format string, a ...any) { fmt.Fprintf(stderr, "exec engine: "+format+"\n", a...) }
	if len(args) != 1 {
		logf("it takes one argument, its directory")
		return 2
	}
	// Small heap, small process: garbage is rare and cheap to collect here.
	debug.SetGCPercent(25)
	if err := run(args[0], logf); err != nil {
		logf("%v", err)
		return 1
	}
	return 0
}

func run(dir string, logf func(string, ...any)) error {
	layout, err := cgroups.Detect()
	if err != nil {
		return fmt.Errorf("reading cgroups of the host: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	e := &execEngine{
		dir: dir, layout: layout, logf: logf, quit: cancel, compressing: make(chan struct{}, 1),
		containers: map[string]*container{}, execs: map[string]*execution{}, watchers: map[*watcher]struct{}{}, inits: map[int]bool{},
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming subreaper: %w", err)
	}
	e.watchSignals(ctx)
	e.linger()
	eng := engine.New()
	if err := eng.Declare(e.declarations()...); err != nil {
		return err
	}
	unix.CloseOnExec(listenerFD)
	listener := os.NewFile(listenerFD, "listener")
	defer listener.Close()
	err = spawn.Serve(ctx, eng, listener)
	e.awaitCleaned()
	layout.RemoveParents()
	return err
}

// awaitCleaned waits until the containers that have ended are cleaned up behind.
func (e *execEngine) awaitCleaned() {
	e.mu.Lock()
	ended := slices.Collect(maps.Values(e.containers))
	e.mu.Unlock()
	late := time.After(time.Second)
	for _, c := range ended {
		if c.running() {
			continue
		}
		select {
		case <-c.cleaned:
		case <-late:
			return
		}
	}
}

// watchSignals keeps the signals that a terminal or a service manager sends to
// everybody from ending the process. They are caught, not ignored: a container
// would inherit that. SIGTERM is obeyed when there is nothing to look after.
func (e *execEngine) watchSignals(ctx context.Context) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGPIPE)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case sig := <-signals:
				if sig == unix.SIGTERM && e.idle() {
					e.quit()
				}
			case <-ctx.Done():
				return
			}
		}
	}()
}

// idle tells whether no container runs.
func (e *execEngine) idle() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		if c.running() {
			return false
		}
	}
	return true
}

// reserve makes an id taken for a container that is about to start. One that has
// ended gives its id away, after it has cleaned up behind itself.
func (e *execEngine) reserve(ctx context.Context, c *container) error {
	for {
		e.mu.Lock()
		old := e.containers[c.id]
		if old == nil || old.isCleaned() {
			e.containers[c.id] = c
			e.mu.Unlock()
			return nil
		}
		running := old.running()
		e.mu.Unlock()
		if running {
			return errdefs.Conflict("container %s is already running", c.id)
		}
		select {
		case <-old.cleaned:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// forget tells whether the id was still that container's.
func (e *execEngine) forget(c *container) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.containers[c.id] != c {
		return false
	}
	delete(e.containers, c.id)
	return true
}

func (e *execEngine) get(id string) (*container, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.containers[id]; c != nil && c.started() {
		return c, nil
	}
	return nil, errdefs.NotFound("no container %s in the exec engine", id)
}
