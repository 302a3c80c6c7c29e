package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// execGrace is how long output is waited for that others keep open when the
// process itself has ended.
const execGrace = 2 * time.Second

// execStartOptions name an execution and what to connect it with.
type execStartOptions struct {
	ID            string
	Detach        bool
	Height, Width uint16
	In            io.Reader
	Out, Err      io.Writer
	mark          marks
}

func decodeExecStart(job *engine.Job) (opt execStartOptions, err error) {
	opt = execStartOptions{
		ID: job.Args[0], Detach: job.GetenvBool("Detach"), In: job.Stdin, Out: job.Stdout, Err: job.Stderr, mark: job.Phase,
	}
	opt.Height, opt.Width, err = consoleSize(job)
	return opt, err
}

// jobExecStart runs what exec_create has described, once. Connected, it returns
// when the process has ended, or when the client leaves: the process goes on
// then. Before the process starts it writes no bytes, to say that nothing but
// the start itself can fail any more.
//
// Usage:  exec_start EXEC
// Env:    Detach: return when it runs. ConsoleSize: first height and width of its terminal.
// Stdin:  its input.
// Stdout: its output, Stderr likewise; a terminal has only the former.
// Phases: prepare, launch, run.
// Errors: NotFound (exec, program), Forbidden (program cannot be executed), Conflict (runs or ran, container stopped or paused).
// Events: exec_start, exec_die, exec_detach.
func (d *Daemon) jobExecStart(job *engine.Job) error {
	opt, err := decodeExecStart(job)
	if err != nil {
		return err
	}
	return d.ExecStart(job.Context(), opt)
}

// ExecStart runs an execution. How the process ended is told by ExecInspect.
func (d *Daemon) ExecStart(ctx context.Context, opt execStartOptions) error {
	x, err := d.executions.find(opt.ID)
	if err != nil {
		return err
	}
	s := x.c.now()
	if err := s.executable(s.bare()); err != nil {
		return err
	}
	keys, err := parseDetachKeys(x.process.DetachKeys)
	if err != nil {
		return err
	}
	if err := x.claim(); err != nil {
		return err
	}
	cmd, err := d.execCommand(x, s, opt)
	if err != nil {
		d.execFailed(ctx, x, err)
		return err
	}
	if opt.Detach {
		_, err := d.execLaunch(ctx, x, s, cmd, execdriver.Output{}, opt.mark)
		return err
	}
	p := &x.process
	client := newAttachment(p.Stdout, p.Stderr)
	x.hub.join(client)
	defer x.hub.leave(client)
	d.keepOpen(x)
	out, err := x.hub.prepare(p.Tty, d.track)
	if err != nil {
		d.execFailed(ctx, x, err)
		return err
	}
	if _, err := opt.Out.Write(nil); err != nil {
		closeOutput(out)
		d.execFailed(ctx, x, err)
		return nil //nolint:nilerr // the client has left, which is its right
	}
	if _, err := d.execLaunch(ctx, x, s, cmd, out, opt.mark); err != nil {
		return err
	}
	x.hub.begin()
	talk := attachOptions{Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr, Keys: keys, In: opt.In, Out: opt.Out, Err: opt.Err}
	err = d.converse(ctx, client, talk, func() error { return d.execInput(ctx, x, client, talk) }, x.done)
	select {
	case <-client.ended: // nothing more to see; how it ended is known a moment later
		select {
		case <-x.done:
		case <-ctx.Done():
			err = ctx.Err()
		}
	default: // the client has left, or others keep the output open
	}
	opt.mark.done("run")
	return err
}

// keepOpen keeps the output of a process flowing when its client has left, for
// as long as the daemon lives: the process goes on.
func (d *Daemon) keepOpen(x *execution) {
	rest := newAttachment(false, false)
	x.hub.join(rest)
	go func() {
		select {
		case <-rest.ended:
		case <-d.ctx.Done():
			x.hub.leave(rest)
		}
	}()
}

func closeOutput(out execdriver.Output) {
	out.Stdout.Close()
	if out.Stderr != nil {
		out.Stderr.Close()
	}
}

// execLaunch starts the process.
func (d *Daemon) execLaunch(ctx context.Context, x *execution, s *snapshot, cmd *execdriver.ExecCommand, out execdriver.Output, mark marks) (execdriver.State, error) {
	mark.done("prepare")
	d.event(ctx, s, "exec_start: "+x.process.line(), map[string]string{"execID": x.id})
	st, err := d.opt.Exec.Exec(ctx, cmd, out)
	if err != nil {
		err = fmt.Errorf("Cannot run exec command %s in container %s: %w", x.id, x.c.id, err) //nolint:staticcheck // classic text
		d.execFailed(ctx, x, err)
		return st, err
	}
	mark.done("launch")
	x.begin(st.Pid)
	return st, nil
}

// execFailed ends an execution that never ran.
func (d *Daemon) execFailed(ctx context.Context, x *execution, err error) {
	code := startCode(err)
	if code == 128 {
		code = 126 // what clients expect of a start that failed for another reason
	}
	x.hub.dismiss()
	d.execEnded(ctx, x, code)
}

// execExited receives the end of a further process from the exec driver.
func (d *Daemon) execExited(e execdriver.Exit) {
	x, err := d.executions.find(e.ID)
	if err != nil {
		return // of an earlier daemon, or of a container that is gone
	}
	d.execEnded(d.background(), x, e.Code)
}

// execEnded notes the end of a process, once.
func (d *Daemon) execEnded(ctx context.Context, x *execution, code int) {
	if !x.end(code) {
		return
	}
	d.executions.retire(x, d.opt.Engine.Clock())
	d.event(ctx, x.c.now(), "exec_die", map[string]string{"execID": x.id, "exitCode": fmt.Sprint(code)})
}

// execCommand resolves an execution into what the exec driver takes.
func (d *Daemon) execCommand(x *execution, s *snapshot, opt execStartOptions) (*execdriver.ExecCommand, error) {
	p, cfg := &x.process, s.rec.Config
	children, err := d.children(s)
	if err != nil {
		return nil, err
	}
	env := environment(s, children)
	if p.Tty && !cfg.Tty {
		env = override(env, []string{"TERM=xterm"})
	}
	cmd := &execdriver.ExecCommand{ID: x.id, Container: x.c.id, Process: execdriver.Process{
		Args: p.Cmd, Env: override(env, p.Env), Dir: p.Dir, User: p.User, Tty: p.Tty, OpenStdin: p.Stdin && !opt.Detach,
		Height: p.Height, Width: p.Width, OOMScore: s.host.OomScoreAdj,
	}}
	if cmd.Process.User == "" {
		cmd.Process.User, cmd.Process.Groups = cfg.User, s.host.GroupAdd
	}
	if cmd.Process.Dir == "" {
		cmd.Process.Dir = cfg.WorkingDir
	}
	if opt.Height != 0 && opt.Width != 0 {
		cmd.Process.Height, cmd.Process.Width = opt.Height, opt.Width
	}
	if cmd.Security, err = d.securityOptions(s.host); err != nil {
		return nil, err
	}
	host := *s.host
	host.Privileged = host.Privileged || p.Privileged
	if cmd.Security.Capabilities, err = capabilities(&host); err != nil {
		return nil, err
	}
	res, err := d.resources(s.host)
	cmd.Rlimits = res.Rlimits
	return cmd, err
}

// execInput copies the client's input to the process. See input.
func (d *Daemon) execInput(ctx context.Context, x *execution, a *attachment, opt attachOptions) error {
	f, err := d.opt.Exec.Stdin(ctx, x.id)
	switch {
	case errdefs.IsNotFound(err), errdefs.IsConflict(err):
		return errStay // it has ended
	case err != nil:
		return err
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	keys := detector{}
	if x.process.Tty {
		keys.keys = opt.Keys
	}
	detached, err := copyInput(f, opt.In, &keys)
	switch {
	case detached:
		d.event(ctx, x.c.now(), "exec_detach", map[string]string{"execID": x.id})
		return nil
	case err != nil && !errors.Is(err, os.ErrClosed), x.process.Tty:
		return errStay // it no longer reads, or its terminal stays open
	}
	if err := d.opt.Exec.CloseStdin(ctx, x.id); err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
		d.opt.Logf("closing the input of exec %s: %v", short(x.id), err)
	}
	return errStay
}
