// Package networkdriver is the contract between the network jobs and what
// carries them out, with the address arithmetic all drivers share. It owns no
// state. Start reading at Driver; package netjobs turns a Driver into jobs,
// bridge and null implement it, nettest is the suite they pass. It imports
// errdefs only and must not import the engine, a driver or a link library.
package networkdriver

import (
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// Driver gives containers their place on one network. All methods may be
// called at the same time; calls for one container id come one after another.
type Driver interface {
	// Allocate gives a container an address and, unless Restore is set, a
	// sandbox with a configured interface.
	Allocate(ctx context.Context, req InterfaceRequest) (*Interface, error)
	// Release takes back all that the container was given.
	Release(ctx context.Context, id string) error
	// AllocatePort makes a port of the container reachable at the host.
	AllocatePort(ctx context.Context, req PortRequest) (PublishedPort, error)
	// Link opens or closes the way from one container to ports of another.
	Link(ctx context.Context, req LinkRequest) error
	// Close removes what nobody needs any more. Containers that still run keep
	// their network.
	Close(ctx context.Context) error
}

// Config is what init_networkdriver is told.
type Config struct {
	Bridge                      string       // interface name; empty: the default one
	CustomBridge                bool         // the user named it: it must exist
	BridgeIP                    netip.Prefix // invalid: choose
	FixedCIDR                   netip.Prefix // invalid: the whole network
	DefaultBindingIP            netip.Addr
	MTU                         int // 0: that of the default route
	Firewall                    bool
	Masquerade                  bool
	InterContainerCommunication bool
	IPForward                   bool
	UserlandProxy               bool
	WarmSandboxes               int // how many to keep ready
}

// Check refuses combinations that cannot work.
func (c Config) Check() error {
	switch {
	case len(c.Bridge) > 15 || strings.ContainsAny(c.Bridge, "/ \t\n:%"):
		return errdefs.InvalidArgument("invalid bridge name %q: an interface name has at most 15 characters, no space and no slash", c.Bridge)
	case !c.Firewall && !c.InterContainerCommunication:
		return errdefs.InvalidArgument("containers cannot be kept from each other without firewall rules: " +
			"enable iptables or inter-container communication")
	case c.MTU != 0 && (c.MTU < 68 || c.MTU > 65535):
		return errdefs.InvalidArgument("invalid MTU %d: want 68 to 65535", c.MTU)
	case c.WarmSandboxes < 0 || c.WarmSandboxes > 64:
		return errdefs.InvalidArgument("invalid number of warm sandboxes %d: want 0 to 64", c.WarmSandboxes)
	case c.FixedCIDR.IsValid() && c.BridgeIP.IsValid() && (c.FixedCIDR.Bits() < c.BridgeIP.Bits() || !c.BridgeIP.Contains(c.FixedCIDR.Addr())):
		return errdefs.InvalidArgument("network %s does not contain specified subnet %s", c.BridgeIP.Masked(), c.FixedCIDR)
	}
	return nil
}

// InterfaceRequest asks for an interface.
type InterfaceRequest struct {
	ID      string
	IP      netip.Addr       // invalid: any
	MAC     net.HardwareAddr // nil: from the address
	Restore bool             // the container runs already: only remember its address
}

// Interface is the answer, in the classic shape of the job's output.
type Interface struct {
	IP                  string
	Mask                string // hexadecimal: "ffff0000"
	Gateway             string
	Bridge              string
	IPPrefixLen         int
	MacAddress          string
	LinkLocalIPv6       string
	GlobalIPv6          string
	GlobalIPv6PrefixLen int
	IPv6Gateway         string
	// SandboxKey is the path of a ready network namespace; empty for a
	// restored interface.
	SandboxKey string
}

// Describe fills an Interface from its address.
func Describe(bridge string, address netip.Prefix, gateway netip.Addr, mac net.HardwareAddr) *Interface {
	return &Interface{
		IP:            address.Addr().String(),
		Mask:          hex.EncodeToString(net.CIDRMask(address.Bits(), address.Addr().BitLen())),
		Gateway:       gateway.String(),
		Bridge:        bridge,
		IPPrefixLen:   address.Bits(),
		MacAddress:    mac.String(),
		LinkLocalIPv6: LinkLocal(mac).String(),
	}
}

// PortRequest asks for a published port. HostPorts is zero for any port.
type PortRequest struct {
	ID            string
	HostIP        netip.Addr // invalid: the default
	HostPorts     PortRange
	ContainerPort uint16
	Proto         string
}

// PublishedPort is the answer, in the classic shape of the job's output.
type PublishedPort struct {
	HostIP   string
	HostPort int
}

// LinkRequest opens (Open) or closes the way from Parent to Ports of Child.
type LinkRequest struct {
	Open          bool
	Parent, Child netip.Addr
	Ports         []Port
	IgnoreErrors  bool
}
