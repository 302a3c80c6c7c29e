package daemon

import (
	"context"
	"strconv"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// resizeOptions name a container and the size of its terminal.
type resizeOptions struct {
	Name          string
	Height, Width uint16
}

func decodeResize(job *engine.Job) (resizeOptions, error) {
	opt := resizeOptions{Name: job.Args[0]}
	for i, to := range []*uint16{&opt.Height, &opt.Width} {
		n, err := strconv.ParseUint(job.Args[i+1], 10, 16)
		if err != nil {
			return opt, errdefs.InvalidArgument("invalid size of a terminal: %q", job.Args[i+1])
		}
		*to = uint16(n)
	}
	return opt, nil
}

// jobResize sets the size of a container's terminal in characters.
//
// Usage:  resize CONTAINER HEIGHT WIDTH
// Errors: NotFound, InvalidArgument, Conflict (does not run).
// Events: resize.
func (d *Daemon) jobResize(job *engine.Job) error {
	opt, err := decodeResize(job)
	if err != nil {
		return err
	}
	return d.Resize(job.Context(), opt)
}

// Resize does nothing for a container without terminal.
func (d *Daemon) Resize(ctx context.Context, opt resizeOptions) error {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	s, err := c.decided(ctx)
	if err != nil {
		return err
	}
	if !s.state.active() {
		return errdefs.Conflict("Cannot resize container %s, container is not running", s.rec.ID)
	}
	if !s.rec.Config.Tty {
		return nil
	}
	if err := d.opt.Exec.Resize(ctx, c.id, opt.Height, opt.Width); err != nil {
		return err
	}
	d.event(ctx, s, "resize", map[string]string{
		"height": strconv.Itoa(int(opt.Height)), "width": strconv.Itoa(int(opt.Width)),
	})
	return nil
}
