package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// updateOptions are what shall change: zero leaves a limit as it is, and an
// empty name the restart policy.
type updateOptions struct {
	Name string
	runconfig.Resources
	RestartPolicy runconfig.RestartPolicy
}

func (d *Daemon) updateDeclarations() []engine.Declaration {
	return []engine.Declaration{{
		Name: "container_update", Summary: "Change the limits and the restart policy of a container.", Changes: true,
		Args:   []engine.Arg{{Name: "CONTAINER", Summary: "id, unique beginning of it, or name"}},
		Stdout: engine.JSONDocument, Handler: d.jobContainerUpdate,
		Env: []engine.Key{
			{Name: "UpdateConfig", Type: engine.JSON, Summary: "the limits of a HostConfig that change, and RestartPolicy"},
			{Name: "keep", Type: engine.Bool, Summary: "instead: a transient container is as lasting as any other from now on"},
		},
	}}
}

func decodeUpdate(job *engine.Job) (updateOptions, error) {
	opt := updateOptions{}
	if !job.EnvExists("UpdateConfig") {
		return opt, errdefs.InvalidArgument("UpdateConfig cannot be empty: name at least one limit, or the restart policy")
	}
	err := job.GetenvJson("UpdateConfig", &opt)
	opt.Name = job.Args[0]
	return opt, err
}

// jobContainerUpdate changes limits and the restart policy.
//
// Usage:  container_update CONTAINER
// Env:    UpdateConfig: Resources of a HostConfig (zero: as it is; -1: no limit) and RestartPolicy.
// Env:    keep: changes nothing else: a transient container becomes one that the next daemon has, too.
// Stdout: one api.ContainerUpdated.
// Phases: plan, limits (of a running container), keep (on disk).
// Errors: NotFound, InvalidArgument (a value), Conflict (with what is set, or the kernel cannot now).
// Events: update.
func (d *Daemon) jobContainerUpdate(job *engine.Job) error {
	if job.GetenvBool("keep") {
		if err := d.Keep(job.Args[0]); err != nil {
			return err
		}
		return job.WriteJSON(api.ContainerUpdated{Warnings: []string{}})
	}
	opt, err := decodeUpdate(job)
	if err != nil {
		return err
	}
	warnings, err := d.Update(job.Context(), opt, job.Phase)
	if err != nil {
		return err
	}
	if warnings == nil {
		warnings = []string{}
	}
	return job.WriteJSON(api.ContainerUpdated{Warnings: warnings})
}

// Update changes a container for good: in the kernel, if it runs, in memory and
// on disk. When it fails, nothing of it has changed. One at a time changes a
// container; a start that is under way is waited for, so that the processes have
// either the limits of before or are given the new ones.
func (d *Daemon) Update(ctx context.Context, opt updateOptions, mark marks) (warnings []string, err error) {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return nil, err
	}
	wrap := func(err error) error {
		return fmt.Errorf("Cannot update container %s: %w", opt.Name, err) //nolint:staticcheck // classic text
	}
	if err := c.updating.take(ctx); err != nil {
		return nil, err
	}
	defer c.updating.give()
	if _, err := c.decided(ctx); err != nil {
		return nil, err
	}
	asked := &runconfig.HostConfig{Resources: opt.Resources}
	warnings = discard(d.execInfo, asked)
	asked.RestartPolicy = opt.RestartPolicy
	var before, after *runconfig.HostConfig
	s, err := c.update(func(s *snapshot) (err error) {
		if s.state.Phase >= removing {
			return errdefs.Conflict(`container is marked for removal and cannot be "update"`)
		}
		before = s.host
		if after, err = merged(before, asked); err != nil {
			return err
		}
		d.fillLimits(after)
		s.host = after
		if err := checkRestart(s.rec.Config, after); err != nil {
			return err
		}
		return d.checkLimits(s.rec.Config, after)
	})
	if err != nil {
		return nil, wrap(err)
	}
	mark.done("plan")
	undo := func() {
		_, _ = c.update(func(s *snapshot) error { s.host = restored(s.host, before); return nil })
	}
	more, err := d.limitRunning(ctx, c, asked, after)
	if err != nil {
		undo()
		return nil, wrap(err)
	}
	mark.done("limits")
	if err := d.saveConfig(c); err != nil {
		undo()
		_, back := d.limitRunning(context.WithoutCancel(ctx), c, before, before)
		return nil, wrap(errors.Join(err, back))
	}
	mark.done("keep")
	d.event(ctx, s, "update", nil)
	return append(warnings, more...), nil
}

// limitRunning gives limits to the processes of a container, if it has any.
func (d *Daemon) limitRunning(ctx context.Context, c *container, asked, all *runconfig.HostConfig) ([]string, error) {
	if s, err := c.decided(ctx); err != nil || !s.state.active() {
		return nil, err
	}
	r, err := d.resources(asked)
	if err != nil {
		return nil, err
	}
	r.Rlimits = nil
	if asked.PidsLimit != nil && *asked.PidsLimit <= 0 {
		r.PidsLimit = -1
	}
	if r.Memory != 0 || r.MemorySwap != 0 { // the kernel knows them together only
		r.Memory, r.MemorySwap = all.Memory, all.MemorySwap
	}
	warnings, err := d.opt.Exec.Update(ctx, c.id, r)
	if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		if !c.now().state.active() {
			return nil, nil // it has ended: the next start takes them
		}
	}
	return warnings, err
}

// merged puts what is asked for over what a container has.
func merged(have, asked *runconfig.HostConfig) (*runconfig.HostConfig, error) {
	if err := conflicts(have, asked); err != nil {
		return nil, err
	}
	all := *have
	r, a := &all.Resources, &asked.Resources
	for _, n := range []struct{ to, from *int64 }{
		{&r.CpuShares, &a.CpuShares}, {&r.NanoCpus, &a.NanoCpus}, {&r.CpuPeriod, &a.CpuPeriod}, {&r.CpuQuota, &a.CpuQuota},
		{&r.CpuRealtimePeriod, &a.CpuRealtimePeriod}, {&r.CpuRealtimeRuntime, &a.CpuRealtimeRuntime},
		{&r.Memory, &a.Memory}, {&r.MemorySwap, &a.MemorySwap}, {&r.MemoryReservation, &a.MemoryReservation},
	} {
		if *n.from != 0 {
			*n.to = *n.from
		}
	}
	if a.CpusetCpus != "" {
		r.CpusetCpus = a.CpusetCpus
	}
	if a.CpusetMems != "" {
		r.CpusetMems = a.CpusetMems
	}
	if a.BlkioWeight != 0 {
		r.BlkioWeight = a.BlkioWeight
	}
	if a.PidsLimit != nil {
		r.PidsLimit = a.PidsLimit
	}
	if a.MemorySwappiness != nil {
		r.MemorySwappiness = a.MemorySwappiness
	}
	for _, l := range []struct{ to, from *[]runconfig.ThrottleDevice }{
		{&r.BlkioDeviceReadBps, &a.BlkioDeviceReadBps}, {&r.BlkioDeviceWriteBps, &a.BlkioDeviceWriteBps},
		{&r.BlkioDeviceReadIOps, &a.BlkioDeviceReadIOps}, {&r.BlkioDeviceWriteIOps, &a.BlkioDeviceWriteIOps},
	} {
		if *l.from != nil {
			*l.to = *l.from
		}
	}
	if a.BlkioWeightDevice != nil {
		r.BlkioWeightDevice = a.BlkioWeightDevice
	}
	if asked.RestartPolicy.Name != "" {
		all.RestartPolicy = asked.RestartPolicy
	}
	return &all, nil
}

// conflicts tells what cannot be changed because of what is set.
func conflicts(have, asked *runconfig.HostConfig) error {
	policy := asked.RestartPolicy.Name
	switch {
	case asked.NanoCpus > 0 && have.CpuPeriod > 0:
		return errdefs.Conflict("Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set")
	case asked.NanoCpus > 0 && have.CpuQuota > 0:
		return errdefs.Conflict("Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set")
	case asked.CpuPeriod > 0 && have.NanoCpus > 0:
		return errdefs.Conflict("Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set")
	case asked.CpuQuota > 0 && have.NanoCpus > 0:
		return errdefs.Conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set")
	case asked.Memory > 0 && asked.MemorySwap == 0 && have.MemorySwap > 0 && asked.Memory > have.MemorySwap:
		return errdefs.Conflict("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time")
	case policy != "" && policy != "no" && have.AutoRemove:
		return errdefs.Conflict("Restart policy cannot be updated because AutoRemove is enabled for the container")
	}
	return nil
}

// restored takes an update back; what others have changed meanwhile stays.
func restored(now, before *runconfig.HostConfig) *runconfig.HostConfig {
	host := *now
	host.Resources, host.RestartPolicy = before.Resources, before.RestartPolicy
	return &host
}

// turn is a lock that is waited for with a context. It may be held across I/O.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }
