package execdriver

import (
	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/pkg/mount"
)

// LogSpec says how output is logged.
type LogSpec = logdriver.Spec

// Command describes a container to run. It is complete: the driver looks
// nothing up by itself except users in the container's own /etc/passwd and
// /etc/group.
type Command struct {
	ID         string
	Root       []mount.Mount // how to mount the root file system, in order
	ReadonlyFS bool          // remount the root read-only once everything is in place
	Hostname   string
	Domainname string

	Process    Process
	Mounts     []mount.Mount // binds and tmpfs, parents before children; Targets are resolved inside the root
	Devices    []Device      // nodes to create, beside the default ones
	Namespaces Namespaces
	Resources  Resources
	Security   Security

	CgroupParent string            // "" means the driver's default
	Sysctls      map[string]string // inside the container's namespaces
	ShmSize      int64             // bytes of /dev/shm; 0 the default, negative: there is none
	StopSignal   int
	UseInit      bool // keep a small init as pid 1 that reaps and forwards signals

	Log LogSpec // where the output is logged
}

// Process is the workload.
type Process struct {
	Args      []string // Args[0] is looked up in the PATH of Env
	Env       []string
	Dir       string   // working directory; made when missing
	User      string   // user[:group], names or numbers, resolved inside the root
	Groups    []string // additional groups
	Tty       bool
	OpenStdin bool
	Height    uint16 // first size of the terminal; 0 when unknown
	Width     uint16
	OOMScore  int // oom_score_adj
}

// Namespaces says for each namespace whether it is private (""), the host's
// ("host"), or that of a path ("/proc/42/ns/net").
type Namespaces struct {
	Net, IPC, PID, UTS, Cgroup string
}

// Device is a node in the container's /dev, and what its cgroup allows.
type Device struct {
	Path        string // in the container
	Type        byte   // 'c' or 'b'
	Major       int64  // -1: any (rule only)
	Minor       int64
	Permissions string // subset of "rwm"
	Mode        uint32
	UID, GID    uint32
	RuleOnly    bool // no node is made
}

// Security is the resolved policy: the driver adds and removes nothing.
type Security struct {
	Privileged      bool     // all devices, no masks, no seccomp
	Capabilities    []string // final bounding, effective and permitted set: "CAP_CHOWN"…
	NoNewPrivileges bool
	Seccomp         string // "" default profile, "unconfined", or a profile's JSON
	AppArmor        string // loaded profile that the workload executes under; "" for none
	MaskedPaths     []string
	ReadonlyPaths   []string
}

// Rlimit is one resource limit by its name in ulimit spelling: "nofile".
type Rlimit struct {
	Name       string
	Soft, Hard uint64
}

// Resources are limits. Zero means none; sizes are bytes, periods microseconds.
type Resources struct {
	Memory, MemorySwap, MemoryReservation int64
	MemorySwappiness                      *int64
	OomKillDisable                        bool
	CPUShares, CPUPeriod, CPUQuota        int64
	CPURtPeriod, CPURtRuntime             int64
	CpusetCpus, CpusetMems                string
	PidsLimit                             int64
	BlkioWeight                           uint16
	BlkioWeightDevice                     []WeightDevice
	BlkioDeviceReadBps, BlkioDeviceWriteBps,
	BlkioDeviceReadIOps, BlkioDeviceWriteIOps []ThrottleDevice
	Rlimits []Rlimit
}
