package daemon

import (
	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
)

// jobExecInspect describes a further process. One that has ended is known for
// some minutes more.
//
// Usage:  exec_inspect EXEC
// Stdout: one api.ExecInspect.
// Errors: NotFound.
func (d *Daemon) jobExecInspect(job *engine.Job) error {
	x, err := d.executions.find(job.Args[0])
	if err != nil {
		return err
	}
	return job.WriteJSON(d.ExecInspect(x))
}

// ExecInspect reads one state.
func (d *Daemon) ExecInspect(x *execution) *api.ExecInspect {
	s, p := x.now(), &x.process
	return &api.ExecInspect{
		ID: x.id, ContainerID: x.c.id, Running: s.running, ExitCode: s.exitCode, Pid: s.pid, CanRemove: s.exitCode != nil,
		DetachKeys: p.DetachKeys, OpenStdin: p.Stdin, OpenStdout: p.Stdout, OpenStderr: p.Stderr,
		ProcessConfig: api.ExecProcess{
			Entrypoint: p.Cmd[0], Arguments: append([]string{}, p.Cmd[1:]...), Tty: p.Tty, User: p.User, Privileged: &p.Privileged,
		},
	}
}
