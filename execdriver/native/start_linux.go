package native

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/execproto"
	"github.com/enginejobs/docker/execdriver/native/pidfd"
)

// Start runs a command.
func (d *Driver) Start(ctx context.Context, cmd *execdriver.Command, out execdriver.Output) (execdriver.State, error) {
	t, err := d.translate(cmd)
	if err != nil {
		closeAll([]*os.File{out.Stdout, out.Stderr})
		return execdriver.State{}, err
	}
	h, old, err := d.reserve(cmd.ID)
	if err != nil {
		closeAll([]*os.File{out.Stdout, out.Stderr})
		return execdriver.State{}, err
	}
	answer, err := d.launch(ctx, t, h, out)
	if err != nil {
		d.giveBack(h, old)
		close(h.started)
		return execdriver.State{}, err
	}
	if d.opt.Timings != nil {
		d.opt.Timings(cmd.ID, answer.Phases)
	}
	state := h.state()
	state.Exit = nil // told by OnExit
	state.Warnings = append(t.warnings, answer.Warnings...)
	state.Phases = durations(answer.Phases)
	close(h.started)
	return state, nil
}

// durations turns the moments at which parts of a launch ended into how long
// each took.
func durations(moments []execproto.Phase) []execdriver.Phase {
	var last time.Duration
	phases := make([]execdriver.Phase, 0, len(moments))
	for _, m := range moments {
		phases = append(phases, execdriver.Phase{Name: m.Name, Took: max(0, m.At-last)})
		last = max(last, m.At)
	}
	return phases
}

// reserve makes an id taken. One that has ended may start again.
func (d *Driver) reserve(id string) (h, old *held, err error) {
	if !validID(id) {
		return nil, nil, errdefs.InvalidArgument("%q is no container id", id)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if old = d.held[id]; old != nil && (!isClosed(old.started) || old.running()) {
		return nil, nil, errdefs.Conflict("container %s is already running", id)
	}
	if d.execs[id] != nil {
		return nil, nil, errdefs.Conflict("the id %s is taken", id)
	}
	h = newHeld(id)
	d.held[id] = h
	return h, old, nil
}

// validID: an id is a file name.
func validID(id string) bool {
	return id != "" && !strings.ContainsAny(id, "/\x00") && !strings.HasPrefix(id, ".")
}

func (d *Driver) giveBack(h, old *held) {
	h.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held[h.id] != h {
		return
	}
	delete(d.held, h.id)
	if old != nil {
		d.held[h.id] = old
	}
}

// launch has the exec engine start a container and keeps what it hands out.
func (d *Driver) launch(ctx context.Context, t *translation, h *held, out execdriver.Output) (
	*execproto.Launched, error) {
	if _, err := h.hold(out); err != nil { // let go of with h
		closeAll([]*os.File{out.Stdout, out.Stderr})
		return nil, errdefs.Internal("attaching to container %s: %w", h.id, err)
	}
	job := d.job(ctx, execproto.JobLaunch, h.id)
	setAttach(job, out)
	if err := job.SetenvJson("spec", &t.spec); err != nil {
		closeAll(job.Files)
		return nil, err
	}
	if err := job.Stdin.Add(bytes.NewReader(t.setup.Encode())); err != nil {
		closeAll(job.Files)
		return nil, err
	}
	stdout, err := job.Output()
	var answer execproto.Launched
	if len(bytes.TrimSpace(stdout)) > 0 {
		err = errors.Join(err, json.Unmarshal(stdout, &answer))
	}
	if err == nil && answer.Record == nil {
		err = errdefs.Internal("the exec engine answered without a record")
	}
	if err == nil {
		h.mu.Lock()
		h.record = *answer.Record
		ended := h.exit != nil
		h.mu.Unlock()
		if ended {
			closeAll(job.ResultFiles()) // a short life
			return &answer, nil
		}
		if err = h.keep(job.ResultFiles()); err == nil {
			d.watchOOM(h)
			return &answer, nil
		}
	}
	if errdefs.Is(err, errdefs.KindUnavailable) || answer.Record != nil {
		d.clear(t, h.id)
	}
	if answer.Failure != nil {
		return nil, startError(answer.Failure)
	}
	return nil, err
}

// clearPatience is how long a process of a cut off start may take to die.
const clearPatience = 500 * time.Millisecond

// clear removes what a start may have left whose exec engine died under it.
func (d *Driver) clear(t *translation, id string) {
	group := d.layout.Open(t.spec.CgroupParent, id)
	paths := []string{execproto.DraftPath(d.path("records"), id), execproto.RecordPath(d.path("records"), id)}
	for _, path := range paths {
		killRecorded(path) // it may not have entered its group yet
	}
	ctx, cancel := context.WithTimeout(d.ctx, clearPatience)
	defer cancel()
	errs := []error{group.Clear(ctx)}
	for _, path := range paths {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		d.logf("clearing a failed start of %s: %v", id, err)
	}
}

// killRecorded kills the first process of a container that is on record.
func killRecorded(path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		return
	}
	var r execproto.Record
	if json.NewDecoder(bytes.NewReader(b)).Decode(&r) != nil || r.Pid <= 0 { // an exit may follow
		return
	}
	process, err := pidfd.Open(r.Pid, r.StartTime)
	if err != nil {
		return // it has ended
	}
	defer process.Close()
	if raw, err := process.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.PidfdSendSignal(int(fd), unix.SIGKILL, nil, 0) })
	}
}

// Exit codes that a client shows for a program that did not run.
const (
	codeNotExecutable = 126
	codeNotFound      = 127
)

// startError gives a failure of the init the kind and code that callers rely on.
func startError(f *execproto.Failure) error {
	cause := errors.New(f.Text)
	errno := unix.Errno(f.Errno)
	if f.Errno != 0 && errno.Error() == f.Text {
		cause = errno
	}
	e := &execdriver.StartError{Step: f.Step, Object: f.Object, Err: cause}
	if f.Step == "find user" {
		return errdefs.As(errdefs.KindInvalidArgument, e)
	}
	if f.Step != "exec" && f.Step != "change to directory" {
		return errdefs.As(errdefs.KindInternal, e)
	}
	switch errno {
	case unix.ENOENT, unix.ENOTDIR:
		return &errdefs.Error{Kind: errdefs.KindNotFound, Code: codeNotFound, Err: e}
	case unix.EACCES, unix.EPERM, unix.EISDIR, unix.ENOEXEC, unix.ETXTBSY, unix.ELIBBAD, unix.ELOOP:
		return &errdefs.Error{Kind: errdefs.KindForbidden, Code: codeNotExecutable, Err: e}
	}
	return errdefs.As(errdefs.KindInvalidArgument, e)
}
