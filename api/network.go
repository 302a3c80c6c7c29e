package api

import "time"

// Network is what the jobs of networks tell (GET /networks).
type Network struct {
	Name       string
	Id         string `json:"Id"` //nolint:revive // wire name
	Created    time.Time
	Scope      string // "local"
	Driver     string
	EnableIPv4 bool
	EnableIPv6 bool
	IPAM       IPAM
	Internal   bool
	Attachable bool
	Ingress    bool
	ConfigFrom NetworkReference
	ConfigOnly bool
	Containers map[string]NetworkContainer // by id; nil where it was not asked for
	Options    map[string]string
	Labels     map[string]string
}

// NetworkReference names a network whose settings another one takes over.
type NetworkReference struct{ Network string }

// NetworkContainer is one container on a network.
type NetworkContainer struct {
	Name        string
	EndpointID  string
	MacAddress  string
	IPv4Address string // with its network: 172.18.0.2/16
	IPv6Address string
}

// IPAM is how a network gives out addresses.
type IPAM struct {
	Driver  string // "default"
	Options map[string]string
	Config  []IPAMConfig
}

// IPAMConfig is one subnet of a network. What a client leaves out is chosen.
type IPAMConfig struct {
	Subnet             string            `json:",omitempty"`
	IPRange            string            `json:",omitempty"`
	Gateway            string            `json:",omitempty"`
	AuxiliaryAddresses map[string]string `json:",omitempty"`
}

// NetworkCreateRequest is the body of POST /networks/create.
type NetworkCreateRequest struct {
	Name           string
	CheckDuplicate bool // names are unique anyway
	Driver         string
	Scope          string
	EnableIPv4     *bool // nil: yes
	EnableIPv6     *bool // nil: no
	IPAM           *IPAM
	Internal       bool
	Attachable     bool
	Ingress        bool
	ConfigOnly     bool
	ConfigFrom     *NetworkReference
	Options        map[string]string
	Labels         map[string]string
}

// NetworkCreated is the answer of the job network_create.
type NetworkCreated struct {
	Id      string `json:"Id"` //nolint:revive // wire name
	Warning string
}

// NetworksPruned is the answer of the job networks_prune.
type NetworksPruned struct {
	NetworksDeleted []string
}
