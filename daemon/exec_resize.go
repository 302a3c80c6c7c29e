package daemon

import (
	"context"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// jobExecResize sets the size of a further process's terminal in characters.
//
// Usage:  exec_resize EXEC HEIGHT WIDTH
// Errors: NotFound, InvalidArgument, Conflict (does not run).
func (d *Daemon) jobExecResize(job *engine.Job) error {
	opt, err := decodeResize(job)
	if err != nil {
		return err
	}
	return d.ExecResize(job.Context(), opt)
}

// ExecResize does nothing for a process without terminal.
func (d *Daemon) ExecResize(ctx context.Context, opt resizeOptions) error {
	x, err := d.executions.find(opt.Name)
	if err != nil {
		return err
	}
	if x.now().claimed { // clients send the size while the process starts
		select {
		case <-x.begun:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if !x.now().running {
		return errdefs.Conflict("Cannot resize the terminal of exec %s, it is not running", x.id)
	}
	if !x.process.Tty {
		return nil
	}
	return d.opt.Exec.Resize(ctx, x.id, opt.Height, opt.Width)
}
