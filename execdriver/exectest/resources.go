package exectest

import (
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// stats reads samples of a container until it has ended.
func stats(s *suite) {
	cmd := s.command("sleep", "60")
	cmd.Resources.Memory, cmd.Resources.PidsLimit = 64<<20, 20
	s.start(cmd, execdriver.Output{})
	first, err := s.d.Stats(s.ctx, cmd.ID)
	if err != nil {
		s.Fatal(err)
	}
	if first.Memory.Limit != 64<<20 || first.Pids.Current != 1 || first.Pids.Limit != 20 {
		s.Errorf("memory %+v, pids %+v", first.Memory, first.Pids)
	}
	if time.Since(first.Read).Abs() > time.Minute {
		s.Errorf("read at %v", first.Read)
	}
	began := time.Now()
	const n = 50
	for range n {
		next, err := s.d.Stats(s.ctx, cmd.ID)
		if err != nil {
			s.Fatal(err)
		}
		if next.Read.Before(first.Read) || next.CPU.Total < first.CPU.Total {
			s.Errorf("%+v after %+v", next.CPU, first.CPU)
		}
	}
	if took := time.Since(began) / n; took > 5*time.Millisecond && !testing.Short() { // short: an emulated machine
		s.Errorf("a sample takes %v", took)
	}
	if err := s.d.Signal(s.ctx, cmd.ID, 9); err != nil {
		s.Fatal(err)
	}
	s.wait(cmd.ID)
	_, err = s.d.Stats(s.ctx, cmd.ID)
	s.kind(err, errdefs.KindConflict, "statistics after the end")
	_, err = s.d.Stats(s.ctx, "nobody")
	s.kind(err, errdefs.KindNotFound, "statistics of nobody")
}

// update changes limits, all or none, and finds them in the statistics.
func update(s *suite) {
	cmd := s.command("sleep", "60")
	cmd.Resources.Memory, cmd.Resources.MemorySwap = 64<<20, 128<<20
	s.start(cmd, execdriver.Output{})
	limits := func(memory, pids uint64) {
		s.Helper()
		st, err := s.d.Stats(s.ctx, cmd.ID)
		if err != nil {
			s.Fatal(err)
		}
		if st.Memory.Limit != memory || st.Pids.Limit != pids {
			s.Errorf("memory %d, pids %d; want %d and %d", st.Memory.Limit, st.Pids.Limit, memory, pids)
		}
	}
	limits(64<<20, 0)
	for _, step := range []struct {
		r            execdriver.Resources
		memory, pids uint64
	}{
		{execdriver.Resources{PidsLimit: 33}, 64 << 20, 33},
		{execdriver.Resources{Memory: 256 << 20, MemorySwap: 512 << 20, CPUShares: 77}, 256 << 20, 33},
		{execdriver.Resources{Memory: 32 << 20, MemorySwap: 32 << 20, CPUPeriod: 10000, CPUQuota: 5000}, 32 << 20, 33},
		{execdriver.Resources{PidsLimit: -1, CPUQuota: -1}, 32 << 20, 0},
	} {
		if _, err := s.d.Update(s.ctx, cmd.ID, step.r); err != nil {
			s.Fatalf("%+v: %v", step.r, err)
		}
		limits(step.memory, step.pids)
	}
	_, err := s.d.Update(s.ctx, cmd.ID, execdriver.Resources{Memory: 48 << 20, MemorySwap: 48 << 20, CpusetCpus: "1024"})
	s.kind(err, errdefs.KindInvalidArgument, "a processor that does not exist")
	limits(32<<20, 0)
	if err := s.d.Signal(s.ctx, cmd.ID, 9); err != nil {
		s.Fatal(err)
	}
	s.wait(cmd.ID)
	_, err = s.d.Update(s.ctx, cmd.ID, execdriver.Resources{PidsLimit: 5})
	s.kind(err, errdefs.KindConflict, "update after the end")
	_, err = s.d.Update(s.ctx, "nobody", execdriver.Resources{PidsLimit: 5})
	s.kind(err, errdefs.KindNotFound, "update of nobody")
}
