package native

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/execproto"
)

// execution is one more process of a container, as long as it runs.
type execution struct {
	id, container string
	started       chan struct{} // closed when Exec is done with it
	tty, open     bool          // it has a terminal, an input

	mu     sync.Mutex // guards everything below
	pid    int
	pidfd  int      // -1: none
	input  *os.File // the writing end of its stdin, or its terminal
	show   *os.File // where the output of the terminal goes
	closed bool     // the descriptors are not needed any more
}

// Exec runs one more process in a running container.
func (d *Driver) Exec(ctx context.Context, cmd *execdriver.ExecCommand, out execdriver.Output) (execdriver.State, error) {
	x := &execution{
		id: cmd.ID, container: cmd.Container, tty: cmd.Process.Tty, open: cmd.Process.OpenStdin, pidfd: -1, started: make(chan struct{}),
	}
	err := d.reserveExecution(x)
	if err != nil {
		closeAll([]*os.File{out.Stdout, out.Stderr})
		return execdriver.State{}, err
	}
	state, err := d.execute(ctx, cmd, x, out)
	if err != nil {
		d.forgetExecution(x)
		x.close()
	}
	if errdefs.Is(err, errdefs.KindUnavailable) {
		d.over.Go(func() { d.killStrangers(x.container) })
	}
	close(x.started)
	return state, err
}

func (d *Driver) reserveExecution(x *execution) error {
	if !validID(x.id) {
		return errdefs.InvalidArgument("%q is no id of an exec", x.id)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held[x.id] != nil || d.execs[x.id] != nil {
		return errdefs.Conflict("the id %s is taken", x.id)
	}
	d.execs[x.id] = x
	return nil
}

func (d *Driver) forgetExecution(x *execution) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.execs[x.id] == x {
		delete(d.execs, x.id)
	}
}

// translateExec does what translate does for a container.
func (d *Driver) translateExec(cmd *execdriver.ExecCommand) (*translation, error) {
	t := &translation{}
	p := &cmd.Process
	if len(p.Args) == 0 {
		return nil, errdefs.InvalidArgument("exec %s has no command to run", cmd.ID)
	}
	h, err := d.get(cmd.Container)
	if err != nil {
		return nil, err
	}
	group := h.group()
	if group == nil {
		return nil, errdefs.Conflict("container %s is not running", cmd.Container)
	}
	if h.isPaused() {
		return nil, errdefs.Conflict("container %s is paused: unpause it before exec", cmd.Container)
	}
	s := &t.setup
	s.Timings = d.opt.Timings != nil
	if d.layout.V2 {
		s.Into = group.Paths[""]
	} else {
		s.Tasks = group.Tasks()
	}
	s.Tty, s.Rows, s.Cols, s.OOMScore = p.Tty, p.Height, p.Width, int32(p.OOMScore)
	s.User, s.Groups, s.Dir, s.Args, s.Env = p.User, p.Groups, p.Dir, p.Args, p.Env
	if err := d.rights(&cmd.Security, t); err != nil {
		return nil, err
	}
	return t, rlimits(cmd.Rlimits, s)
}

// execute has the exec engine start it. What is in out is the job's or closed.
func (d *Driver) execute(ctx context.Context, cmd *execdriver.ExecCommand, x *execution, out execdriver.Output) (execdriver.State, error) {
	t, err := d.translateExec(cmd)
	if err != nil {
		closeAll([]*os.File{out.Stdout, out.Stderr})
		return execdriver.State{}, err
	}
	show := out.Stdout
	if !x.tty {
		show = nil
	}
	job, err := d.execJob(ctx, t, x, out)
	if err != nil {
		closeAll([]*os.File{show})
		return execdriver.State{}, err
	}
	stdout, err := job.Output()
	var answer execproto.Executed
	if len(bytes.TrimSpace(stdout)) > 0 {
		err = errors.Join(err, json.Unmarshal(stdout, &answer))
	}
	if d.opt.Timings != nil {
		d.opt.Timings(x.id, answer.Phases)
	}
	results := job.ResultFiles()
	if err == nil {
		err = d.keepExecution(x, results, show, answer.Pid)
	}
	if err != nil {
		closeAll(append(results, show))
		if answer.Failure != nil {
			err = startError(answer.Failure)
		}
		return execdriver.State{}, err
	}
	return execdriver.State{
		ID: x.id, Pid: answer.Pid, StartedAt: answer.StartedAt, Warnings: append(t.warnings, answer.Warnings...),
		Phases: durations(answer.Phases),
	}, nil
}

// execJob makes the job of the exec engine with its files. Those of out are the
// job's, or closed on failure, except the receiver of a terminal.
func (d *Driver) execJob(ctx context.Context, t *translation, x *execution, out execdriver.Output) (*engine.Job, error) {
	var names []string
	var files []*os.File
	add := func(name string, f *os.File) {
		if f != nil {
			names, files = append(names, name), append(files, f)
		}
	}
	var err error
	if x.tty {
		closeAll([]*os.File{out.Stderr})
	} else {
		add("stdout", out.Stdout)
		add("stderr", out.Stderr)
		if x.open {
			var r *os.File
			r, x.input, err = os.Pipe()
			add("stdin", r)
		}
	}
	if err == nil && (x.tty || len(files) > 0) {
		var life *os.File
		life, err = d.shareLife()
		add("life", life)
	}
	job := d.job(ctx, execproto.JobExec, x.id)
	job.Files = files
	job.Setenv("attach", strings.Join(names, ","))
	if err == nil {
		err = job.SetenvJson("spec", &execproto.ExecSpec{ID: x.id, Container: x.container, Tty: x.tty})
	}
	if err == nil {
		err = job.Stdin.Add(bytes.NewReader(t.setup.Encode()))
	}
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return job, nil
}

// shareLife duplicates the end of a pipe whose other end goes with this driver.
func (d *Driver) shareLife() (*os.File, error) {
	fd, err := duplicate(d.life)
	if err != nil {
		return nil, fmt.Errorf("duplicating a descriptor: %w", err)
	}
	return os.NewFile(uintptr(fd), "life"), nil
}

// keepExecution takes over what the exec engine hands out, and the receiver of a
// terminal.
func (d *Driver) keepExecution(x *execution, files []*os.File, show *os.File, pid int) error {
	want := 1
	if x.tty {
		want = 2
	}
	if len(files) != want {
		return errdefs.Internal("the exec engine handed out %d descriptors of exec %s instead of %d", len(files), x.id, want)
	}
	fd, err := duplicate(files[0])
	if err != nil {
		return err
	}
	_ = files[0].Close() // the duplicate does
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pid, x.pidfd = pid, fd
	if x.tty {
		x.input, x.show = files[1], show
		d.over.Go(x.showTerminal)
	}
	if x.closed {
		x.release()
	}
	return nil
}
