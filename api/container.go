package api

import (
	"time"

	"github.com/enginejobs/docker/runconfig"
)

// ContainerPort is one port of a row of the container list.
type ContainerPort struct {
	IP          string `json:",omitempty"`
	PrivatePort uint16
	PublicPort  uint16 `json:",omitempty"`
	Type        string
}

// ContainerSummary is a row of the job containers (GET /containers/json).
type ContainerSummary struct {
	Id         string `json:"Id"` //nolint:revive // wire name
	Names      []string
	Image      string
	ImageID    string
	Command    string
	Created    int64 // unix seconds
	Ports      []ContainerPort
	SizeRw     *int64 `json:",omitempty"`
	SizeRootFs *int64 `json:",omitempty"`
	Labels     map[string]string
	State      string // created, running, paused, restarting, removing, exited, dead
	Status     string // for people: "Up 2 minutes"
	HostConfig struct {
		NetworkMode string            `json:",omitempty"`
		Annotations map[string]string `json:",omitempty"`
	}
	NetworkSettings struct {
		Networks map[string]*EndpointSettings
	}
	Mounts []MountPoint
}

// ContainerCreated is the answer of the job create.
type ContainerCreated struct {
	Id       string `json:"Id"` //nolint:revive // wire name
	Warnings []string
}

// ContainerWait is the answer of the job wait.
type ContainerWait struct {
	StatusCode int
	Error      *WaitError `json:",omitempty"`
}

// WaitError carries a failure of the container that was waited for.
type WaitError struct {
	Message string
}

// MountPoint is one mount as inspect shows it.
type MountPoint struct {
	Type        string `json:",omitempty"`
	Name        string `json:",omitempty"`
	Source      string
	Destination string
	Driver      string `json:",omitempty"`
	Mode        string
	RW          bool
	Propagation string
}

// ContainerState is the life-cycle part of inspect.
type ContainerState struct {
	Status     string
	Running    bool
	Paused     bool
	Restarting bool
	OOMKilled  bool
	Dead       bool
	Pid        int
	ExitCode   int
	Error      string
	StartedAt  time.Time
	FinishedAt time.Time
	Health     *Health `json:",omitempty"` // of a container with a health check
}

// Health is what the health checks of a container's run have found.
type Health struct {
	Status        string // starting, healthy, unhealthy
	FailingStreak int
	Log           []HealthcheckResult // the last ones, oldest first
}

// HealthcheckResult is one check. ExitCode is -1 when it did not end by itself.
type HealthcheckResult struct {
	Start    time.Time
	End      time.Time
	ExitCode int
	Output   string // at most 4096 bytes
}

// EndpointSettings is one network of a container.
type EndpointSettings struct {
	IPAMConfig          *EndpointIPAM
	Links               []string
	Aliases             []string
	MacAddress          string
	DriverOpts          map[string]string
	GwPriority          int
	NetworkID           string
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	DNSNames            []string
}

// EndpointIPAM holds addresses that the user asked for.
type EndpointIPAM struct {
	IPv4Address  string   `json:",omitempty"`
	IPv6Address  string   `json:",omitempty"`
	LinkLocalIPs []string `json:",omitempty"`
}

// NetworkSettings is the network part of inspect.
type NetworkSettings struct {
	Bridge                 string
	SandboxID              string
	SandboxKey             string
	Ports                  runconfig.PortMap
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	SecondaryIPAddresses   []SecondaryAddress // there are none
	SecondaryIPv6Addresses []SecondaryAddress // likewise
	EndpointID             string
	Gateway                string
	GlobalIPv6Address      string
	GlobalIPv6PrefixLen    int
	IPAddress              string
	IPPrefixLen            int
	IPv6Gateway            string
	MacAddress             string
	Networks               map[string]*EndpointSettings
}

// SecondaryAddress is one more address of an interface.
type SecondaryAddress struct {
	Addr      string
	PrefixLen int
}

// GraphDriverData tells where a container's or image's files are.
type GraphDriverData struct {
	Name string
	Data map[string]string
}

// ContainerInspect is the answer of the job container_inspect.
type ContainerInspect struct {
	Id              string `json:"Id"` //nolint:revive // wire name
	Created         time.Time
	Path            string
	Args            []string
	State           *ContainerState
	Image           string // full image id
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	LogPath         string
	Name            string // with leading slash
	RestartCount    int
	Driver          string
	ExecDriver      string `json:",omitempty"`
	Platform        string
	MountLabel      string
	ProcessLabel    string
	AppArmorProfile string
	ExecIDs         []string
	HostConfig      *runconfig.HostConfig
	GraphDriver     GraphDriverData
	SizeRw          *int64 `json:",omitempty"`
	SizeRootFs      *int64 `json:",omitempty"`
	Mounts          []MountPoint
	Config          *runconfig.Config
	NetworkSettings *NetworkSettings
}
