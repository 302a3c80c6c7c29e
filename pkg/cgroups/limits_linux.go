package cgroups

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// Limits are what a group may use. Zero means no limit, and for Update no change;
// then -1 takes away a limit of memory, swap, quota or processes. Sizes are bytes,
// periods microseconds.
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
	CPURtPeriod       int64  `json:"cpu_rt_period,omitempty"`
	CPURtRuntime      int64  `json:"cpu_rt_runtime,omitempty"`
	BlkioWeight       uint16 `json:"blkio_weight,omitempty"`

	BlkioWeightDevice    []WeightDevice   `json:"blkio_weight_device,omitempty"`
	BlkioDeviceReadBps   []ThrottleDevice `json:"blkio_read_bps,omitempty"`
	BlkioDeviceWriteBps  []ThrottleDevice `json:"blkio_write_bps,omitempty"`
	BlkioDeviceReadIOps  []ThrottleDevice `json:"blkio_read_iops,omitempty"`
	BlkioDeviceWriteIOps []ThrottleDevice `json:"blkio_write_iops,omitempty"`

	Devices     []Rule `json:"devices,omitempty"` // what is allowed, when DenyDevices
	DenyDevices bool   `json:"deny_devices,omitempty"`
}

// Rule allows a device.
type Rule struct {
	Type        byte   `json:"type"`  // 'a', 'c' or 'b'
	Major       int64  `json:"major"` // -1: any
	Minor       int64  `json:"minor"`
	Permissions string `json:"permissions"` // subset of "rwm"
}

// createV1 writes the limits of a new group, which has none yet.
func (l *Layout) createV1(g *Group, r *Limits) ([]string, error) {
	var p plan
	p.limitV1(g, r)
	p.set(r.OomKillDisable, "the out-of-memory killer", g.Paths["memory"], "memory.oom_control", "1")
	if r.DenyDevices {
		dev := g.Paths["devices"]
		p.set(true, "the set of devices", dev, "devices.deny", "a")
		for _, d := range r.Devices {
			p.set(dev != "", "the set of devices", dev, "devices.allow", d.String())
		}
	}
	if r.CPURtRuntime > 0 && g.Paths["cpu"] != "" {
		if err := l.grantRealtime(filepath.Dir(g.Paths["cpu"])); err != nil {
			return nil, err
		}
	}
	return p.run()
}

// limitV1 plans the limits that can be set at any time.
func (p *plan) limitV1(g *Group, r *Limits) {
	p.memoryV1(g.Paths["memory"], r)
	p.cpuV1(g.Paths["cpu"], r)
	p.set(r.CpusetCpus != "", "the set of cpus", g.Paths["cpuset"], "cpuset.cpus", r.CpusetCpus)
	p.set(r.CpusetMems != "", "the set of memory nodes", g.Paths["cpuset"], "cpuset.mems", r.CpusetMems)
	p.set(r.PidsLimit != 0, "the number of processes", g.Paths["pids"], "pids.max", orMax(r.PidsLimit))
	dir, weight := g.Paths["blkio"], ""
	if r.BlkioWeight > 0 || len(r.BlkioWeightDevice) > 0 {
		weight = oneOf(dir, "blkio.weight", "blkio.bfq.weight")
	}
	p.set(r.BlkioWeight > 0, "block io weight", dir, weight, num(int64(r.BlkioWeight)))
	for _, d := range r.BlkioWeightDevice {
		p.device("block io weight", dir, weight+"_device", d.Major, d.Minor, "", num(int64(d.Weight)), "default")
	}
	for _, t := range r.throttles() {
		for _, d := range t.devices {
			p.device(t.what, dir, t.v1, d.Major, d.Minor, "", strconv.FormatUint(d.Rate, 10), "0")
		}
	}
}

// memoryV1 plans memory, and memory with swap. Their order matters: the sum may
// at no time be below the first.
func (p *plan) memoryV1(dir string, r *Limits) {
	if r.Memory != 0 || r.MemorySwap != 0 {
		p.memoryAndSwapV1(dir, r)
	}
	p.set(r.MemoryReservation != 0, "memory reservation", dir, "memory.soft_limit_in_bytes", num(r.MemoryReservation))
	if r.MemorySwappiness != nil {
		p.set(*r.MemorySwappiness >= 0, "swappiness", dir, "memory.swappiness", num(*r.MemorySwappiness))
	}
}

func (p *plan) memoryAndSwapV1(dir string, r *Limits) {
	swap := r.MemorySwap
	if swap == 0 && r.Memory > 0 {
		swap = doubled(r.Memory)
	}
	const memoryFile, swapFile = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
	// What nobody asked for is no loss where there is no such file.
	asked := r.MemorySwap != 0 || has(dir, swapFile)
	memory := func() { p.set(r.Memory != 0, "memory", dir, memoryFile, num(r.Memory)) }
	sum := func() { p.set(swap != 0 && asked, "swap", dir, swapFile, num(swap)) }
	now := readInt(dir, swapFile)
	if now > 0 && (r.Memory > now || r.Memory < 0) {
		sum()
		memory()
	} else {
		memory()
		sum()
	}
}

// doubled is the default of memory with swap.
func doubled(memory int64) int64 {
	if memory > math.MaxInt64/2 {
		return -1
	}
	return 2 * memory
}

// cpuV1 plans shares, quota and real-time. A period is judged together with the
// quota that is there: the one that makes room goes first.
func (p *plan) cpuV1(dir string, r *Limits) {
	p.set(r.CPUShares > 0, "cpu shares", dir, "cpu.shares", num(r.CPUShares))
	pair := func(what string, period, quota int64, periodFile, quotaFile string) {
		first := period
		if quota > 0 && period > 0 && period < readInt(dir, periodFile) {
			first = 0 // the old quota may be more than the new period can bear
		}
		p.set(first > 0, what+" period", dir, periodFile, num(period))
		p.set(quota != 0, what+" quota", dir, quotaFile, num(quota))
		p.set(first == 0 && period > 0, what+" period", dir, periodFile, num(period))
	}
	pair("cpu", r.CPUPeriod, r.CPUQuota, "cpu.cfs_period_us", "cpu.cfs_quota_us")
	pair("real-time cpu", r.CPURtPeriod, r.CPURtRuntime, "cpu.rt_period_us", "cpu.rt_runtime_us")
}

// grantRealtime lets the parents of a group have as much real-time as the host's
// own group: a new one has none, and cannot give any.
func (l *Layout) grantRealtime(dir string) error {
	base := l.dirs["cpu"]
	if len(dir) <= len(base) || !strings.HasPrefix(dir, base) {
		return nil
	}
	if err := l.grantRealtime(filepath.Dir(dir)); err != nil {
		return err
	}
	runtime := readInt(base, "cpu.rt_runtime_us")
	if runtime <= 0 || readInt(dir, "cpu.rt_runtime_us") > 0 {
		return nil
	}
	return write(dir, "cpu.rt_runtime_us", num(runtime))
}

// throttle is one of the four kinds of limits on devices.
type throttle struct {
	what, v1, v2 string
	devices      []ThrottleDevice
}

func (r *Limits) throttles() [4]throttle {
	return [...]throttle{
		{"the rate of reading", "blkio.throttle.read_bps_device", "rbps", r.BlkioDeviceReadBps},
		{"the rate of writing", "blkio.throttle.write_bps_device", "wbps", r.BlkioDeviceWriteBps},
		{"the number of reads", "blkio.throttle.read_iops_device", "riops", r.BlkioDeviceReadIOps},
		{"the number of writes", "blkio.throttle.write_iops_device", "wiops", r.BlkioDeviceWriteIOps},
	}
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

// createV2 writes the limits of a new group.
func (l *Layout) createV2(dir string, r *Limits) ([]string, error) {
	var p plan
	p.limitV2(dir, r)
	if r.OomKillDisable {
		p.warn("the out-of-memory killer stays on: the unified hierarchy cannot turn it off")
	}
	warnings, err := p.run()
	if r.DenyDevices && err == nil {
		err = allowDevices(dir, r.Devices)
	}
	return warnings, err
}

// limitV2 plans the limits that can be set at any time.
func (p *plan) limitV2(dir string, r *Limits) {
	p.set(r.Memory != 0, "memory", dir, "memory.max", orMax(r.Memory))
	swap := int64(0) // none
	switch {
	case r.MemorySwap < 0 || r.Memory < 0:
		swap = -1
	case r.MemorySwap > 0:
		swap = r.MemorySwap - max(r.Memory, readIntIf(r.Memory == 0, dir, "memory.max"))
	default:
		swap = r.Memory // as much again
	}
	if r.Memory != 0 || r.MemorySwap != 0 {
		asked := r.MemorySwap != 0 || has(dir, "memory.swap.max")
		p.set(asked, "swap", dir, "memory.swap.max", orMax(max(swap, -1)))
	}
	p.set(r.MemoryReservation != 0, "memory reservation", dir, "memory.low", num(max(r.MemoryReservation, 0)))
	if r.MemorySwappiness != nil && *r.MemorySwappiness >= 0 {
		p.warn("swappiness is not set: the unified hierarchy has no such limit")
	}
	if r.CPURtPeriod > 0 || r.CPURtRuntime > 0 {
		p.warn("real-time cpu is not limited: the unified hierarchy has no such limit")
	}
	p.set(r.CPUShares > 0, "cpu shares", dir, "cpu.weight", num(weightOfShares(r.CPUShares)))
	if r.CPUQuota != 0 || r.CPUPeriod > 0 {
		now, _ := readValue(dir, "cpu.max")
		quota, period, ok := strings.Cut(now, " ")
		if !ok {
			quota, period = "max", "100000"
		}
		if r.CPUQuota != 0 {
			quota = orMax(r.CPUQuota)
		}
		if r.CPUPeriod > 0 {
			period = num(r.CPUPeriod)
		}
		p.set(true, "cpu quota", dir, "cpu.max", quota+" "+period)
	}
	p.set(r.CpusetCpus != "", "the set of cpus", dir, "cpuset.cpus", r.CpusetCpus)
	p.set(r.CpusetMems != "", "the set of memory nodes", dir, "cpuset.mems", r.CpusetMems)
	p.set(r.PidsLimit != 0, "the number of processes", dir, "pids.max", orMax(r.PidsLimit))
	p.blkioV2(dir, r)
}

func (p *plan) blkioV2(dir string, r *Limits) {
	file := ""
	if r.BlkioWeight > 0 || len(r.BlkioWeightDevice) > 0 {
		file = oneOf(dir, "io.bfq.weight", "io.weight")
	}
	weight := func(w uint16) string {
		if file == "io.bfq.weight" {
			return num(int64(w))
		}
		return num(1 + (int64(w)-10)*9999/990)
	}
	p.set(r.BlkioWeight > 0, "block io weight", dir, file, weight(r.BlkioWeight))
	for _, d := range r.BlkioWeightDevice {
		p.device("block io weight", dir, file, d.Major, d.Minor, "", weight(d.Weight), "default")
	}
	for _, t := range r.throttles() {
		for _, d := range t.devices {
			rate := "max"
			if d.Rate > 0 {
				rate = strconv.FormatUint(d.Rate, 10)
			}
			p.device(t.what, dir, "io.max", d.Major, d.Minor, t.v2, rate, "max")
		}
	}
}

// weightOfShares maps 2…262144 to 1…10000 so that 1024, the default, becomes 100,
// the other default: the curve that the runtimes have agreed on.
func weightOfShares(shares int64) int64 {
	switch {
	case shares <= 2:
		return 1
	case shares >= 262144:
		return 10000
	}
	l := math.Log2(float64(shares))
	return int64(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}
