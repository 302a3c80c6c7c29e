package api

// EventActor is what an event happened to.
type EventActor struct {
	ID         string
	Attributes map[string]string
}

// Event is one line of the job events. The lower-case members are the classic
// form and are set for containers and images only.
type Event struct {
	Status   string `json:"status,omitempty"`
	ID       string `json:"id,omitempty"`
	From     string `json:"from,omitempty"`
	Type     string
	Action   string
	Actor    EventActor
	Scope    string `json:"scope,omitempty"`
	Time     int64  `json:"time,omitempty"`
	TimeNano int64  `json:"timeNano,omitempty"`
}

// VersionComponent is one part of the answer of the job version.
type VersionComponent struct {
	Name    string
	Version string
	Details map[string]string `json:",omitempty"`
}

// SystemVersion is the answer of the job version.
type SystemVersion struct {
	Platform      struct{ Name string }
	Components    []VersionComponent `json:",omitempty"`
	Version       string
	ApiVersion    string `json:"ApiVersion"`    //nolint:revive // wire name
	MinAPIVersion string `json:"MinAPIVersion"` //nolint:revive // wire name
	GitCommit     string
	GoVersion     string
	Os            string
	Arch          string
	KernelVersion string `json:",omitempty"`
	BuildTime     string `json:",omitempty"`
}

// SystemInfo is the answer of the job info.
type SystemInfo struct {
	ID                 string
	Containers         int
	ContainersRunning  int
	ContainersPaused   int
	ContainersStopped  int
	Images             int
	Driver             string
	DriverStatus       [][2]string
	ExecutionDriver    string `json:",omitempty"`
	Plugins            InfoPlugins
	MemoryLimit        bool
	SwapLimit          bool
	CpuCfsPeriod       bool `json:"CpuCfsPeriod"` //nolint:revive // wire name
	CpuCfsQuota        bool `json:"CpuCfsQuota"`  //nolint:revive // wire name
	CPUShares          bool
	CPUSet             bool
	PidsLimit          bool
	IPv4Forwarding     bool
	BridgeNfIptables   bool `json:"BridgeNfIptables"`
	BridgeNfIp6tables  bool `json:"BridgeNfIp6tables"` //nolint:revive // wire name
	Debug              bool
	NFd                int
	OomKillDisable     bool
	NGoroutines        int
	SystemTime         string
	LoggingDriver      string
	CgroupDriver       string
	CgroupVersion      string
	NEventsListener    int
	KernelVersion      string
	OperatingSystem    string
	OSVersion          string
	OSType             string
	Architecture       string
	IndexServerAddress string
	RegistryConfig     *RegistryConfig
	NCPU               int
	MemTotal           int64
	DockerRootDir      string
	HttpProxy          string `json:"HttpProxy"`  //nolint:revive // wire name
	HttpsProxy         string `json:"HttpsProxy"` //nolint:revive // wire name
	NoProxy            string
	Name               string
	Labels             []string
	ExperimentalBuild  bool
	ServerVersion      string
	Runtimes           map[string]Runtime
	DefaultRuntime     string
	Swarm              SwarmInfo
	LiveRestoreEnabled bool
	Isolation          string
	InitBinary         string
	ContainerdCommit   Commit
	RuncCommit         Commit
	InitCommit         Commit
	SecurityOptions    []string

	DefaultAddressPools []AddressPool `json:",omitempty"` // those that the configuration names
	FirewallBackend     *FirewallInfo `json:",omitempty"` // nil: no rules are written
	CDISpecDirs         []string
	Warnings            []string // each says what to do
}

// AddressPool is where networks get subnets from.
type AddressPool struct {
	Base string // network
	Size int    // bits of the prefix of each subnet
}

// FirewallInfo says what writes the rules of the packet filter.
type FirewallInfo struct {
	Driver string      // nftables or iptables
	Info   [][2]string `json:",omitempty"`
}

// NetworkReady is the answer of the job init_networkdriver.
type NetworkReady struct {
	Firewall     string        `json:",omitempty"` // what writes its rules; "" while nothing needs any
	AddressPools []AddressPool `json:",omitempty"` // those that the configuration names
}

// InfoPlugins lists the names of drivers by kind.
type InfoPlugins struct {
	Volume        []string
	Network       []string
	Authorization []string
	Log           []string
}

// Runtime is one entry of SystemInfo.Runtimes.
type Runtime struct {
	Path string `json:"path,omitempty"`
}

// SwarmInfo says that this engine is not part of a swarm.
type SwarmInfo struct {
	NodeID           string
	NodeAddr         string
	LocalNodeState   string
	ControlAvailable bool
	Error            string
	RemoteManagers   []string
}

// Commit names a build of a component.
type Commit struct {
	ID string
}

// IndexInfo describes one registry.
type IndexInfo struct {
	Name     string
	Mirrors  []string
	Secure   bool
	Official bool
}

// RegistryConfig describes how registries are reached.
type RegistryConfig struct {
	InsecureRegistryCIDRs []string
	IndexConfigs          map[string]IndexInfo
	Mirrors               []string
}
