// Package networkdriver is the contract between the manager of networks and
// what carries them out, with the address arithmetic all drivers share. It owns
// no state. Start reading at Driver and Network; package networks keeps the
// networks and their endpoints, netjobs turns those into jobs, bridge and null
// implement the contract, nettest is the suite they pass. It imports errdefs
// only and must not import the engine, a driver or a link library.
package networkdriver

import (
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"os"

	"github.com/enginejobs/docker/errdefs"
)

// Warn takes what the user should know but need not keep the engine from
// working, one sentence per call.
type Warn func(format string, args ...any)

// Driver makes networks of one kind.
type Driver interface {
	// Settle completes a definition of a network that is about to be made, and
	// refuses what the driver cannot do. It changes nothing on the host.
	Settle(def *Definition) error
	// Open makes a network, or takes over what a predecessor left of it.
	Open(ctx context.Context, spec Spec) (Network, error)
	// Close lets go of what the networks share. All are closed before.
	Close(ctx context.Context) error
}

// Network gives containers their place. All methods may be called at the same
// time; calls for one container id come one after another.
type Network interface {
	// Allocate gives a container an address and, unless Restore is set, a
	// configured interface in a namespace.
	Allocate(ctx context.Context, req InterfaceRequest) (*Interface, error)
	// Release takes back all that the container was given. The interface goes
	// with its namespace, or now, where the container runs on without it.
	Release(ctx context.Context, req ReleaseRequest) error
	// AllocatePort makes a port of the container reachable at the host.
	AllocatePort(ctx context.Context, req PortRequest) (PublishedPort, error)
	// ReleasePorts ends what AllocatePort began.
	ReleasePorts(ctx context.Context, id string) error
	// Link opens or closes the way from one container to ports of another.
	Link(ctx context.Context, req LinkRequest) error
	// Delete removes the network from the host. Nobody is on it.
	Delete(ctx context.Context) error
	// Close removes what nobody needs any more. Containers that still run keep
	// their network.
	Close(ctx context.Context) error
}

// Subnet is the addresses of one family on a network.
type Subnet struct {
	Network netip.Prefix
	Gateway netip.Addr
	Addresses
}

// Addresses hands them out.
type Addresses interface {
	Next() (netip.Addr, error)
	Reserve(ip netip.Addr) error
	Release(ip netip.Addr)
}

// Spec is a network to open: its definition with its addresses.
type Spec struct {
	Definition
	V4, V6 *Subnet // nil: none of that family
	Warn   Warn
}

// InterfaceRequest asks for an interface.
type InterfaceRequest struct {
	ID        string
	IP, IPv6  netip.Addr       // invalid: any
	LinkLocal []netip.Addr     // more addresses, which nobody administers
	MAC       net.HardwareAddr // nil: from the address
	Namespace *os.File         // where the interface goes; nil: a new one
	Name      string           // of the interface in there
	Gateway   bool             // the way to everywhere leads through this network
	Restore   bool             // the container runs already: only remember its addresses
}

// ReleaseRequest says whose interface goes.
type ReleaseRequest struct {
	ID        string
	Namespace *os.File // where the container runs on; nil: it has ended
	Name      string   // of the interface there
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
	// restored interface and one that was added to a namespace.
	SandboxKey string
	// Namespace is that namespace, which the caller closes.
	Namespace *os.File `json:"-"`
}

// Describe fills an Interface from its addresses. Those of one family may be
// missing, and gateways.
func Describe(bridge string, v4, v6 netip.Prefix, gateway4, gateway6 netip.Addr, mac net.HardwareAddr) *Interface {
	i := &Interface{Bridge: bridge, MacAddress: mac.String(), LinkLocalIPv6: LinkLocal(mac).String()}
	if v4.IsValid() {
		i.IP, i.IPPrefixLen = v4.Addr().String(), v4.Bits()
		i.Mask = hex.EncodeToString(net.CIDRMask(v4.Bits(), 32))
	}
	if v6.IsValid() {
		i.GlobalIPv6, i.GlobalIPv6PrefixLen = v6.Addr().String(), v6.Bits()
	}
	if gateway4.IsValid() {
		i.Gateway = gateway4.String()
	}
	if gateway6.IsValid() {
		i.IPv6Gateway = gateway6.String()
	}
	return i
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

// NoInterface is the error for a container that is not on the network.
func NoInterface(id string) error {
	return errdefs.NotFound("No network information to release for %s", id)
}

// NoNetwork is the error for a network that does not exist.
func NoNetwork(ref string) error { return errdefs.NotFound("network %s not found", ref) }
