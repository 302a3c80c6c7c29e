package daemon

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/logdriver"
)

// jobInfo describes the engine and its host.
//
// Usage:  info
// Stdout: one api.SystemInfo. Its Warnings say what to do about each.
func (d *Daemon) jobInfo(job *engine.Job) error { return job.WriteJSON(d.Info(job.Context())) }

// Info reads snapshots, and of /proc what can change while the daemon runs. It
// costs some tens of microseconds, however much is open or runs.
func (d *Daemon) Info(ctx context.Context) *api.SystemInfo {
	x, forwards := d.execInfo, forwarding(d.opt.ProcDir)
	info := &api.SystemInfo{
		ID: d.opt.ID, Images: d.opt.Images.ImageCount(), Driver: d.opt.Images.DriverName(),
		DriverStatus: d.opt.Images.DriverStatus(), ExecutionDriver: d.opt.Exec.Name(),
		Plugins: api.InfoPlugins{
			Volume: []string{"local"}, Network: []string{"bridge", "host", "null"}, Log: logdriver.Drivers(),
		},
		MemoryLimit: x.MemoryLimit, SwapLimit: x.SwapLimit, CpuCfsPeriod: x.CPUQuota, CpuCfsQuota: x.CPUQuota,
		CPUShares: x.CPUShares, CPUSet: x.CPUSet, PidsLimit: x.PidsLimit, OomKillDisable: x.OOMControl,
		IPv4Forwarding: forwards, Debug: d.opt.Debug, NFd: countFiles(d.opt.ProcDir),
		NGoroutines: runtime.NumGoroutine(), SystemTime: d.opt.Now().Format(time.RFC3339Nano),
		LoggingDriver: d.opt.LogDriver, CgroupDriver: x.CgroupDriver, CgroupVersion: x.CgroupVersion,
		NEventsListener: d.listeners(ctx), OSType: "linux", Architecture: d.host.machine,
		KernelVersion: d.host.kernel, OperatingSystem: d.host.os, OSVersion: d.host.osVersion,
		IndexServerAddress: "https://index.docker.io/v1/", RegistryConfig: d.opt.Registries,
		NCPU: runtime.NumCPU(), MemTotal: d.host.memory, DockerRootDir: d.opt.Root,
		HttpProxy: os.Getenv("HTTP_PROXY"), HttpsProxy: os.Getenv("HTTPS_PROXY"), NoProxy: os.Getenv("NO_PROXY"),
		Name: d.opt.Name, Labels: d.opt.Labels, ServerVersion: d.opt.Version,
		Runtimes: map[string]api.Runtime{"native": {Path: "dockerinit"}, "runc": {Path: "dockerinit"}}, DefaultRuntime: "native",
		Swarm: api.SwarmInfo{LocalNodeState: "inactive"}, LiveRestoreEnabled: d.opt.LiveRestore,
		InitBinary: "dockerinit", DefaultAddressPools: d.opt.AddressPools, CDISpecDirs: []string{},
		SecurityOptions: d.securityFeatures(x.Seccomp), Warnings: d.warnings(forwards),
	}
	if d.opt.Firewall != "" {
		info.FirewallBackend = &api.FirewallInfo{Driver: d.opt.Firewall}
	}
	if info.Labels == nil {
		info.Labels = []string{}
	}
	info.BridgeNfIptables = switchedOn(d.opt.ProcDir + "/sys/net/bridge/bridge-nf-call-iptables")
	info.BridgeNfIp6tables = switchedOn(d.opt.ProcDir + "/sys/net/bridge/bridge-nf-call-ip6tables")
	for _, c := range d.containers.all() {
		info.Containers++
		switch s := c.now(); {
		case s.state.Phase == paused:
			info.ContainersPaused++
		case s.state.alive():
			info.ContainersRunning++
		default:
			info.ContainersStopped++
		}
	}
	return info
}

// warnings say what the host lacks and what to do about it.
func (d *Daemon) warnings(forwards bool) []string {
	x := d.execInfo
	list := append([]string{}, d.opt.Warnings...)
	add := func(missing bool, text string) {
		if missing {
			list = append(list, "WARNING: "+text)
		}
	}
	add(!x.MemoryLimit, "No memory limit support: mount the memory cgroup or boot with cgroup_enable=memory")
	add(x.MemoryLimit && !x.SwapLimit, "No swap limit support: boot with swapaccount=1 to limit memory plus swap")
	add(!x.CPUShares, "No cpu shares support: mount the cpu cgroup")
	add(!x.CPUQuota, "No cpu cfs quota support: use a kernel with CONFIG_CFS_BANDWIDTH")
	add(!x.CPUSet, "No cpuset support: mount the cpuset cgroup")
	add(!x.PidsLimit, "No pids limit support: mount the pids cgroup")
	add(!x.BlkioWeight, "No block i/o weight support: mount the blkio cgroup and use a kernel with CONFIG_BFQ_GROUP_IOSCHED")
	add(!x.BlkioThrottle, "No block i/o rate support: mount the blkio cgroup and use a kernel with CONFIG_BLK_DEV_THROTTLING")
	add(!x.Seccomp, "No seccomp support: use a kernel with CONFIG_SECCOMP_FILTER; containers run without a system call filter")
	add(!d.opt.NoNetwork && !forwards,
		"IPv4 forwarding is disabled: run sysctl -w net.ipv4.ip_forward=1, or containers reach only this host")
	return list
}

// listeners asks the events subsystem, if there is one.
func (d *Daemon) listeners(ctx context.Context) int {
	if !d.opt.Engine.Has("subscribers_count") {
		return 0
	}
	var n struct {
		Count number `json:"count"`
	}
	if err := d.job(ctx, "subscribers_count").OutputJSON(&n); err != nil {
		return 0
	}
	count, _ := strconv.Atoi(string(n.Count))
	return count
}

// countFiles counts the open files of this process. Since Linux 6.2 the kernel
// tells as the size of the directory; before, all of it must be read.
func countFiles(procDir string) int {
	var st unix.Stat_t
	if unix.Stat(procDir+"/self/fd", &st) == nil && st.Size > 0 && procDir == "/proc" {
		return int(st.Size)
	}
	f, err := os.Open(filepath.Join(procDir, "self/fd"))
	if err != nil {
		return -1
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	return len(names)
}

// switchedOn tells whether a file of the kernel says 1. One that is not there
// says 0. Plain system calls: package os would register the file with the poller.
func switchedOn(path string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	var buf [8]byte
	n, err := unix.Read(fd, buf[:])
	_ = unix.Close(fd) // it was only read
	return err == nil && n > 0 && strings.TrimSpace(string(buf[:n])) == "1"
}

// hostFacts do not change while the daemon runs.
type hostFacts struct {
	kernel, machine, os, osVersion string
	memory                         int64
}

func readHost() hostFacts {
	h := hostFacts{kernel: "<unknown>", machine: runtime.GOARCH, os: "<unknown>"}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.kernel, h.machine = unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:])
	}
	var si unix.Sysinfo_t
	if unix.Sysinfo(&si) == nil {
		h.memory = int64(si.Totalram) * int64(si.Unit) //nolint:unconvert // differs by platform
	}
	b, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return h
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		key, value, _ := strings.Cut(line, "=")
		switch value = strings.Trim(value, `"'`); key {
		case "PRETTY_NAME":
			h.os = value
		case "VERSION_ID":
			h.osVersion = value
		}
	}
	return h
}
