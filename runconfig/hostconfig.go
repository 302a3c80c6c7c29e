package runconfig

import "strings"

// PortBinding is one published address. HostPort is text: empty means "pick
// one", "8000-8010" means "pick one of these".
type PortBinding struct {
	HostIp   string `json:"HostIp"` //nolint:revive // wire name
	HostPort string
}

// PortMap maps container ports to the host addresses that reach them. A key
// with a nil list is exposed but not published.
type PortMap map[Port][]PortBinding

// RestartPolicy says what to do when the workload ends: "", "no", "always",
// "unless-stopped" or "on-failure" (at most MaximumRetryCount times if > 0).
type RestartPolicy struct {
	Name              string
	MaximumRetryCount int
}

// DeviceMapping lends one host device. CgroupPermissions is a subset of "rwm".
type DeviceMapping struct {
	PathOnHost        string
	PathInContainer   string
	CgroupPermissions string
}

// DeviceRequest asks a device driver for devices, as --gpus does.
type DeviceRequest struct {
	Driver       string
	Count        int // -1: all
	DeviceIDs    []string
	Capabilities [][]string // one of these sets
	Options      map[string]string
}

// Ulimit is one resource limit, name as in ulimit(1) of the API ("nofile").
type Ulimit struct {
	Name string
	Hard int64
	Soft int64
}

// KeyValue is one option of the lxc exec driver.
type KeyValue struct {
	Key   string
	Value string
}

// LogConfig selects the log driver: "json-file" (default when empty) or "none".
type LogConfig struct {
	Type   string
	Config map[string]string
}

// WeightDevice and ThrottleDevice tune block I/O per host device.
type WeightDevice struct {
	Path   string
	Weight uint16
}

// ThrottleDevice limits a rate (bytes or operations per second) on Path.
type ThrottleDevice struct {
	Path string
	Rate uint64
}

// Mount is the structured form of a volume (API 1.25 and later).
type Mount struct {
	Type          string         `json:",omitempty"` // bind, volume, tmpfs, image
	Source        string         `json:",omitempty"`
	Target        string         `json:",omitempty"`
	ReadOnly      bool           `json:",omitempty"`
	Consistency   string         `json:",omitempty"`
	BindOptions   *BindOptions   `json:",omitempty"`
	VolumeOptions *VolumeOptions `json:",omitempty"`
	TmpfsOptions  *TmpfsOptions  `json:",omitempty"`
	ImageOptions  *ImageOptions  `json:",omitempty"`
}

// ImageOptions are the options of a mount of type image (API 1.48 and later).
type ImageOptions struct {
	Subpath string `json:",omitempty"` // a directory of the image
}

// BindOptions are the options of a mount of type bind.
type BindOptions struct {
	Propagation      string `json:",omitempty"`
	NonRecursive     bool   `json:",omitempty"`
	CreateMountpoint bool   `json:",omitempty"`

	// A read-only bind is read-only below it too, unless the first is set; the
	// second refuses what cannot be made so.
	ReadOnlyNonRecursive   bool `json:",omitempty"`
	ReadOnlyForceRecursive bool `json:",omitempty"`
}

// VolumeOptions are the options of a mount of type volume.
type VolumeOptions struct {
	NoCopy       bool              `json:",omitempty"`
	Labels       map[string]string `json:",omitempty"`
	Subpath      string            `json:",omitempty"`
	DriverConfig *VolumeDriver     `json:",omitempty"`
}

// VolumeDriver selects the driver that makes a volume.
type VolumeDriver struct {
	Name    string            `json:",omitempty"`
	Options map[string]string `json:",omitempty"`
}

// TmpfsOptions are the options of a mount of type tmpfs.
type TmpfsOptions struct {
	SizeBytes int64  `json:",omitempty"`
	Mode      uint32 `json:",omitempty"`

	Options [][]string `json:",omitempty"` // mount options: name, or name and value
}

// Resources are the limits of a container. Sizes are bytes, CPU periods and
// quotas microseconds, NanoCpus billionths of a CPU; zero means "no limit".
type Resources struct {
	CpuShares            int64 `json:"CpuShares"` //nolint:revive // wire name
	Memory               int64
	NanoCpus             int64 `json:"NanoCpus"` //nolint:revive // wire name
	CgroupParent         string
	BlkioWeight          uint16
	BlkioWeightDevice    []WeightDevice
	BlkioDeviceReadBps   []ThrottleDevice
	BlkioDeviceWriteBps  []ThrottleDevice
	BlkioDeviceReadIOps  []ThrottleDevice
	BlkioDeviceWriteIOps []ThrottleDevice
	CpuPeriod            int64  `json:"CpuPeriod"`          //nolint:revive // wire name
	CpuQuota             int64  `json:"CpuQuota"`           //nolint:revive // wire name
	CpuRealtimePeriod    int64  `json:"CpuRealtimePeriod"`  //nolint:revive // wire name
	CpuRealtimeRuntime   int64  `json:"CpuRealtimeRuntime"` //nolint:revive // wire name
	CpusetCpus           string `json:"CpusetCpus"`
	CpusetMems           string `json:"CpusetMems"`
	Devices              []DeviceMapping
	DeviceCgroupRules    []string
	DeviceRequests       []DeviceRequest `json:",omitempty"`
	KernelMemory         int64           `json:",omitempty"`
	MemoryReservation    int64
	MemorySwap           int64 // memory plus swap; -1 unlimited
	MemorySwappiness     *int64
	OomKillDisable       *bool
	PidsLimit            *int64
	Ulimits              []Ulimit

	// Of other operating systems and kernels: taken, shown, and without effect here.
	CpuCount           int64 `json:"CpuCount"`   //nolint:revive // wire name
	CpuPercent         int64 `json:"CpuPercent"` //nolint:revive // wire name
	IOMaximumIOps      uint64
	IOMaximumBandwidth uint64
	KernelMemoryTCP    int64 `json:",omitempty"`
}

// HostConfig is the half of a container's description that depends on this
// host.
type HostConfig struct {
	Binds           []string // source:destination[:mode]
	ContainerIDFile string
	LogConfig       LogConfig
	NetworkMode     string // "", default, bridge, none, host, container:REF, or a network
	PortBindings    PortMap
	RestartPolicy   RestartPolicy
	AutoRemove      bool
	VolumeDriver    string
	VolumesFrom     []string
	ConsoleSize     [2]uint           // height, width
	Annotations     map[string]string `json:",omitempty"`

	CapAdd          Strings
	CapDrop         Strings
	CgroupnsMode    string
	Dns             []string `json:"Dns"`        //nolint:revive // wire name
	DnsOptions      []string `json:"DnsOptions"` //nolint:revive // wire name
	DnsSearch       []string `json:"DnsSearch"`  //nolint:revive // wire name
	ExtraHosts      []string
	GroupAdd        []string
	IpcMode         string `json:"IpcMode"` //nolint:revive // wire name
	Cgroup          string
	Links           []string // name:alias
	OomScoreAdj     int
	PidMode         string
	Privileged      bool
	PublishAllPorts bool
	ReadonlyRootfs  bool
	SecurityOpt     []string
	LxcConf         []KeyValue        `json:",omitempty"` // lxc exec driver only
	StorageOpt      map[string]string `json:",omitempty"`
	Tmpfs           map[string]string `json:",omitempty"`
	UTSMode         string
	UsernsMode      string
	ShmSize         int64             // bytes; 0 means 64 MiB
	Sysctls         map[string]string `json:",omitempty"`
	Runtime         string
	Isolation       string

	Resources

	Mounts        []Mount  `json:",omitempty"`
	MaskedPaths   []string // nil means the defaults
	ReadonlyPaths []string // nil means the defaults
	Init          *bool    `json:",omitempty"`
}

// NetworkContainer returns REF of "container:REF" and whether the mode is one.
func (h *HostConfig) NetworkContainer() (string, bool) {
	return strings.CutPrefix(h.NetworkMode, "container:")
}
