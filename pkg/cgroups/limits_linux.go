package cgroups

import (
	"errors"
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"
)

// Limits are what a group may use. Zero means no limit; sizes are bytes, periods
// microseconds.
type Limits struct {
	Memory            int64  `json:"memory,omitempty"`
	MemorySwap        int64  `json:"memory_swap,omitempty"` // memory and swap together; -1: no limit
	MemoryReservation int64  `json:"memory_reservation,omitempty"`
	MemorySwappiness  *int64 `json:"memory_swappiness,omitempty"`
	OomKillDisable    bool   `json:"oom_kill_disable,omitempty"`
	CPUShares         int64  `json:"cpu_shares,omitempty"`
	CPUPeriod         int64  `json:"cpu_period,omitempty"`
	CPUQuota          int64  `json:"cpu_quota,omitempty"`
	CpusetCpus        string `json:"cpuset_cpus,omitempty"`
	CpusetMems        string `json:"cpuset_mems,omitempty"`
	PidsLimit         int64  `json:"pids_limit,omitempty"`
	BlkioWeight       uint16 `json:"blkio_weight,omitempty"`
	Devices           []Rule `json:"devices,omitempty"` // what is allowed, when DenyDevices
	DenyDevices       bool   `json:"deny_devices,omitempty"`
}

// Rule allows a device.
type Rule struct {
	Type        byte   `json:"type"`  // 'a', 'c' or 'b'
	Major       int64  `json:"major"` // -1: any
	Minor       int64  `json:"minor"`
	Permissions string `json:"permissions"` // subset of "rwm"
}

// setter writes values and turns what the host lacks into warnings.
type setter struct {
	warnings []string
	err      error
}

// set writes a value. what is the name of the limit for people.
func (s *setter) set(ok bool, what, dir, file, value string) {
	if !ok || s.err != nil {
		return
	}
	if dir == "" {
		s.warnings = append(s.warnings, what+" is not limited: the host lacks the controller")
		return
	}
	err := write(dir, file, value)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EOPNOTSUPP) {
		s.warnings = append(s.warnings, what+" is not limited: the host lacks "+file)
		return
	}
	s.err = err
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

// limitV1 writes the limits. The order of memory and swap matters: the sum may
// never be below the first.
func (l *Layout) limitV1(g *Group, r *Limits) ([]string, error) {
	var s setter
	mem, cpu := g.Paths["memory"], g.Paths["cpu"]
	s.set(r.Memory > 0, "memory", mem, "memory.limit_in_bytes", num(r.Memory))
	swap := r.MemorySwap
	if swap == 0 {
		swap = 2 * r.Memory
	}
	s.set(r.Memory > 0 && swap > 0, "swap", mem, "memory.memsw.limit_in_bytes", num(swap))
	s.set(r.MemoryReservation > 0, "memory reservation", mem, "memory.soft_limit_in_bytes", num(r.MemoryReservation))
	if r.MemorySwappiness != nil {
		s.set(*r.MemorySwappiness >= 0, "swappiness", mem, "memory.swappiness", num(*r.MemorySwappiness))
	}
	s.set(r.OomKillDisable, "the out-of-memory killer", mem, "memory.oom_control", "1")
	s.set(r.CPUShares > 0, "cpu shares", cpu, "cpu.shares", num(r.CPUShares))
	s.set(r.CPUPeriod > 0, "cpu period", cpu, "cpu.cfs_period_us", num(r.CPUPeriod))
	s.set(r.CPUQuota > 0, "cpu quota", cpu, "cpu.cfs_quota_us", num(r.CPUQuota))
	s.set(r.CpusetCpus != "", "the set of cpus", g.Paths["cpuset"], "cpuset.cpus", r.CpusetCpus)
	s.set(r.CpusetMems != "", "the set of memory nodes", g.Paths["cpuset"], "cpuset.mems", r.CpusetMems)
	s.set(r.PidsLimit > 0, "the number of processes", g.Paths["pids"], "pids.max", num(r.PidsLimit))
	s.set(r.BlkioWeight > 0, "block io weight", g.Paths["blkio"], "blkio.weight", num(int64(r.BlkioWeight)))
	if r.DenyDevices {
		dev := g.Paths["devices"]
		s.set(true, "the set of devices", dev, "devices.deny", "a")
		for _, d := range r.Devices {
			s.set(dev != "", "the set of devices", dev, "devices.allow", d.String())
		}
	}
	return s.warnings, s.err
}

// String gives the rule as the files of v1 spell it: "c 1:* rwm".
func (d Rule) String() string {
	return string(rune(d.Type)) + " " + anyNum(d.Major) + ":" + anyNum(d.Minor) + " " + d.Permissions
}

func anyNum(n int64) string {
	if n < 0 {
		return "*"
	}
	return num(n)
}

func (l *Layout) limitV2(dir string, r *Limits) ([]string, error) {
	var s setter
	s.set(r.Memory > 0, "memory", dir, "memory.max", num(r.Memory))
	swap := r.Memory // as much again
	if r.MemorySwap > 0 {
		swap = r.MemorySwap - r.Memory
	}
	s.set(r.Memory > 0 && r.MemorySwap >= 0, "swap", dir, "memory.swap.max", num(swap))
	s.set(r.MemoryReservation > 0, "memory reservation", dir, "memory.low", num(r.MemoryReservation))
	if r.MemorySwappiness != nil && *r.MemorySwappiness >= 0 {
		s.warnings = append(s.warnings, "swappiness is not set: the unified hierarchy has no such limit")
	}
	if r.OomKillDisable {
		s.warnings = append(s.warnings, "the out-of-memory killer stays on: the unified hierarchy cannot turn it off")
	}
	s.set(r.CPUShares > 0, "cpu shares", dir, "cpu.weight", num(weightOfShares(r.CPUShares)))
	if r.CPUQuota > 0 || r.CPUPeriod > 0 {
		quota, period := "max", int64(100000)
		if r.CPUQuota > 0 {
			quota = num(r.CPUQuota)
		}
		if r.CPUPeriod > 0 {
			period = r.CPUPeriod
		}
		s.set(true, "cpu quota", dir, "cpu.max", quota+" "+num(period))
	}
	s.set(r.CpusetCpus != "", "the set of cpus", dir, "cpuset.cpus", r.CpusetCpus)
	s.set(r.CpusetMems != "", "the set of memory nodes", dir, "cpuset.mems", r.CpusetMems)
	s.set(r.PidsLimit > 0, "the number of processes", dir, "pids.max", num(r.PidsLimit))
	weight := 1 + (int64(r.BlkioWeight)-10)*9999/990
	s.set(r.BlkioWeight > 0, "block io weight", dir, "io.weight", num(weight))
	if r.DenyDevices && s.err == nil {
		if err := allowDevices(dir, r.Devices); err != nil {
			s.err = err
		}
	}
	return s.warnings, s.err
}

// weightOfShares maps 2…262144 to 1…10000.
func weightOfShares(shares int64) int64 {
	shares = min(max(shares, 2), 262144)
	return 1 + (shares-2)*9999/262142
}
