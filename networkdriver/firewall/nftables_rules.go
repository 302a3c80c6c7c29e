//go:build linux

package firewall

import (
	"net/netip"

	"github.com/enginejobs/docker/pkg/nft"
)

// The sets and maps of our tables. Bridges are known by the names of their
// interfaces, so that one that is made anew is known at once.
const (
	published   = "published"    // protocol . port : container, for all host addresses
	publishedAt = "published-at" // address . protocol . port : container
	served      = "served"       // bridge . protocol . port, left to the proxy for containers there
	servedAt    = "served-at"    // bridge . address . protocol . port
	bridges     = "bridges"      // all of them
	within      = "within"       // bridge . the same: packets that stay on it
	isolated    = "isolated"     // bridges where containers talk over links only
	internal    = "internal"     // bridges that nothing leaves or enters
	links       = "links"        // bridge . parent . child . protocol . port
	hidden      = "hidden"       // ranges of addresses that are masqueraded
	sources     = "sources"      // ranges of addresses : what they are hidden behind
	plain       = "plain"        // ranges of addresses that are not masqueraded
	onlyHere    = "only-here"    // address . protocol . port, published at a loopback address
)

// sets lists them all.
var sets = [...]string{published, publishedAt, served, servedAt, bridges, within, isolated, internal, links, hidden, sources, plain, onlyHere}

// ruleset writes the table of one family. However many networks there are, a
// packet meets the same few rules.
type ruleset struct {
	*nft.Batch
	t nft.Table
}

func (r ruleset) rule(chain string, parts ...nft.Match) { r.Rule(r.t, chain, parts...) }

func (r ruleset) write() {
	addr := r.t.Family.Addr()
	r.Replace(r.t)
	r.Map(r.t, published, []nft.Type{nft.Proto, nft.Service}, []nft.Type{addr, nft.Service})
	r.Map(r.t, publishedAt, []nft.Type{addr, nft.Proto, nft.Service}, []nft.Type{addr, nft.Service})
	r.Set(r.t, served, nft.Interface, nft.Proto, nft.Service)
	r.Set(r.t, servedAt, nft.Interface, addr, nft.Proto, nft.Service)
	r.Set(r.t, bridges, nft.Interface)
	r.Set(r.t, within, nft.Interface, nft.Interface)
	r.Set(r.t, isolated, nft.Interface)
	r.Set(r.t, internal, nft.Interface)
	r.Set(r.t, links, nft.Interface, addr, addr, nft.Proto, nft.Service)
	r.Ranges(r.t, hidden, addr)
	r.RangeMap(r.t, sources, addr, addr)
	r.Ranges(r.t, plain, addr)
	if r.t.Family == nft.IPv4 {
		r.Set(r.t, onlyHere, addr, nft.Proto, nft.Service)
		r.guard()
	}
	r.redirect()
	r.hide()
	r.forward()
	if r.t.Family == nft.IPv6 {
		r.secret()
	}
}

// loopback is the network that never leaves the host, but for the way from the
// host's processes to a redirected port.
func (r ruleset) loopback() netip.Prefix {
	if r.t.Family == nft.IPv6 {
		return netip.PrefixFrom(netip.IPv6Loopback(), 128)
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8)
}

// guard keeps loopback addresses on the host. The kernel does that by itself
// where route_localnet is off, as it must be on for our bridges: a host process
// that reaches a container by 127.0.0.1 gets its answers there. For IPv6 there
// is no such switch.
func (r ruleset) guard() {
	fam := r.t.Family
	r.Chain(r.t, "guard", nft.Filter, nft.Prerouting, nft.PriorityRaw)
	r.rule("guard", nft.DestIn(r.loopback()), fam.InSet(bridges, nft.FromName), nft.Drop())
	r.rule("guard", nft.SourceIn(r.loopback()), fam.InSet(bridges, nft.FromName), nft.Drop())
	// The administrator may have switched it on elsewhere: what is published
	// at a loopback address is for this host all the same.
	r.rule("guard", nft.DestIn(r.loopback()), nft.NotFromInterface("lo"),
		fam.InSet(onlyHere, nft.Dest, nft.L4Proto, nft.DestPort), nft.Drop())
}

// redirect sends packets for published ports to containers.
func (r ruleset) redirect() {
	fam := r.t.Family
	r.SubChain(r.t, "to-containers")
	// A frame that is redirected to the bridge it came from may have to leave
	// by the very port it came in, which only hairpin ports allow: elsewhere a
	// proxy serves containers of the same bridge.
	r.rule("to-containers", fam.InSet(servedAt, nft.FromName, nft.Dest, nft.L4Proto, nft.DestPort), nft.Return())
	r.rule("to-containers", fam.RedirectByMap(publishedAt, nft.Dest, nft.L4Proto, nft.DestPort))
	r.rule("to-containers", fam.InSet(served, nft.FromName, nft.L4Proto, nft.DestPort), nft.Return())
	r.rule("to-containers", fam.RedirectByMap(published, nft.L4Proto, nft.DestPort))

	// From elsewhere, and from containers to an address of this host.
	r.Chain(r.t, "prerouting", nft.NAT, nft.Prerouting, nft.PriorityDstNAT)
	r.rule("prerouting", nft.DestIsLocal(), nft.Jump("to-containers"))

	// From this host to an address of its own. The IPv6 loopback address cannot
	// be left: a proxy serves it.
	r.Chain(r.t, "output", nft.NAT, nft.Output, nft.PriorityDstNAT)
	if fam == nft.IPv6 {
		r.rule("output", nft.DestNotIn(r.loopback()), nft.DestIsLocal(), nft.Jump("to-containers"))
	} else {
		r.rule("output", nft.DestIsLocal(), nft.Jump("to-containers"))
	}
}

// hide rewrites sources.
func (r ruleset) hide() {
	fam := r.t.Family
	r.Chain(r.t, "postrouting", nft.NAT, nft.Postrouting, nft.PrioritySrcNAT)
	// A container that reaches another, or itself, through a published port:
	// the answer must come back this way. Where it came from is asked of its
	// address, because frames that stay on a bridge have no interface here.
	r.SubChain(r.t, "back")
	r.rule("back", fam.InSet(hidden, nft.Source), nft.Masquerade())
	r.rule("back", fam.InSet(plain, nft.Source), nft.Masquerade())
	r.rule("postrouting", fam.InSet(bridges, nft.ToName), nft.Redirected(), nft.Jump("back"))
	// A process of this host that was redirected from a loopback address.
	if fam == nft.IPv4 {
		r.rule("postrouting", nft.SourceIn(r.loopback()), fam.InSet(bridges, nft.ToName), nft.Masquerade())
	}
	r.rule("postrouting", fam.InSet(bridges, nft.ToName), nft.Return())
	r.rule("postrouting", fam.SourceByMap(sources, nft.Source))
	r.rule("postrouting", fam.InSet(hidden, nft.Source), nft.Masquerade())
}

// forward says who may talk to whom through the host.
func (r ruleset) forward() {
	fam := r.t.Family
	r.SubChain(r.t, "linked")
	r.SubChain(r.t, "inside")
	r.SubChain(r.t, "inbound")

	r.rule("linked", nft.Established(), nft.Accept())
	r.rule("linked", nft.Redirected(), nft.Accept())
	r.rule("linked", fam.InSet(links, nft.FromName, nft.Source, nft.Dest, nft.L4Proto, nft.DestPort), nft.Accept())
	r.rule("linked", fam.InSet(links, nft.FromName, nft.Dest, nft.Source, nft.L4Proto, nft.SourcePort), nft.Accept())
	r.rule("linked", nft.Drop())

	r.rule("inside", fam.InSet(isolated, nft.FromName), nft.Goto("linked"))
	r.rule("inside", nft.Accept())

	// What is not published is not reachable from outside, routed or not.
	r.rule("inbound", nft.Established(), nft.Accept())
	r.rule("inbound", nft.Redirected(), nft.Accept())
	r.rule("inbound", nft.Drop())

	r.Chain(r.t, "forward", nft.Filter, nft.Forward, nft.PriorityFilter)
	r.rule("forward", fam.InSet(within, nft.FromName, nft.ToName), nft.Goto("inside"))
	r.rule("forward", fam.InSet(internal, nft.FromName), nft.Drop())
	r.rule("forward", fam.InSet(internal, nft.ToName), nft.Drop())
	r.rule("forward", fam.InSet(bridges, nft.ToName), nft.Goto("inbound"))
}

// secret keeps the host from telling isolated containers that they are on the
// same link: they would send frames to each other directly, which their ports
// drop. For IPv4 the driver switches that off; for IPv6 there is no such switch.
func (r ruleset) secret() {
	r.Chain(r.t, "output-filter", nft.Filter, nft.Output, nft.PriorityFilter)
	r.rule("output-filter", nft.IPv6.ICMPType(redirectMessage), nft.IPv6.InSet(isolated, nft.ToName), nft.Drop())
}

// redirectMessage is the type of an ICMPv6 message, RFC 4861, 4.5.
const redirectMessage = 137
