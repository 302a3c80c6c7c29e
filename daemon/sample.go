package daemon

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// run is a sample and the start of the run that it is of.
type run struct {
	stats   *api.Stats
	started time.Time
}

// sample reads what a container uses now; nil when it does not run.
func (d *Daemon) sample(ctx context.Context, c *container) (*api.Stats, run, error) {
	s := c.now()
	now := run{started: s.state.StartedAt}
	if s.state.Pid == 0 {
		return nil, now, nil
	}
	raw, err := d.opt.Exec.Stats(ctx, c.id)
	switch {
	case errdefs.IsConflict(err), errdefs.IsNotFound(err): // it has just ended
		return nil, now, nil
	case err != nil:
		return nil, now, err
	}
	out := &api.Stats{
		Read: raw.Read, PidsStats: api.PidsStats(raw.Pids), BlkioStats: blkioStats(&raw.Blkio),
		CPUStats: api.CPUStats{
			CPUUsage: api.CPUUsage{
				Total: raw.CPU.Total, PerCPU: raw.CPU.PerCPU, Kernel: raw.CPU.Kernel, User: raw.CPU.User,
			},
			ThrottlingData: api.ThrottlingData{
				Periods: raw.CPU.Periods, ThrottledPeriods: raw.CPU.Throttled, ThrottledTime: raw.CPU.ThrottledTime,
			},
		},
		MemoryStats: api.MemoryStats{
			Usage: raw.Memory.Usage, MaxUsage: raw.Memory.MaxUsage, Failcnt: raw.Memory.Failcnt,
			Limit: min(raw.Memory.Limit, uint64(d.host.memory)), Stats: make(map[string]uint64, len(raw.Memory.Stats)),
		},
	}
	for _, m := range raw.Memory.Stats {
		out.MemoryStats.Stats[m.Name] = m.Value
	}
	out.CPUStats.SystemUsage, out.CPUStats.OnlineCPUs = hostCPU(d.opt.ProcDir + "/stat")
	if kind, _ := networkMode(s.host); kind != "host" {
		out.Networks = interfaces(d.opt.ProcDir + "/" + strconv.Itoa(s.state.Pid) + "/net/dev")
	}
	return out, now, nil
}

func blkioStats(b *execdriver.BlkioStats) api.BlkioStats {
	list := func(from []execdriver.BlkioEntry) []api.BlkioEntry {
		if from == nil {
			return nil
		}
		to := make([]api.BlkioEntry, len(from))
		for i, e := range from {
			to[i] = api.BlkioEntry(e)
		}
		return to
	}
	return api.BlkioStats{
		ServiceBytes: list(b.ServiceBytes), Serviced: list(b.Serviced), Queued: list(b.Queued),
		ServiceTime: list(b.ServiceTime), WaitTime: list(b.WaitTime), Merged: list(b.Merged), Time: list(b.Time),
		Sectors: list(b.Sectors),
	}
}

// hostCPU reads the time of all processors together, in nanoseconds, idle time
// too, and how many there are, from proc(5) stat.
func hostCPU(path string) (total uint64, online uint32) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0
	}
	const tick = uint64(time.Second / 100)
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("cpu"))
		if !ok {
			break // processors come first
		}
		if rest[0] != ' ' {
			online++
			continue
		}
		for i, f := range bytes.Fields(rest) {
			if i == 7 { // what follows is part of the others
				break
			}
			n, _ := strconv.ParseUint(string(f), 10, 64)
			total += n * tick
		}
	}
	return total, online
}

// interfaces reads the counters of all interfaces but the loopback from the
// net/dev of a process, which is that of its network namespace. Nil: there are
// none, or the process is gone.
func interfaces(path string) map[string]api.NetworkStats {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var all map[string]api.NetworkStats
	for line := range bytes.Lines(text) {
		name, rest, ok := bytes.Cut(line, []byte{':'}) // the two lines of the head have none
		if name = bytes.TrimSpace(name); !ok || string(name) == "lo" {
			continue
		}
		var n [12]uint64
		i := 0
		for f := range bytes.FieldsSeq(rest) {
			if i < len(n) {
				n[i], _ = strconv.ParseUint(string(f), 10, 64)
			}
			i++
		}
		if all == nil {
			all = make(map[string]api.NetworkStats, 1)
		}
		all[string(name)] = api.NetworkStats{
			RxBytes: n[0], RxPackets: n[1], RxErrors: n[2], RxDropped: n[3],
			TxBytes: n[8], TxPackets: n[9], TxErrors: n[10], TxDropped: n[11],
		}
	}
	return all
}
