package daemon

import (
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unicode"

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
	if err := d.checkCPU(h); err != nil {
		return err
	}
	if err := checkBlkio(h); err != nil {
		return err
	}
	switch {
	case h.CgroupParent != "" && !validParent(h.CgroupParent):
		return errdefs.InvalidArgument("invalid cgroup parent %q: name a group below the root, without ..", h.CgroupParent)
	case h.ShmSize < 0:
		return errdefs.InvalidArgument("SHM size can not be less than 0")
	case h.OomScoreAdj < -1000 || h.OomScoreAdj > 1000:
		return errdefs.InvalidArgument("Invalid value %d, range for oom score adj is [-1000, 1000]", h.OomScoreAdj)
	}
	return checkUlimits(h)
}

// validParent tells whether a cgroup parent stays below the root: it is a path,
// not a way up, and of letters that a kernel's file can be named with.
func validParent(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == ".." || len(part) > 255 {
			return false
		}
	}
	return len(path) <= 1024 && !strings.ContainsFunc(path, unicode.IsControl)
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

func (d *Daemon) checkCPU(h *runconfig.HostConfig) error {
	switch {
	case h.NanoCpus < 0 || h.CpuShares < 0 || h.CpuPeriod < 0:
		return errdefs.InvalidArgument("CPU limits must not be negative")
	case h.NanoCpus > 0 && h.CpuPeriod > 0:
		return errdefs.InvalidArgument("Conflicting options: Nano CPUs and CPU Period cannot both be set")
	case h.NanoCpus > 0 && h.CpuQuota > 0:
		return errdefs.InvalidArgument("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
	case h.NanoCpus > int64(runtime.NumCPU())*1e9 || h.NanoCpus > 0 && h.NanoCpus < 1e7:
		return errdefs.InvalidArgument("range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available",
			runtime.NumCPU(), runtime.NumCPU())
	case h.CpuPeriod != 0 && (h.CpuPeriod < 1000 || h.CpuPeriod > 1000000):
		return errdefs.InvalidArgument("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
	case h.CpuQuota > 0 && h.CpuQuota < 1000:
		return errdefs.InvalidArgument("CPU cfs quota can not be less than 1ms (i.e. 1000)")
	case h.CpuRealtimePeriod < 0 || h.CpuRealtimeRuntime < 0:
		return errdefs.InvalidArgument("real-time CPU limits must not be negative")
	case (h.CpuRealtimePeriod > 0 || h.CpuRealtimeRuntime > 0) && !d.execInfo.CPURealtime:
		return errdefs.InvalidArgument("Your kernel does not support CPU real-time scheduler")
	case h.CpuRealtimePeriod > 0 && h.CpuRealtimeRuntime > h.CpuRealtimePeriod:
		return errdefs.InvalidArgument("CPU real-time runtime cannot be higher than CPU real-time period")
	}
	for _, set := range []struct{ asked, what, requested, online string }{
		{h.CpusetCpus, "cpuset cpus", "CPUs", "/sys/devices/system/cpu/online"},
		{h.CpusetMems, "cpuset mems", "memory nodes", "/sys/devices/system/node/online"},
	} {
		if set.asked == "" {
			continue
		}
		asked, ok := parseSet(set.asked)
		if !ok {
			return errdefs.InvalidArgument("Invalid value %s for %s", set.asked, set.what)
		}
		b, err := os.ReadFile(set.online)
		if err != nil {
			continue // the kernel will tell
		}
		have, _ := parseSet(strings.TrimSpace(string(b)))
		for n := range asked {
			if !have[n] {
				return errdefs.InvalidArgument("Requested %s are not available - requested %s, available: %s",
					set.requested, set.asked, strings.TrimSpace(string(b)))
			}
		}
	}
	return nil
}

// parseSet reads a list like "0-2,4". Numbers beyond 8191 are no processors.
func parseSet(text string) (set map[uint64]bool, ok bool) {
	set = map[uint64]bool{}
	for part := range strings.SplitSeq(text, ",") {
		a, b, isRange := strings.Cut(part, "-")
		first, err := strconv.ParseUint(a, 10, 13)
		if err != nil {
			return nil, false
		}
		last := first
		if isRange {
			if last, err = strconv.ParseUint(b, 10, 13); err != nil || last < first {
				return nil, false
			}
		}
		for n := first; n <= last; n++ {
			set[n] = true
		}
	}
	return set, true
}

// fillLimits sets the limits that follow from others, as inspect shows them.
func (d *Daemon) fillLimits(h *runconfig.HostConfig) {
	if h.Memory > 0 && h.MemorySwap == 0 && d.execInfo.SwapLimit && h.Memory <= math.MaxInt64/2 {
		h.MemorySwap = 2 * h.Memory
	}
}

// discard takes limits away that the kernel cannot enforce, and says so.
func discard(info execdriver.Info, h *runconfig.HostConfig) (warnings []string) {
	no := func(has bool, wanted bool, text string, clear func()) {
		if wanted && !has {
			warnings = append(warnings, text)
			clear()
		}
	}
	no(info.MemoryLimit && info.CgroupVersion != "2", h.MemorySwappiness != nil && *h.MemorySwappiness != -1,
		"Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.",
		func() { h.MemorySwappiness = nil })
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
	no(info.BlkioWeight, h.BlkioWeight > 0,
		"Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.",
		func() { h.BlkioWeight = 0 })
	no(info.BlkioWeight, len(h.BlkioWeightDevice) > 0,
		"Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.",
		func() { h.BlkioWeightDevice = nil })
	for _, t := range []struct {
		list *[]runconfig.ThrottleDevice
		name string
	}{
		{&h.BlkioDeviceReadBps, "BPS read"}, {&h.BlkioDeviceWriteBps, "BPS write"},
		{&h.BlkioDeviceReadIOps, "IOPS read"}, {&h.BlkioDeviceWriteIOps, "IOPS write"},
	} {
		no(info.BlkioThrottle, len(*t.list) > 0,
			"Your kernel does not support "+t.name+" Block I/O limit or the cgroup is not mounted. Block I/O limit discarded.",
			func() { *t.list = nil })
	}
	if h.OomKillDisable != nil && *h.OomKillDisable && h.Memory == 0 {
		warnings = append(warnings, "OOM killer is disabled for the container, but no memory limit is set, "+
			"this can result in the system running out of resources.")
	}
	for _, u := range h.Ulimits {
		if _, clamped := clamp(u); clamped {
			warnings = append(warnings, "ulimit "+u.Name+" is above what this host allows its engine. It will be lowered to that.")
		}
	}
	return warnings
}

// resources are the limits as the exec driver takes them.
func (d *Daemon) resources(h *runconfig.HostConfig) (r execdriver.Resources, err error) {
	r = execdriver.Resources{
		Memory: h.Memory, MemorySwap: h.MemorySwap, MemoryReservation: h.MemoryReservation,
		MemorySwappiness: h.MemorySwappiness, OomKillDisable: h.OomKillDisable != nil && *h.OomKillDisable,
		CPUShares: h.CpuShares, CPUPeriod: h.CpuPeriod, CPUQuota: h.CpuQuota,
		CPURtPeriod: h.CpuRealtimePeriod, CPURtRuntime: h.CpuRealtimeRuntime,
		CpusetCpus: h.CpusetCpus, CpusetMems: h.CpusetMems, BlkioWeight: h.BlkioWeight,
	}
	if h.NanoCpus > 0 {
		r.CPUPeriod, r.CPUQuota = 100000, h.NanoCpus/10000
	}
	if h.PidsLimit != nil && *h.PidsLimit > 0 {
		r.PidsLimit = *h.PidsLimit
	}
	if err := blkioDevices(h, &r); err != nil {
		return r, err
	}
	r.Rlimits = d.rlimits(h)
	return r, nil
}
