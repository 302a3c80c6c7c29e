package fake

import (
	"cmp"
	"slices"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// World holds containers. It is what a kernel and an exec engine are to a real
// driver: it outlives the Drivers that use it.
type World struct {
	running sync.WaitGroup // one per container and exec that runs

	mu         sync.Mutex          // guards all below
	containers map[string]*process // and the execs that run
	lastPid    int
	listener   *Driver
	onExit     func(execdriver.Exit)
	onOOM      func(id string)
}

// NewWorld makes a world without containers.
func NewWorld() *World {
	return &World{containers: make(map[string]*process), lastPid: 1 << 22} // above any real pid
}

// Driver makes a driver in this world.
func (w *World) Driver(opts Options) *Driver { return &Driver{world: w, opts: opts} }

// KillAll ends every container with SIGKILL and waits until their goroutines,
// and the calls to OnExit, are over. Call it at the end of a test.
func (w *World) KillAll() {
	w.mu.Lock()
	all := make([]*process, 0, len(w.containers))
	for _, p := range w.containers {
		all = append(all, p)
	}
	w.mu.Unlock()
	for _, p := range all {
		p.signal(sigKill)
	}
	w.running.Wait()
}

func (w *World) add(cmd *execdriver.Command) (*process, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old := w.containers[cmd.ID]; old != nil {
		return nil, errdefs.Conflict("container %s was started before and not removed", cmd.ID)
	}
	w.lastPid++
	p, err := newProcess(cmd, w.lastPid)
	if err != nil {
		return nil, err
	}
	w.containers[cmd.ID] = p
	return p, nil
}

func (w *World) find(id string) (*process, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.containers[id]
	if p == nil {
		return nil, errdefs.NotFound("container %s is not known to the exec driver", id)
	}
	return p, nil
}

func (w *World) live(id string) (*process, error) {
	p, err := w.find(id)
	if err != nil {
		return nil, err
	}
	if p.state().Exit != nil {
		return nil, errdefs.Conflict("container %s is not running", id)
	}
	return p, nil
}

// container is live for calls that no exec has.
func (w *World) container(id string) (*process, error) {
	p, err := w.live(id)
	if err == nil && p.in != nil {
		return nil, errdefs.NotFound("%s is no container", id)
	}
	return p, err
}

func (w *World) remove(id string) error {
	p, err := w.find(id)
	if err != nil {
		return err
	}
	if p.in != nil {
		return errdefs.NotFound("%s is no container", id)
	}
	if p.state().Exit == nil {
		return errdefs.Conflict("container %s is running", id)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.containers, id)
	return nil
}

func (w *World) states() []execdriver.State {
	w.mu.Lock()
	all := make([]*process, 0, len(w.containers))
	for _, p := range w.containers {
		if p.in == nil {
			all = append(all, p)
		}
	}
	w.mu.Unlock()
	list := make([]execdriver.State, 0, len(all))
	for _, p := range all {
		list = append(list, p.state())
	}
	slices.SortFunc(list, func(a, b execdriver.State) int { return cmp.Compare(a.Pid, b.Pid) })
	return list
}

// run runs a process to its end on a goroutine.
func (w *World) run(p *process, script command) {
	w.running.Add(1)
	go func() {
		defer w.running.Done()
		w.ended(p, p.run(script))
	}()
}

// ended records an exit and tells the listener, if there is one. The execs of a
// container end with it; they tell that themselves.
func (w *World) ended(p *process, exit execdriver.Exit) {
	w.mu.Lock()
	p.setExit(exit)
	tell := w.onExit
	if p.in != nil {
		delete(w.containers, p.id)
	}
	execs := w.execs(p)
	w.mu.Unlock()
	for _, x := range execs {
		x.signal(sigKill)
	}
	if tell != nil {
		tell(exit)
	}
}

func (w *World) listen(d *Driver, f func(execdriver.Exit)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener, w.onExit = d, f
}

func (w *World) unlisten(d *Driver) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener == d {
		w.listener, w.onExit, w.onOOM = nil, nil, nil
	}
}
