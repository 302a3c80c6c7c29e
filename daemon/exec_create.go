package daemon

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

func decodeExecCreate(job *engine.Job) (p execProcess, err error) {
	p = execProcess{
		User: job.Getenv("User"), Dir: job.Getenv("WorkingDir"), DetachKeys: job.Getenv("DetachKeys"),
		Privileged: job.GetenvBool("Privileged"), Tty: job.GetenvBool("Tty"), Stdin: job.GetenvBool("AttachStdin"),
		Stdout: job.GetenvBool("AttachStdout"), Stderr: job.GetenvBool("AttachStderr"),
	}
	p.Cmd, p.Env = job.GetenvList("Cmd"), job.GetenvList("Env")
	p.Height, p.Width, err = consoleSize(job)
	return p, err
}

// consoleSize reads [height, width]; null and nothing are none.
func consoleSize(job *engine.Job) (height, width uint16, err error) {
	if !job.EnvExists("ConsoleSize") {
		return 0, 0, nil
	}
	var size []uint16
	if err := job.GetenvJson("ConsoleSize", &size); err != nil || len(size) != 0 && len(size) != 2 {
		return 0, 0, errdefs.InvalidArgument("ConsoleSize must be a list of height and width, each up to 65535")
	}
	if len(size) == 2 {
		height, width = size[0], size[1]
	}
	return height, width, nil
}

// jobExecCreate describes a further process for a running container. Nothing
// runs before exec_start.
//
// Usage:  exec_create CONTAINER
// Env:    Cmd; Tty, AttachStdin, AttachStdout, AttachStderr, DetachKeys, ConsoleSize: its streams.
// Env:    User, WorkingDir, Env, Privileged: what differs from the container.
// Stdout: the id (64 hexadecimal digits) and a newline.
// Errors: NotFound, Conflict (not running, paused), InvalidArgument.
// Events: exec_create.
func (d *Daemon) jobExecCreate(job *engine.Job) error {
	p, err := decodeExecCreate(job)
	if err != nil {
		return err
	}
	id, err := d.ExecCreate(job.Context(), job.Args[0], p)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(job.Stdout, id)
	return err
}

// ExecCreate returns the id of the new execution.
func (d *Daemon) ExecCreate(ctx context.Context, name string, p execProcess) (string, error) {
	c, err := d.containers.find(name)
	if err != nil {
		return "", err
	}
	s, err := c.decided(ctx)
	if err != nil {
		return "", err
	}
	if err := s.executable(name); err != nil {
		return "", err
	}
	if err := p.check(); err != nil {
		return "", err
	}
	id, err := d.newID()
	if err != nil {
		return "", err
	}
	d.executions.add(newExecution(id, c, p))
	d.event(ctx, s, "exec_create: "+p.line(), map[string]string{"execID": id})
	return id, nil
}

// line is what events say of a process: the program, a blank, its arguments.
func (p *execProcess) line() string { return p.Cmd[0] + " " + strings.Join(p.Cmd[1:], " ") }

// executable tells whether a further process can be started in a container now.
func (s *snapshot) executable(name string) error {
	switch s.state.Phase {
	case running:
		return nil
	case paused:
		return errdefs.Conflict("Container %s is paused, unpause the container before exec", name)
	case restarting:
		return errdefs.Conflict("Container %s is restarting, wait until the container is running", name)
	}
	return errdefs.Conflict("Container %s is not running", s.rec.ID)
}

// check judges what can be judged without the container.
func (p *execProcess) check() error {
	if len(p.Cmd) == 0 || p.Cmd[0] == "" {
		return errdefs.InvalidArgument("No exec command specified")
	}
	if p.Dir != "" && !path.IsAbs(p.Dir) {
		return errdefs.InvalidArgument("the working directory '%s' is invalid, it needs to be an absolute path", p.Dir)
	}
	for _, e := range p.Env {
		if key, _, _ := strings.Cut(e, "="); key == "" {
			return errdefs.InvalidArgument("invalid environment variable: %q", e)
		}
	}
	for _, word := range slices.Concat(p.Cmd, p.Env) {
		if strings.ContainsRune(word, 0) {
			return errdefs.InvalidArgument("the command and its variables must not contain a zero byte: %q", word)
		}
	}
	_, err := parseDetachKeys(p.DetachKeys)
	return err
}
