//go:build linux

package firewall

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
)

// slot is what a redirection is known by: no two lead from the same one.
type slot struct {
	proto string
	host  netip.AddrPort
}

func (p Port) slot() slot { return slot{p.Proto, p.Host} }

// state is all that should be in the kernel.
type state struct {
	networks map[string]Network // by bridge
	ports    map[slot]Port
	links    map[Link]int // how often each was opened
	// inherited are the redirections of a predecessor that nobody has claimed
	// yet. Their bridge is empty when no known network has their container.
	inherited map[slot]Port
}

func newState() state {
	return state{
		networks: make(map[string]Network), ports: make(map[slot]Port),
		links: make(map[Link]int), inherited: make(map[slot]Port),
	}
}

// redirections lists the ports that are redirected, in a steady order.
func (s *state) redirections() []Port {
	list := slices.AppendSeq(slices.Collect(maps.Values(s.ports)), maps.Values(s.inherited))
	slices.SortFunc(list, func(a, b Port) int {
		if c := strings.Compare(a.Proto, b.Proto); c != 0 {
			return c
		}
		return a.Host.Compare(b.Host)
	})
	return list
}

// bridges lists the networks in a steady order.
func (s *state) bridges() []Network {
	return slices.SortedFunc(maps.Values(s.networks), func(a, b Network) int { return strings.Compare(a.Bridge, b.Bridge) })
}

// network finds the known network of a container.
func (s *state) network(ip netip.Addr) (Network, bool) {
	for _, n := range s.networks {
		for _, p := range n.Subnets {
			if p.Contains(ip) {
				return n, true
			}
		}
	}
	return Network{}, false
}

// change is a step from one state to the next. What is dropped is in the
// kernel before, what is added is not.
type change struct {
	addNetworks, dropNetworks []Network
	addPorts, dropPorts       []Port
	addLinks, dropLinks       []Link
}

func (c *change) empty() bool {
	return len(c.addNetworks)+len(c.dropNetworks)+len(c.addPorts)+len(c.dropPorts)+len(c.addLinks)+len(c.dropLinks) == 0
}

// source is the address that a network is hidden behind, if it is a certain one.
func (n Network) source(ipv6 bool) (netip.Addr, bool) {
	for _, ip := range n.SNAT {
		if ip.Is6() == ipv6 {
			return ip, true
		}
	}
	return netip.Addr{}, false
}

// plainWord tells whether a name means itself wherever rules are written: no
// pattern, no option, nothing to be quoted.
func plainWord(name string) bool {
	return name != "" && name[0] != '-' && !strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("/\"'\\+*!", c)
	})
}

// valid says whether a network can be written at all.
func (f *Firewall) valid(n Network) error {
	if len(n.Bridge) >= unix.IFNAMSIZ || !plainWord(n.Bridge) {
		return errdefs.InvalidArgument("invalid name of a bridge: %q", n.Bridge)
	}
	for _, p := range n.Subnets {
		if !p.IsValid() || p.Addr().Is4In6() {
			return errdefs.InvalidArgument("bridge %s: invalid subnet %s", n.Bridge, p)
		}
		if p.Addr().Is6() && !f.opts.IPv6 {
			return errdefs.InvalidArgument("bridge %s: the firewall is not set up for IPv6 subnet %s", n.Bridge, p)
		}
	}
	var of4, of6 int
	for _, ip := range n.SNAT {
		switch {
		case !ip.IsValid() || ip.Is4In6() || ip.Zone() != "" || ip.IsUnspecified():
			return errdefs.InvalidArgument("bridge %s: invalid source address %s", n.Bridge, ip)
		case ip.Is4():
			of4++
		default:
			of6++
		}
	}
	if of4 > 1 || of6 > 1 {
		return errdefs.InvalidArgument("bridge %s: at most one source address of each family can be used, not %v", n.Bridge, n.SNAT)
	}
	return nil
}

// validPort says whether a port can be written at all.
func (f *Firewall) validPort(p Port) error {
	switch {
	case !protocol(p.Proto):
		return errdefs.InvalidArgument("unsupported protocol %q: want tcp, udp or sctp", p.Proto)
	case !p.Host.IsValid() || !p.Container.IsValid() || p.Host.Port() == 0 || p.Container.Port() == 0,
		p.Host.Addr().Is4In6(), p.Container.Addr().Is4In6(), p.Container.Addr().Zone() != "", p.Host.Addr().Zone() != "",
		p.Container.Addr().IsUnspecified():
		return errdefs.InvalidArgument("invalid redirection of %s to %s", p.Host, p.Container)
	case p.Host.Addr().Is4() != p.Container.Addr().Is4():
		return errdefs.InvalidArgument("%s cannot be redirected to %s: they are of different families", p.Host, p.Container)
	case p.Host.Addr().Is6() && !f.opts.IPv6:
		return errdefs.InvalidArgument("%s cannot be redirected: the firewall is not set up for IPv6", p.Host)
	}
	return nil
}

// validLink says whether a link can be written at all.
func (f *Firewall) validLink(l Link) error {
	switch {
	case !protocol(l.Proto):
		return errdefs.InvalidArgument("unsupported protocol %q: want tcp, udp or sctp", l.Proto)
	case !l.Parent.IsValid() || !l.Child.IsValid() || l.Parent.Is4() != l.Child.Is4() || l.Parent.Is4In6() || l.Child.Is4In6(),
		l.Parent.Zone() != "", l.Child.Zone() != "", l.Port == 0:
		return errdefs.InvalidArgument("invalid link from %s to port %d of %s", l.Parent, l.Port, l.Child)
	case l.Parent.Is6() && !f.opts.IPv6:
		return errdefs.InvalidArgument("%s cannot be linked: the firewall is not set up for IPv6", l.Parent)
	}
	return nil
}

func protocol(name string) bool { return name == "tcp" || name == "udp" || name == "sctp" }

// number is the number of a protocol in an IP header.
func number(proto string) byte {
	switch proto {
	case "udp":
		return unix.IPPROTO_UDP
	case "sctp":
		return unix.IPPROTO_SCTP
	}
	return unix.IPPROTO_TCP
}

// protoName is the opposite of number; empty for other protocols.
func protoName(n byte) string {
	switch n {
	case unix.IPPROTO_TCP:
		return "tcp"
	case unix.IPPROTO_UDP:
		return "udp"
	case unix.IPPROTO_SCTP:
		return "sctp"
	}
	return ""
}
