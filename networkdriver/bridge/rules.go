//go:build linux

package bridge

import (
	"net/netip"

	"github.com/enginejobs/docker/networkdriver/portmapper"
	"github.com/enginejobs/docker/pkg/nft"
)

// The sets and maps of our table.
const (
	published   = "published"    // protocol . port : container, for all host addresses
	publishedAt = "published-at" // address . protocol . port : container
	links       = "links"        // parent . child . protocol . port
)

// write fills a batch with all that should be there. It replaces the table, so
// that the kernel goes from the old rules to the new ones in one step.
func (f *firewall) write(b *nft.Batch) {
	b.Replace(f.table)
	b.Map(f.table, published, []nft.Type{nft.Proto, nft.Service}, []nft.Type{nft.Addr4, nft.Service})
	b.Map(f.table, publishedAt, []nft.Type{nft.Addr4, nft.Proto, nft.Service}, []nft.Type{nft.Addr4, nft.Service})
	f.writeNAT(b)
	f.writeForward(b)
	for k, e := range f.legacy {
		b.Add(f.table, k.set, e)
	}
	for m := range f.ports {
		set, e := portElement(m)
		b.Add(f.table, set, e)
	}
	for l := range f.links {
		b.Add(f.table, links, linkElement(l))
	}
}

// writeNAT redirects published ports, and hides containers.
func (f *firewall) writeNAT(b *nft.Batch) {
	t, br, network := f.table, f.device.name, f.device.address.Masked()
	loopback := netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8)

	b.SubChain(t, "redirect")
	b.Rule(t, "redirect", nft.RedirectByMap(publishedAt, nft.Dest, nft.L4Proto, nft.DestPort))
	b.Rule(t, "redirect", nft.RedirectByMap(published, nft.L4Proto, nft.DestPort))

	// From elsewhere, and from containers to an address of this host. A frame
	// that is redirected to the bridge it came from may have to leave by the
	// very port it came in, which only hairpin ports allow: with a proxy, that
	// one serves containers of the same bridge.
	b.Chain(t, "prerouting", nft.NAT, nft.Prerouting, nft.PriorityDstNAT)
	if f.cfg.UserlandProxy {
		b.Rule(t, "prerouting", nft.NotFromInterface(br), nft.DestIsLocal(), nft.Jump("redirect"))
	} else {
		b.Rule(t, "prerouting", nft.DestIsLocal(), nft.Jump("redirect"))
	}

	// From this host to an address of its own.
	b.Chain(t, "output", nft.NAT, nft.Output, nft.PriorityDstNAT)
	if f.cfg.UserlandProxy {
		b.Rule(t, "output", nft.DestNotIn(loopback), nft.DestIsLocal(), nft.Jump("redirect"))
	} else {
		b.Rule(t, "output", nft.DestIsLocal(), nft.Jump("redirect"))
	}

	b.Chain(t, "postrouting", nft.NAT, nft.Postrouting, nft.PrioritySrcNAT)
	if f.cfg.Masquerade {
		b.Rule(t, "postrouting", nft.SourceIn(network), nft.NotToInterface(br), nft.Masquerade())
	}
	// A container that reaches another, or itself, through a published port:
	// the answer must come back this way.
	b.Rule(t, "postrouting", nft.SourceIn(network), nft.ToInterface(br), nft.Redirected(), nft.Masquerade())
	if !f.cfg.UserlandProxy {
		b.Rule(t, "postrouting", nft.SourceIn(loopback), nft.ToInterface(br), nft.Masquerade())
		// The bridge may carry loopback addresses outwards, never inwards.
		b.Chain(t, "guard", nft.Filter, nft.Prerouting, nft.PriorityRaw)
		b.Rule(t, "guard", nft.FromInterface(br), nft.DestIn(loopback), nft.Drop())
		b.Rule(t, "guard", nft.FromInterface(br), nft.SourceIn(loopback), nft.Drop())
	}
}

// writeForward says who may talk to whom through the host.
func (f *firewall) writeForward(b *nft.Batch) {
	t, br := f.table, f.device.name
	if !f.cfg.InterContainerCommunication {
		b.Set(t, links, nft.Addr4, nft.Addr4, nft.Proto, nft.Service)
	}
	b.Chain(t, "forward", nft.Filter, nft.Forward, nft.PriorityFilter)
	b.Rule(t, "forward", nft.ToInterface(br), nft.Established(), nft.Accept())
	b.Rule(t, "forward", nft.ToInterface(br), nft.Redirected(), nft.Accept())
	if f.cfg.InterContainerCommunication {
		b.Rule(t, "forward", nft.FromInterface(br), nft.ToInterface(br), nft.Accept())
	} else {
		b.Rule(t, "forward", nft.FromInterface(br), nft.ToInterface(br), request(), nft.Accept())
		b.Rule(t, "forward", nft.FromInterface(br), nft.ToInterface(br), answer(), nft.Accept())
	}
	b.Rule(t, "forward", nft.FromInterface(br), nft.NotToInterface(br), nft.Accept())
	// What is not published is not reachable from outside, routed or not.
	b.Rule(t, "forward", nft.ToInterface(br), nft.Drop())
}

// request matches packets of a linked parent to its child, answer those back.
func request() nft.Match {
	return nft.InSet(links, nft.Source, nft.Dest, nft.L4Proto, nft.DestPort)
}

func answer() nft.Match {
	return nft.InSet(links, nft.Dest, nft.Source, nft.L4Proto, nft.SourcePort)
}

// portElement is the entry of a published port, and the map it belongs to.
func portElement(m portmapper.Mapping) (set string, e nft.Element) {
	var key nft.Tuple
	set = published
	if !m.Host.Addr().IsUnspecified() {
		set, key = publishedAt, key.Addr(m.Host.Addr())
	}
	return set, nft.Element{
		Key:   key.Proto(number(m.Proto)).Port(m.Host.Port()),
		Value: nft.Tuple{}.Addr(m.Container.Addr()).Port(m.Container.Port()),
	}
}

func linkElement(l link) nft.Element {
	return nft.Element{Key: nft.Tuple{}.Addr(l.parent).Addr(l.child).Proto(number(l.port.Proto)).Port(l.port.Number)}
}
