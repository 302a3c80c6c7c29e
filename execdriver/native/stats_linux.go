package native

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/pkg/cgroups"
)

// Stats reads what a container uses. The files of its group are all that it
// takes; the exec engine is not asked.
func (d *Driver) Stats(_ context.Context, id string) (s *execdriver.Stats, err error) {
	err = d.withGroup(id, "reading the statistics of", func(g *cgroups.Group) error {
		s, err = g.Stats()
		return err
	})
	return s, err
}

// Update changes limits of a running container. The kernel is who remembers
// them: an exec engine that is raised anew has nothing to know of it.
func (d *Driver) Update(_ context.Context, id string, r execdriver.Resources) (warnings []string, err error) {
	h, err := d.get(id)
	if err != nil {
		return nil, err
	}
	notRunning := errdefs.Conflict("container %s is not running", id)
	group, limits := h.group(), groupLimits(&r)
	if group == nil {
		return nil, notRunning
	}
	warnings, err = group.Update(&limits)
	switch {
	case err != nil && (!h.running() || isGone(err)):
		return nil, notRunning
	case errors.Is(err, unix.EBUSY):
		return nil, errdefs.Conflict("%w", err)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE), errors.Is(err, unix.ENODEV), errors.Is(err, unix.EACCES):
		return nil, errdefs.InvalidArgument("%w", err)
	}
	return warnings, err
}

// groupLimits are the resources that a control group limits.
func groupLimits(r *execdriver.Resources) cgroups.Limits {
	return cgroups.Limits{
		Memory: r.Memory, MemorySwap: r.MemorySwap, MemoryReservation: r.MemoryReservation,
		MemorySwappiness: r.MemorySwappiness, OomKillDisable: r.OomKillDisable,
		CPUShares: r.CPUShares, CPUPeriod: r.CPUPeriod, CPUQuota: r.CPUQuota,
		CPURtPeriod: r.CPURtPeriod, CPURtRuntime: r.CPURtRuntime,
		CpusetCpus: r.CpusetCpus, CpusetMems: r.CpusetMems,
		PidsLimit: r.PidsLimit, BlkioWeight: r.BlkioWeight, BlkioWeightDevice: r.BlkioWeightDevice,
		BlkioDeviceReadBps: r.BlkioDeviceReadBps, BlkioDeviceWriteBps: r.BlkioDeviceWriteBps,
		BlkioDeviceReadIOps: r.BlkioDeviceReadIOps, BlkioDeviceWriteIOps: r.BlkioDeviceWriteIOps,
	}
}
