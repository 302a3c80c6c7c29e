package daemon

import (
	"context"
	"strconv"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

func decodeContainerExited(job *engine.Job) (execdriver.Exit, error) {
	e := execdriver.Exit{ID: job.Args[0], Code: job.GetenvInt("code"), OOMKilled: job.GetenvBool("oom")}
	var err error
	e.At, err = job.GetenvTime("at")
	return e, err
}

// jobContainerExited takes a container from the end of its workload to rest, or
// to its next start. The daemon runs it itself when the exec driver reports an
// end, so that what happens then (event, network, removal) is found in the trace
// under what it belongs to.
//
// Usage:  container_exited CONTAINER
// Args:   CONTAINER: the full id.
// Env:    code, oom, at: how and when it ended.
// Phases: state, cleanup, and what follows: keep, or remove.
// Errors: Forbidden (somebody else asks), NotFound, InvalidArgument.
// Events: oom, die; destroy when it removes itself.
func (d *Daemon) jobContainerExited(job *engine.Job) error {
	if job.Caller() != nil {
		return errdefs.Forbidden("the end of a workload is reported by its exec driver, nobody else: to end one, run stop or kill")
	}
	e, err := decodeContainerExited(job)
	if err != nil {
		return err
	}
	c := d.containers.byID(e.ID)
	if c == nil {
		return noSuchContainer(e.ID)
	}
	d.finish(context.WithoutCancel(job.Context()), c, e, job.Phase) // nobody else would do it
	return nil
}

// report runs container_exited. An engine that does not take the job any more
// does not keep the run from being cleaned up.
func (d *Daemon) report(ctx context.Context, c *container, e execdriver.Exit) {
	job := d.job(ctx, "container_exited", e.ID)
	job.SetenvInt("code", e.Code)
	job.SetenvBool("oom", e.OOMKilled)
	job.Setenv("at", e.At.UTC().Format(time.RFC3339Nano))
	if err := job.Run(); err != nil {
		d.opt.Logf("container %s ended with %s outside of a job: %v", short(e.ID), strconv.Itoa(e.Code), err)
		d.finish(ctx, c, e, nil)
	}
}
