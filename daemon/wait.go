package daemon

import (
	"context"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// waitOptions name a container and what to wait for.
type waitOptions struct {
	Name      string
	Condition string
	Headers   bool
}

func decodeWait(job *engine.Job) (waitOptions, error) {
	opt := waitOptions{Name: job.Args[0], Condition: job.Getenv("condition"), Headers: job.GetenvBool("headers")}
	switch opt.Condition {
	case "not-running", "next-exit", "removed":
		return opt, nil
	case "":
		opt.Condition = "not-running"
		return opt, nil
	}
	return opt, errdefs.InvalidArgument("invalid condition: %q", opt.Condition)
}

// jobWait waits for the end of a container.
//
// Usage:  wait CONTAINER
// Env:    condition: not-running (default), next-exit or removed. headers: write no bytes once the wait stands.
// Stdout: one api.ContainerWait.
// Errors: NotFound, InvalidArgument (condition).
func (d *Daemon) jobWait(job *engine.Job) error {
	opt, err := decodeWait(job)
	if err != nil {
		return err
	}
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	first := c.now()
	if opt.Headers {
		if _, err := job.Stdout.Write(nil); err != nil {
			return err
		}
	}
	result, err := d.Wait(job.Context(), c, first, opt.Condition)
	if err != nil {
		return err
	}
	return job.WriteJSON(result)
}

// Wait waits from the moment of the snapshot on.
func (d *Daemon) Wait(ctx context.Context, c *container, from *snapshot, condition string) (api.ContainerWait, error) {
	s, err := c.until(ctx, func(s *snapshot) bool {
		if s.state.Phase == removed {
			return true
		}
		switch condition {
		case "next-exit":
			return s.state.Exits > from.state.Exits
		case "removed":
			return s.state.Phase == dead
		}
		return !s.state.alive() && s.state.Phase != starting
	})
	if err != nil {
		return api.ContainerWait{}, err
	}
	result := api.ContainerWait{StatusCode: s.state.ExitCode}
	if s.state.Phase == dead { // what is told here is a failed removal; a failed start told its own caller
		result.Error = &api.WaitError{Message: s.state.Error}
	}
	return result, nil
}
