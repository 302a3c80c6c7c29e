package runconfig

import "github.com/enginejobs/docker/pkg/mflag"

// UpdateConfig is what an update changes: limits that are not zero, and the
// restart policy if it has a name.
type UpdateConfig struct {
	Resources
	RestartPolicy RestartPolicy
}

// DeclareUpdate puts the flags of limits that can change on set.
func (f *Flags) DeclareUpdate(set *mflag.Set) {
	f.set, f.swappiness = set, -1
	set.String(&f.memory, "-m --memory", "Memory limit (<number>[b|k|m|g])")
	set.String(&f.memorySwap, "--memory-swap", "Memory plus swap; -1 takes away the limit")
	set.String(&f.memoryReservation, "--memory-reservation", "Memory soft limit")
	set.String(&f.kernelMemory, "--kernel-memory", "Kernel memory limit")
	set.Int64(&f.cpuShares, "-c --cpu-shares", "CPU shares (relative weight)")
	set.String(&f.cpus, "--cpus", "Number of CPUs")
	set.Int64(&f.cpuPeriod, "--cpu-period", "CPU CFS period in microseconds")
	set.Int64(&f.cpuQuota, "--cpu-quota", "CPU CFS quota in microseconds")
	set.Int64(&f.cpuRtPeriod, "--cpu-rt-period", "CPU real-time period in microseconds")
	set.Int64(&f.cpuRtRuntime, "--cpu-rt-runtime", "CPU real-time runtime in microseconds")
	set.String(&f.cpuset, "--cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)")
	set.String(&f.cpusetMems, "--cpuset-mems", "Memory nodes to allow (0-3, 0,1)")
	set.Int64(&f.pidsLimit, "--pids-limit", "Limit of processes (-1 for none)")
	set.Int(&f.blkioWeight, "--blkio-weight", "Block IO weight (10 to 1000), 0 to disable")
	set.String(&f.restart, "--restart", "Restart policy when the container exits (no,\non-failure[:max], always, unless-stopped)")
}

// ParseUpdate turns the flags into what changes.
func (f *Flags) ParseUpdate() (*UpdateConfig, error) {
	var h HostConfig
	if err := f.parseLimits(nil, &h, nil); err != nil {
		return nil, err
	}
	if err := f.parseRestart(nil, &h, nil); err != nil {
		return nil, err
	}
	if !f.set.IsSet("--restart") {
		h.RestartPolicy = RestartPolicy{}
	}
	return &UpdateConfig{Resources: h.Resources, RestartPolicy: h.RestartPolicy}, nil
}
