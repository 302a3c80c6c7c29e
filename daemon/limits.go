package daemon

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

const minMemory = 6 << 20

// checkLimits judges the limits that can be judged without the kernel.
func (d *Daemon) checkLimits(_ *runconfig.Config, h *runconfig.HostConfig) error {
	if err := checkMemory(h); err != nil {
		return err
	}
	if err := checkCPU(h); err != nil {
		return err
	}
	switch {
	case h.BlkioWeight != 0 && (h.BlkioWeight < 10 || h.BlkioWeight > 1000):
		return errdefs.InvalidArgument("range of blkio weight is from 10 to 1000")
	case h.ShmSize < 0:
		return errdefs.InvalidArgument("SHM size can not be less than 0")
	case h.OomScoreAdj < -1000 || h.OomScoreAdj > 1000:
		return errdefs.InvalidArgument("Invalid value %d, range for oom score adj is [-1000, 1000]", h.OomScoreAdj)
	}
	for _, u := range h.Ulimits {
		if _, known := rlimits[u.Name]; !known {
			return errdefs.InvalidArgument("invalid ulimit type: %s", u.Name)
		}
		if u.Hard >= 0 && (u.Soft > u.Hard || u.Soft < 0) {
			return errdefs.InvalidArgument("ulimit soft limit must be less than or equal to hard limit: %d > %d", u.Soft, u.Hard)
		}
	}
	return nil
}

func checkMemory(h *runconfig.HostConfig) error {
	switch {
	case h.Memory < 0 || h.MemoryReservation < 0:
		return errdefs.InvalidArgument("memory limits must not be negative")
	case h.Memory > 0 && h.Memory < minMemory:
		return errdefs.InvalidArgument("Minimum memory limit allowed is 6MB")
	case h.Memory > 0 && h.MemorySwap > 0 && h.MemorySwap < h.Memory:
		return errdefs.InvalidArgument("Minimum memoryswap limit should be larger than memory limit, see usage")
	case h.Memory == 0 && h.MemorySwap > 0:
		return errdefs.InvalidArgument("You should always set the Memory limit when using Memoryswap limit, see usage")
	case h.MemorySwap < -1:
		return errdefs.InvalidArgument("memory swap limit must be positive, or -1 for none")
	case h.MemorySwappiness != nil && (*h.MemorySwappiness < -1 || *h.MemorySwappiness > 100):
		return errdefs.InvalidArgument("Invalid value: %d, valid memory swappiness range is 0-100", *h.MemorySwappiness)
	case h.MemoryReservation > 0 && h.MemoryReservation < minMemory:
		return errdefs.InvalidArgument("Minimum memory reservation allowed is 6MB")
	case h.Memory > 0 && h.MemoryReservation > h.Memory:
		return errdefs.InvalidArgument("Minimum memory limit can not be less than memory reservation limit, see usage")
	}
	return nil
}

func checkCPU(h *runconfig.HostConfig) error {
	switch {
	case h.NanoCpus < 0 || h.CpuShares < 0 || h.CpuPeriod < 0:
		return errdefs.InvalidArgument("CPU limits must not be negative")
	case h.NanoCpus > 0 && (h.CpuPeriod > 0 || h.CpuQuota > 0):
		return errdefs.InvalidArgument("Conflicting options: Nano CPUs and CPU period or quota cannot both be set")
	case h.NanoCpus > int64(runtime.NumCPU())*1e9 || h.NanoCpus > 0 && h.NanoCpus < 1e7:
		return errdefs.InvalidArgument("range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available",
			runtime.NumCPU(), runtime.NumCPU())
	case h.CpuPeriod != 0 && (h.CpuPeriod < 1000 || h.CpuPeriod > 1000000):
		return errdefs.InvalidArgument("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
	case h.CpuQuota > 0 && h.CpuQuota < 1000:
		return errdefs.InvalidArgument("CPU cfs quota can not be less than 1ms (i.e. 1000)")
	case h.CpuRealtimePeriod != 0 || h.CpuRealtimeRuntime != 0:
		return errdefs.InvalidArgument("real-time CPU limits are not supported by this engine")
	}
	if !validSet(h.CpusetCpus) {
		return errdefs.InvalidArgument("Invalid value %s for cpuset cpus", h.CpusetCpus)
	}
	if !validSet(h.CpusetMems) {
		return errdefs.InvalidArgument("Invalid value %s for cpuset mems", h.CpusetMems)
	}
	return nil
}

// validSet tells whether text is like "0-2,4".
func validSet(text string) bool {
	if text == "" {
		return true
	}
	for part := range strings.SplitSeq(text, ",") {
		a, b, isRange := strings.Cut(part, "-")
		first, err := strconv.ParseUint(a, 10, 12)
		if err != nil {
			return false
		}
		if last, err := strconv.ParseUint(b, 10, 12); isRange && (err != nil || last < first) {
			return false
		}
	}
	return true
}

// discard takes limits away that the kernel cannot enforce, and says so.
func discard(info execdriver.Info, h *runconfig.HostConfig) (warnings []string) {
	no := func(has bool, wanted bool, text string, clear func()) {
		if wanted && !has {
			warnings = append(warnings, text)
			clear()
		}
	}
	no(info.MemoryLimit, h.Memory > 0 || h.MemoryReservation > 0,
		"Your kernel does not support memory limit capabilities. Limitation discarded.",
		func() { h.Memory, h.MemorySwap, h.MemoryReservation = 0, -1, 0 })
	no(info.SwapLimit, h.Memory > 0 && h.MemorySwap != -1 && h.MemorySwap != 0,
		"Your kernel does not support swap limit capabilities. Limitation discarded.", func() { h.MemorySwap = -1 })
	no(info.OOMControl, h.OomKillDisable != nil && *h.OomKillDisable,
		"Your kernel does not support OomKillDisable. OomKillDisable discarded.", func() { h.OomKillDisable = nil })
	no(info.PidsLimit, h.PidsLimit != nil && *h.PidsLimit > 0,
		"Your kernel does not support PIDs limit capabilities. PIDs limit discarded.", func() { h.PidsLimit = nil })
	no(info.CPUShares, h.CpuShares > 0,
		"Your kernel does not support CPU shares. Shares discarded.", func() { h.CpuShares = 0 })
	no(info.CPUQuota, h.CpuPeriod > 0 || h.CpuQuota > 0 || h.NanoCpus > 0,
		"Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.",
		func() { h.CpuPeriod, h.CpuQuota, h.NanoCpus = 0, 0, 0 })
	no(info.CPUSet, h.CpusetCpus != "" || h.CpusetMems != "",
		"Your kernel does not support cpuset. Cpuset discarded.", func() { h.CpusetCpus, h.CpusetMems = "", "" })
	no(false, h.KernelMemory > 0,
		"Kernel memory limits are no longer supported by kernels. Limitation discarded.", func() { h.KernelMemory = 0 })
	no(false, len(h.BlkioDeviceReadBps)+len(h.BlkioDeviceWriteBps)+len(h.BlkioDeviceReadIOps)+
		len(h.BlkioDeviceWriteIOps)+len(h.BlkioWeightDevice) > 0,
		"Block I/O limits per device are not supported by this engine yet. Limitation discarded.", func() {
			h.BlkioDeviceReadBps, h.BlkioDeviceWriteBps, h.BlkioWeightDevice = nil, nil, nil
			h.BlkioDeviceReadIOps, h.BlkioDeviceWriteIOps = nil, nil
		})
	for _, u := range h.Ulimits {
		if _, clamped := clamp(u); clamped {
			warnings = append(warnings, "ulimit "+u.Name+" is above what this host allows its engine. It will be lowered to that.")
		}
	}
	return warnings
}

// rlimits are the numbers of the names.
var rlimits = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA,
	"fsize": unix.RLIMIT_FSIZE, "locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK,
	"msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE, "nofile": unix.RLIMIT_NOFILE,
	"nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO, "rttime": unix.RLIMIT_RTTIME,
	"sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

// clamp turns a ulimit into what this process can give: without
// CAP_SYS_RESOURCE no hard limit can be raised.
func clamp(u runconfig.Ulimit) (r execdriver.Rlimit, clamped bool) {
	r = execdriver.Rlimit{Name: u.Name, Soft: uint64(u.Soft), Hard: uint64(u.Hard)} // -1 is unlimited in both
	var have unix.Rlimit
	if canRaise() || unix.Getrlimit(rlimits[u.Name], &have) != nil || r.Hard <= have.Max {
		return r, false
	}
	r.Hard = have.Max
	r.Soft = min(r.Soft, r.Hard)
	return r, true
}

// canRaise tells whether the process has CAP_SYS_RESOURCE (number 24).
func canRaise() bool {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), "CapEff:\t")
	text, _, _ := strings.Cut(rest, "\n")
	caps, _ := strconv.ParseUint(text, 16, 64)
	return caps&(1<<24) != 0
}

// resources are the limits as the exec driver takes them.
func (d *Daemon) resources(h *runconfig.HostConfig) execdriver.Resources {
	r := execdriver.Resources{
		Memory: h.Memory, MemorySwap: h.MemorySwap, MemoryReservation: h.MemoryReservation,
		MemorySwappiness: h.MemorySwappiness, OomKillDisable: h.OomKillDisable != nil && *h.OomKillDisable,
		CPUShares: h.CpuShares, CPUPeriod: h.CpuPeriod, CPUQuota: h.CpuQuota,
		CpusetCpus: h.CpusetCpus, CpusetMems: h.CpusetMems, BlkioWeight: h.BlkioWeight,
	}
	if h.NanoCpus > 0 {
		r.CPUPeriod, r.CPUQuota = 100000, h.NanoCpus/10000
	}
	if h.PidsLimit != nil && *h.PidsLimit > 0 {
		r.PidsLimit = *h.PidsLimit
	}
	have := map[string]bool{}
	for _, u := range h.Ulimits {
		limit, _ := clamp(u)
		r.Rlimits = append(r.Rlimits, limit)
		have[u.Name] = true
	}
	for _, u := range d.ulimits {
		if !have[u.Name] {
			limit, _ := clamp(u)
			r.Rlimits = append(r.Rlimits, limit)
		}
	}
	return r
}
