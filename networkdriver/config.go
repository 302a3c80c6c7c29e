package networkdriver

import (
	"net/netip"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// DefaultBridge is the bridge of containers that ask for no network, when the
// user names none.
const DefaultBridge = "docker0"

// Config is what init_networkdriver is told: what holds for all networks, and
// what the default one is like.
type Config struct {
	Root          string       // directory of definitions; empty: they are forgotten at the end
	AddressPools  []string     // base=NETWORK,size=BITS; none: the usual ones
	Nameservers   []netip.Addr // of the host
	Firewall      bool         // write rules
	Backend       string       // of the firewall: nftables, iptables; empty: choose
	IPForward     bool         // switch it on
	DefaultBind   netip.Addr   // host address of published ports
	UserlandProxy bool         // serve what the kernel cannot redirect
	Warm          int          // namespaces that the default network keeps ready

	// The default network.
	NoDefault                   bool         // there is none
	Bridge                      string       // interface name; empty: the default one
	CustomBridge                bool         // the user named it
	BridgeIP, BridgeIPv6        netip.Prefix // invalid: choose
	FixedCIDR, FixedCIDRv6      netip.Prefix // invalid: the whole network
	Gateway, Gateway6           netip.Addr   // invalid: the bridge
	MTU                         int          // 0: that of the default route
	Masquerade                  bool
	InterContainerCommunication bool
	IPv6                        bool
}

// BridgeName is the name of the default bridge.
func (c Config) BridgeName() string {
	if c.Bridge == "" {
		return DefaultBridge
	}
	return c.Bridge
}

// Check refuses combinations that cannot work.
func (c Config) Check() error {
	if err := CheckBridgeName(c.BridgeName()); err != nil {
		return err
	}
	switch {
	case !c.Firewall && !c.InterContainerCommunication:
		return errdefs.InvalidArgument("containers cannot be kept from each other without firewall rules: " +
			"enable iptables or inter-container communication")
	case c.Warm < 0 || c.Warm > 64:
		return errdefs.InvalidArgument("invalid number of warm sandboxes %d: want 0 to 64", c.Warm)
	case c.FixedCIDR.IsValid() && c.BridgeIP.IsValid() && !inside(c.FixedCIDR, c.BridgeIP):
		return errdefs.InvalidArgument("network %s does not contain specified subnet %s", c.BridgeIP.Masked(), c.FixedCIDR)
	case c.FixedCIDRv6.IsValid() && c.BridgeIPv6.IsValid() && !inside(c.FixedCIDRv6, c.BridgeIPv6):
		return errdefs.InvalidArgument("network %s does not contain specified subnet %s", c.BridgeIPv6.Masked(), c.FixedCIDRv6)
	case c.FixedCIDRv6.IsValid() && !c.IPv6:
		return errdefs.InvalidArgument("FixedCIDRv6 %s is of no use without EnableIPv6", c.FixedCIDRv6)
	}
	return CheckMTU(c.MTU)
}

func inside(sub, network netip.Prefix) bool {
	return sub.Bits() >= network.Bits() && network.Contains(sub.Addr())
}

// CheckBridgeName tells whether an interface can have the name.
func CheckBridgeName(name string) error {
	if name == "" || len(name) > 15 || strings.ContainsAny(name, "/ \t\n:%") || name == "." || name == ".." {
		return errdefs.InvalidArgument("invalid bridge name %q: an interface name has at most 15 characters, no space and no slash", name)
	}
	return nil
}
