package native

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/kr/pty"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/execproto"
)

// OnExit sets the receiver of exits.
func (d *Driver) OnExit(f func(execdriver.Exit)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onExit = f
}

// get finds a container whose start is over.
func (d *Driver) get(id string) (*held, error) {
	d.mu.Lock()
	h := d.held[id]
	d.mu.Unlock()
	if h == nil || !isClosed(h.started) {
		return nil, errdefs.NotFound("the native driver has no container %s", id)
	}
	return h, nil
}

// Attach adds a receiver of the output.
func (d *Driver) Attach(ctx context.Context, id string, out execdriver.Output) error {
	h, err := d.get(id)
	if err == nil && !h.running() {
		err = errdefs.Conflict("container %s is not running", id)
	}
	if err != nil {
		closeAll([]*os.File{out.Stdout, out.Stderr})
		return err
	}
	drop, err := h.hold(out)
	if err != nil {
		closeAll([]*os.File{out.Stdout, out.Stderr})
		return errdefs.Internal("attaching to container %s: %w", id, err)
	}
	job := d.job(ctx, execproto.JobAttach, id)
	setAttach(job, out)
	if err := job.Run(); err != nil {
		drop()
		return err
	}
	return nil
}

// setAttach gives a job the files of an output.
func setAttach(job *engine.Job, out execdriver.Output) {
	var names []string
	if out.Stdout != nil {
		names, job.Files = append(names, "stdout"), append(job.Files, out.Stdout)
	}
	if out.Stderr != nil {
		names, job.Files = append(names, "stderr"), append(job.Files, out.Stderr)
	}
	job.Setenv("attach", strings.Join(names, ","))
}

// Stdin duplicates the writable end of the input.
func (d *Driver) Stdin(_ context.Context, id string) (*os.File, error) {
	if x := d.execution(id); x != nil {
		return x.stdin()
	}
	h, err := d.get(id)
	if err != nil {
		return nil, err
	}
	var f *os.File
	h.mu.Lock()
	open := h.record.OpenStdin
	index := h.stdinIndex()
	h.mu.Unlock()
	if !open {
		return nil, errdefs.NotFound("container %s has no open stdin", id)
	}
	err = h.use(index, func(fd int) error {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		f = os.NewFile(uintptr(dup), "stdin of "+id)
		return err
	})
	return f, err
}

// CloseStdin ends the input. That of a terminal has no end of its own.
func (d *Driver) CloseStdin(ctx context.Context, id string) error {
	if x := d.execution(id); x != nil {
		return x.closeStdin()
	}
	h, err := d.get(id)
	if err != nil {
		return err
	}
	h.mu.Lock()
	tty, open := h.record.Tty, h.record.OpenStdin
	if !tty && open && execproto.FileStdin < len(h.fds) && h.fds[execproto.FileStdin] >= 0 {
		unix.Close(h.fds[execproto.FileStdin])
		h.fds[execproto.FileStdin] = -1
	}
	h.mu.Unlock()
	if tty || !open {
		return nil
	}
	return d.repeat(ctx, (*engine.Job).Run, execproto.JobCloseStdin, id)
}

// Resize sets the size of the terminal.
func (d *Driver) Resize(_ context.Context, id string, height, width uint16) error {
	if x := d.execution(id); x != nil {
		return x.resize(height, width)
	}
	h, err := d.get(id)
	if err != nil {
		return err
	}
	h.mu.Lock()
	tty := h.record.Tty
	h.mu.Unlock()
	if !tty {
		return errdefs.Conflict("container %s has no terminal", id)
	}
	return h.use(execproto.FileStdout, func(fd int) error {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0) // a File closes what it wraps
		if err != nil {
			return err
		}
		terminal := os.NewFile(uintptr(dup), "terminal of "+id)
		defer terminal.Close()
		return pty.Setsize(terminal, &pty.Winsize{Rows: height, Cols: width})
	})
}

// Signal sends a signal to the first process.
func (d *Driver) Signal(ctx context.Context, id string, sig int) error {
	if x := d.execution(id); x != nil {
		return x.signal(sig)
	}
	h, err := d.get(id)
	if err != nil {
		return err
	}
	err = h.use(execproto.FilePidfd, func(fd int) error {
		return unix.PidfdSendSignal(fd, unix.Signal(sig), nil, 0)
	})
	switch {
	case errors.Is(err, unix.ESRCH):
		return errdefs.Conflict("container %s is not running", id)
	case errors.Is(err, unix.EINVAL):
		return errdefs.InvalidArgument("signal %d does not exist", sig)
	}
	if sig == int(unix.SIGKILL) && err == nil && h.isPaused() {
		err = d.Unpause(ctx, id) // a frozen process does not even die
		if errdefs.IsConflict(err) {
			err = nil
		}
	}
	return err
}

// Pids lists the processes.
func (d *Driver) Pids(_ context.Context, id string) ([]int, error) {
	h, err := d.get(id)
	if err != nil {
		return nil, err
	}
	group := h.group()
	if group == nil {
		return nil, errdefs.Conflict("container %s is not running", id)
	}
	return group.Pids()
}

// RootPath is a path to the root of a running container.
func (d *Driver) RootPath(id string) (string, error) {
	h, err := d.get(id)
	if err != nil {
		return "", err
	}
	if !h.running() {
		return "", errdefs.Conflict("container %s is not running", id)
	}
	return fmt.Sprintf("/proc/%d/root", h.state().Pid), nil
}

// Restore lists what earlier daemons left.
func (d *Driver) Restore(ctx context.Context) ([]execdriver.State, error) {
	list, err := d.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing containers of the exec engine: %w", err)
	}
	states, errs := make([]execdriver.State, len(list)), make([]error, len(list))
	var all sync.WaitGroup
	for w := range restoring {
		all.Go(func() {
			for i := w; i < len(list); i += restoring {
				states[i], errs[i] = d.restoreState(ctx, &list[i])
			}
		})
	}
	all.Wait()
	d.over.Go(d.watchOOMs) // of no hurry
	return states, errors.Join(errs...)
}

// restoring is how many containers are restored at a time.
const restoring = 8

func (d *Driver) restoreState(ctx context.Context, r *execproto.Record) (execdriver.State, error) {
	h, err := d.restoreOne(ctx, r)
	if err != nil {
		return execdriver.State{}, fmt.Errorf("restoring container %s: %w", r.ID, err)
	}
	s := h.state()
	s.Paused = h.isPaused()
	if s.Exit != nil {
		h.tell()
	}
	return s, nil
}

// watchOOMs begins to look for kills in all that runs.
func (d *Driver) watchOOMs() {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.held))
	d.mu.Unlock()
	for _, h := range all {
		if d.ctx.Err() != nil {
			return
		}
		if isClosed(h.started) && h.running() && !d.ooms.Watches(h.id) {
			d.watchOOM(h)
		}
	}
}

func (d *Driver) list(ctx context.Context) (list []execproto.Record, err error) {
	err = d.repeat(ctx, func(job *engine.Job) error { return job.OutputJSON(&list) }, execproto.JobList)
	return list, err
}

// restoreOne makes a container known to this daemon and gets its descriptors.
func (d *Driver) restoreOne(ctx context.Context, r *execproto.Record) (*held, error) {
	h := newHeld(r.ID)
	h.record = *r
	d.mu.Lock()
	if known := d.held[r.ID]; known != nil {
		d.mu.Unlock()
		return known, nil
	}
	d.held[r.ID] = h
	d.mu.Unlock()
	defer close(h.started)
	if r.Exit == nil {
		var files []*os.File
		err := d.repeat(ctx, func(job *engine.Job) error {
			err := job.Run()
			files = job.ResultFiles()
			return err
		}, execproto.JobShare, r.ID)
		if err == nil {
			return h, h.keep(files)
		}
		if !errdefs.IsConflict(err) {
			return nil, err
		}
		// It has ended since it was listed.
		list, err := d.list(ctx)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if list[i].ID == r.ID && list[i].Exit != nil {
				r.Exit = list[i].Exit
			}
		}
	}
	if x := r.Exit; x != nil {
		h.ended(&execdriver.Exit{ID: x.ID, Code: x.Code, OOMKilled: x.OOMKilled, At: x.At})
	}
	return h, nil
}

// Remove forgets a container. Of one that is not known, an exec engine that was
// killed together with its daemon may have left a group.
func (d *Driver) Remove(ctx context.Context, id string) error {
	h, err := d.get(id)
	if err != nil {
		d.clearUnknown(ctx, id)
		return err
	}
	if h.running() {
		return errdefs.Conflict("container %s is running", id)
	}
	err = d.repeat(ctx, (*engine.Job).Run, execproto.JobRemove, id)
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held[id] == h {
		delete(d.held, id)
	}
	return nil
}

// clearUnknown removes the group that has the name of a container which is not
// known.
func (d *Driver) clearUnknown(ctx context.Context, id string) {
	d.mu.Lock()
	_, known := d.held[id] // about to start
	d.mu.Unlock()
	if known || !validID(id) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, clearPatience)
	defer cancel()
	if err := d.layout.Open(d.opt.CgroupParent, id).Clear(ctx); err != nil {
		d.logf("clearing what is left of container %s: %v", id, err)
	}
}
