package fake

import (
	"context"
	"math"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// Stats implements execdriver.Driver. A container of the fake uses half a
// processor since its start, 1 MiB of memory, and one process each for itself
// and its execs.
func (d *Driver) Stats(_ context.Context, id string) (*execdriver.Stats, error) {
	p, err := d.world.container(id)
	if err != nil {
		return nil, err
	}
	s := &execdriver.Stats{Read: time.Now().UTC(), V2: true}
	s.CPU.Total = uint64(time.Since(p.started)) / 2
	s.CPU.User = s.CPU.Total
	s.Memory.Usage, s.Memory.Limit = 1<<20, math.MaxUint64
	d.world.each(p, func(*process) { s.Pids.Current++ })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.resources.Memory > 0 {
		s.Memory.Limit = uint64(p.resources.Memory)
	}
	s.Pids.Limit = uint64(max(p.resources.PidsLimit, 0))
	return s, nil
}

// Update implements execdriver.Driver. CPUs above 1023 do not exist.
func (d *Driver) Update(_ context.Context, id string, r execdriver.Resources) ([]string, error) {
	p, err := d.world.container(id)
	if err != nil {
		return nil, err
	}
	if r.CpusetCpus == "1024" {
		return nil, errdefs.InvalidArgument("the set of cpus cannot be set to %s", r.CpusetCpus)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.resources.Memory, r.Memory)
	change(&p.resources.MemorySwap, r.MemorySwap)
	change(&p.resources.MemoryReservation, r.MemoryReservation)
	change(&p.resources.CPUShares, r.CPUShares)
	change(&p.resources.CPUPeriod, r.CPUPeriod)
	change(&p.resources.CPUQuota, r.CPUQuota)
	change(&p.resources.PidsLimit, r.PidsLimit)
	return nil, nil
}

// change sets what is set.
func change(limit *int64, to int64) {
	if to != 0 {
		*limit = to
	}
}

// Limits returns what the command, or Update, set last.
func (d *Driver) Limits(id string) execdriver.Resources {
	p, err := d.world.find(id)
	if err != nil {
		return execdriver.Resources{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resources
}

// OnOOM implements execdriver.Driver.
func (d *Driver) OnOOM(f func(id string)) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	d.world.onOOM = f
}

// OOM is a kill for lack of memory in a container, which lives on.
func (w *World) OOM(id string) {
	w.mu.Lock()
	tell := w.onOOM
	w.mu.Unlock()
	if tell != nil {
		tell(id)
	}
}
