package networkdriver

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// The options of bridge networks that the engine knows, as clients write them.
const (
	OptionBridgeName   = "com.docker.network.bridge.name"
	OptionBridgeMasq   = "com.docker.network.bridge.enable_ip_masquerade"
	OptionBridgeICC    = "com.docker.network.bridge.enable_icc"
	OptionBridgeHostIP = "com.docker.network.bridge.host_binding_ipv4"
	OptionBridgeMTU    = "com.docker.network.driver.mtu"
	OptionBridgePrefix = "com.docker.network.container_iface_prefix"
	OptionHostIPv4     = "com.docker.network.host_ipv4"
	OptionHostIPv6     = "com.docker.network.host_ipv6"
	OptionDefault      = "com.docker.network.bridge.default_bridge"
	OptionInhibitIPv4  = "com.docker.network.bridge.inhibit_ipv4"
)

// Definition is what a network is, as it is stored and shown.
type Definition struct {
	ID, Name, Driver string
	Created          time.Time
	EnableIPv4       bool
	EnableIPv6       bool
	Internal         bool // nothing passes between it and the outside
	Attachable       bool // accepted and shown
	Ingress          bool // accepted and shown
	ConfigOnly       bool // only a template for others
	ConfigFrom       string
	IPAM             IPAM
	Options, Labels  map[string]string
}

// IPAM is how addresses are given out.
type IPAM struct {
	Driver  string
	Options map[string]string
	Config  []Pool
}

// Pool is one subnet of a network; what is empty is chosen.
type Pool struct {
	Subnet, IPRange, Gateway string
	AuxAddress               map[string]string `json:"AuxiliaryAddresses,omitempty"`
	Chosen                   bool              `json:",omitempty"` // by the engine: it may be another one for the next network of the name
}

// Bool reads an option; without it, otherwise.
func (d *Definition) Bool(option string, otherwise bool) (bool, error) {
	text := d.Options[option]
	if text == "" {
		return otherwise, nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, errdefs.InvalidArgument("invalid value %q of option %s: want true or false", text, option)
	}
	return v, nil
}

// MTU reads the option; 0 means that of the default route.
func (d *Definition) MTU() (int, error) {
	text := d.Options[OptionBridgeMTU]
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, errdefs.InvalidArgument("invalid value %q of option %s: want a number", text, OptionBridgeMTU)
	}
	return n, CheckMTU(n)
}

// CheckMTU accepts 0, which is the one of the default route.
func CheckMTU(n int) error {
	if n != 0 && (n < 68 || n > 65535) {
		return errdefs.InvalidArgument("invalid MTU %d: want 68 to 65535", n)
	}
	return nil
}

// Addr reads an option that is an address; without it, an invalid one.
func (d *Definition) Addr(option string) (netip.Addr, error) {
	text := d.Options[option]
	if text == "" {
		return netip.Addr{}, nil
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return ip, errdefs.InvalidArgument("invalid value %q of option %s: want an address", text, option)
	}
	return ip, nil
}
