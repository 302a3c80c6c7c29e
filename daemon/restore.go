package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// lostCode is the exit code of a container that ran when its exec engine and
// daemon both went away (a power cut): nobody knows how it ended.
const lostCode = 255

// Restore finds the containers of earlier daemons: it finishes what was half
// made or half removed, gives every container its name back, takes over those
// that still run, records how the others ended, and starts what the restart
// policies want. Call it once, after the network is up.
func (d *Daemon) Restore(ctx context.Context) error {
	ask, cancel := context.WithCancel(ctx)
	defer cancel()
	asked := d.askDriver(ask) // meanwhile the files are read
	if err := d.replay(); err != nil {
		return err
	}
	names, err := d.readAll(ctx)
	if err != nil {
		return err
	}
	d.sweepLayers()
	if err := d.opt.Names.Check(names); err != nil {
		return fmt.Errorf("checking the names of containers: %w", err)
	}
	states, err := asked()
	if err != nil {
		return fmt.Errorf("asking the exec driver for running containers: %w", err)
	}
	known := map[string]execdriver.State{}
	for _, st := range states {
		known[st.ID] = st
		if _, err := os.Lstat(filepath.Join(d.root, st.ID)); errors.Is(err, fs.ErrNotExist) {
			d.reap(ctx, st) // what has a directory that cannot be read is left alone
		}
	}
	var again []*container
	// Children of links are older than their parents: oldest first.
	for _, c := range slices.Backward(d.containers.all()) {
		st, ok := known[c.id]
		if d.resume(ctx, c, st, ok) {
			again = append(again, c)
		}
	}
	for _, c := range d.containers.all() {
		d.rejoin(ctx, c)
	}
	d.relink(ctx)
	if err := d.volumes.Settle(); err != nil {
		d.opt.Logf("unmounting volumes that nobody uses: %v", err)
	}
	close(d.restored)
	for _, c := range again {
		d.track(func() {
			err := d.insist(c, d.job(d.background(), "start", c.id).Run())
			if err != nil && !errdefs.IsNotModified(err) && d.ctx.Err() == nil {
				d.opt.Logf("starting container %s by its policy: %v", short(c.id), err)
			}
		})
	}
	return nil
}

// askDriver asks the exec driver for what it knows. The result waits for it.
func (d *Daemon) askDriver(ctx context.Context) func() ([]execdriver.State, error) {
	var states []execdriver.State
	var err error
	answered := make(chan struct{})
	d.track(func() {
		defer close(answered)
		states, err = d.opt.Exec.Restore(ctx)
	})
	return func() ([]execdriver.State, error) {
		select {
		case <-answered:
			return states, err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// loaded is a directory and what could be read in it.
type loaded struct {
	name string
	s    *snapshot
	err  error
}

// loadAll reads the directories of containers, on all processors: most of the time
// goes into decoding.
func (d *Daemon) loadAll(ctx context.Context, names []string) []loaded {
	list := make([]loaded, len(names))
	n := runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	for w := range n {
		all.Go(func() {
			for i := w; i < len(names) && ctx.Err() == nil; i += n {
				s, err := load(filepath.Join(d.root, names[i]))
				list[i] = loaded{name: names[i], s: s, err: err}
			}
		})
	}
	all.Wait()
	return list
}

// readAll loads the directories and returns the names by id.
func (d *Daemon) readAll(ctx context.Context) (map[string]string, error) {
	entries, err := os.ReadDir(d.root)
	if err != nil {
		return nil, fmt.Errorf("reading the container directory: %w", err)
	}
	var dirs []string
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if id, _, marked := strings.Cut(e.Name(), "-"); marked {
			d.sweep(id)
			continue
		}
		dirs = append(dirs, e.Name())
	}
	read := d.loadAll(ctx, dirs)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names := map[string]string{}
	var list []*container
	for _, l := range read {
		name, s, err := l.name, l.s, l.err
		dir := filepath.Join(d.root, name)
		if half(dir, err) {
			d.opt.Logf("container %s was only half made: it is removed", short(name))
			d.sweep(name)
			continue
		}
		if err != nil {
			d.opt.Logf("container %s is left alone: %v", short(name), err)
			continue
		}
		list = append(list, newContainer(dir, s))
	}
	slices.SortFunc(list, func(a, b *container) int { return a.now().rec.Created.Compare(b.now().rec.Created) })
	return names, d.admit(list, names)
}

// half tells whether a directory is what a power cut leaves of a container
// whose create was never answered.
func half(dir string, err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	info, serr := os.Stat(filepath.Join(dir, configFile))
	return serr == nil && info.Size() == 0
}

// admit gives every container a name of its own and makes it visible, all in one
// step: there may be thousands. Those of another storage driver stay on disk,
// unseen, and keep their names.
func (d *Daemon) admit(list []*container, names map[string]string) error {
	for _, c := range d.containers.reserveAll(list) {
		made, err := d.reserveName("", c.id)
		if err != nil {
			return err
		}
		d.opt.Logf("container %s is now called %s: its name %q was taken or bad", short(c.id), made, c.now().bare())
		_, _ = c.update(func(s *snapshot) error {
			rec := *s.rec
			rec.Name = "/" + made
			s.rec = &rec
			return nil
		})
		if err := d.saveConfig(c); err != nil {
			d.opt.Logf("%v", err)
		}
	}
	var shown []*container
	for _, c := range list {
		s := c.now()
		names[c.id] = s.bare()
		if s.rec.Driver != "" && s.rec.Driver != d.opt.Images.DriverName() {
			d.opt.Logf("container %s belongs to the storage driver %s: it is not shown", short(c.id), s.rec.Driver)
			continue
		}
		for _, m := range s.rec.MountPoints {
			if m.Type != "volume" {
				continue
			}
			if _, _, err := d.volumes.Acquire(m.Name, c.id, m.spec()); err != nil {
				d.opt.Logf("volume %s of container %s: %v", m.Name, short(c.id), err)
			}
		}
		shown = append(shown, c)
	}
	return d.containers.add(shown...)
}

// sweep removes what a crash left of a container. Its name goes with the check
// of the names, because no directory has it any more.
func (d *Daemon) sweep(id string) {
	if err := d.opt.Images.RemoveLayer(id); err != nil {
		d.opt.Logf("removing the layer of half a container %s: %v", short(id), err)
		return
	}
	for _, mark := range []string{"", making, unmaking, unmakingV} {
		dir := filepath.Join(d.root, id+mark)
		if mark != "" {
			if s, err := loadDocument(dir, id); err == nil {
				d.releaseSources(id, s.rec.MountPoints, mark != unmaking || s.passing())
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			d.opt.Logf("removing half a container: %v", err)
		}
	}
}

// sweepLayers removes the writable layers whose container has no directory: a
// power cut took it.
func (d *Daemon) sweepLayers() {
	for _, layer := range d.opt.Images.ContainerLayers() {
		owner := layerOwner(layer)
		if d.containers.byID(owner) != nil {
			continue
		}
		if _, err := os.Lstat(filepath.Join(d.root, owner)); !errors.Is(err, fs.ErrNotExist) {
			continue // it cannot be read now: it is left alone
		}
		d.opt.Logf("the writable layer of container %s is removed: there is no such container", short(owner))
		if err := d.opt.Images.RemoveLayer(layer); err != nil {
			d.opt.Logf("%v", err)
		}
	}
}

// reap ends what runs for a container that does not exist.
func (d *Daemon) reap(ctx context.Context, st execdriver.State) {
	d.opt.Logf("the exec driver knows a container %s that does not exist: it is ended", short(st.ID))
	if st.Exit == nil {
		if err := d.opt.Exec.Signal(ctx, st.ID, 9); err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
			d.opt.Logf("killing container %s: %v", short(st.ID), err)
		}
		return // its end will be reported, and then forgotten
	}
	d.forget(ctx, st.ID)
}

// resume brings one container in line with what the exec driver knows, and
// tells whether its policy wants it started.
func (d *Daemon) resume(ctx context.Context, c *container, st execdriver.State, known bool) (start bool) {
	s := c.now()
	was := s.state.Phase
	switch {
	case known && st.Exit == nil:
		d.takeOver(ctx, c, st)
		if s.rec.Transient {
			d.track(func() { d.endTransient(c) })
		}
		return false
	case known:
		d.conclude(ctx, c, *st.Exit, st)
	case was == running || was == paused || was == starting:
		d.conclude(ctx, c, execdriver.Exit{ID: c.id, Code: lostCode, At: d.opt.Now()}, st)
	case was == restarting:
		_, _ = c.update(func(s *snapshot) error {
			s.net = d.idleNetwork(s.rec, s.host)
			return s.state.giveUp()
		})
	case was == removing: // nothing is removed yet: the directory would say so
		_, _ = c.update(func(s *snapshot) error {
			s.state.Phase = exited
			if s.state.StartedAt.IsZero() {
				s.state.Phase = created
			}
			return nil
		})
	}
	s, _ = c.update(func(s *snapshot) error {
		s.net = d.idleNetwork(s.rec, s.host) // the networks may have been changed since its end
		return nil
	})
	if s.passing() {
		d.autoRemove(ctx, c)
		return false
	}
	return d.policyAtBoot(s, was)
}

// policyAtBoot tells whether a container that does not run is to be started
// with the daemon.
func (d *Daemon) policyAtBoot(s *snapshot, was phase) bool {
	if s.state.Phase == created || s.state.Phase == dead {
		return false
	}
	switch s.host.RestartPolicy.Name {
	case "always":
		return true
	case "unless-stopped":
		return !s.state.Halted
	case "on-failure":
		return was != exited && !s.state.Halted && policyWants(s.host.RestartPolicy, s.state.ExitCode, s.state.Failures)
	}
	return false
}

// takeOver adopts a container that still runs: its state, address and ports.
func (d *Daemon) takeOver(ctx context.Context, c *container, st execdriver.State) {
	cleaning := make(chan struct{})
	close(cleaning)
	s, _ := c.update(func(s *snapshot) error {
		s.state.Phase = running
		if st.Paused {
			s.state.Phase = paused
		}
		s.cleaning = cleaning
		s.state.Pid, s.state.Error = st.Pid, ""
		if !st.StartedAt.IsZero() {
			s.state.StartedAt = st.StartedAt.UTC()
		}
		s.state.FinishedAt, s.state.ExitCode = s.state.FinishedAt.Truncate(0), 0
		s.net.SandboxKey = "" // of the earlier daemon
		return nil
	})
	d.watchHealth(c, true)
	if err := d.mountVolumes(ctx, s, c.id); err != nil {
		d.opt.Logf("taking the volumes of container %s over: %v", s.bare(), err)
	}
	if s = d.reconnect(ctx, c, s); !connected(&s.net) {
		return
	}
	if _, err := d.publish(ctx, s, &s.net, &s.net); err != nil {
		d.opt.Logf("taking the ports of container %s over: %v", s.bare(), err)
	}
}

// conclude records the end of a workload that nobody saw.
func (d *Daemon) conclude(ctx context.Context, c *container, e execdriver.Exit, st execdriver.State) {
	s, err := c.update(func(s *snapshot) error {
		s.state.Phase, s.state.Error = running, "" // whatever was written last, it ran
		if !st.StartedAt.IsZero() {
			s.state.StartedAt = st.StartedAt.UTC()
		}
		s.net, s.health = d.idleNetwork(s.rec, s.host), s.health.ended()
		return s.state.ended(e.Code, e.OOMKilled, e.At.UTC(), false)
	})
	if err != nil {
		d.opt.Logf("container %s: %v", short(c.id), err)
		return
	}
	d.event(ctx, s, "die", map[string]string{"exitCode": fmt.Sprint(e.Code)})
	if err := d.saveState(c, true); err != nil {
		d.opt.Logf("%v", err)
		return
	}
	d.forget(ctx, c.id)
}

// relink opens the links between containers that run.
func (d *Daemon) relink(ctx context.Context) {
	for _, c := range d.containers.all() {
		s := c.now()
		if len(s.rec.Links) == 0 || !s.state.active() {
			continue
		}
		children, err := d.children(s)
		if err == nil {
			err = d.openLinks(ctx, s, s.net.IPAddress, children)
		}
		if err != nil {
			d.opt.Logf("opening the links of container %s again: %v", s.bare(), err)
		}
	}
}
