package fake

import (
	"context"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// Exec implements execdriver.Driver.
func (d *Driver) Exec(ctx context.Context, cmd *execdriver.ExecCommand, out execdriver.Output) (execdriver.State, error) {
	fail := func(err error) (execdriver.State, error) {
		closeOutput(out)
		return execdriver.State{}, err
	}
	if err := d.delay(ctx); err != nil {
		return fail(err)
	}
	if d.opts.FailExec != nil {
		if err := d.opts.FailExec(cmd); err != nil {
			return fail(err)
		}
	}
	in, err := d.world.container(cmd.Container)
	if err != nil {
		return fail(err)
	}
	run, err := parseScript(cmd.Process.Args)
	if err != nil {
		return fail(err)
	}
	p, err := d.world.addExec(cmd, in)
	if err != nil {
		return fail(err)
	}
	p.attach(out)
	state := p.state()
	d.world.run(p, run)
	return state, nil
}

// addExec makes the process of an exec, unless its container has ended or was
// frozen meanwhile.
func (w *World) addExec(cmd *execdriver.ExecCommand, in *process) (*process, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch state := in.state(); {
	case w.containers[cmd.ID] != nil:
		return nil, errdefs.Conflict("the id %s is taken", cmd.ID)
	case state.Exit != nil:
		return nil, errdefs.Conflict("container %s is not running", in.id)
	case state.Paused:
		return nil, errdefs.Conflict("container %s is paused", in.id)
	}
	w.lastPid++
	p, err := bareProcess(cmd.ID, &cmd.Process, w.lastPid)
	if err != nil {
		return nil, err
	}
	p.in = in
	w.containers[cmd.ID] = p
	return p, nil
}

// execs lists what runs in a container beside its first process. w.mu is held.
func (w *World) execs(in *process) (list []*process) {
	for _, p := range w.containers {
		if p.in == in && in != nil {
			list = append(list, p)
		}
	}
	return list
}

// each does something to a container and all of its execs, none of which can
// begin meanwhile.
func (w *World) each(in *process, do func(*process)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do(in)
	for _, p := range w.execs(in) {
		do(p)
	}
}
