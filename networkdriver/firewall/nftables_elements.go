//go:build linux

package firewall

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/enginejobs/docker/pkg/nft"
)

// note puts the halves of a change into an empty state.
func (s *state) note(networks []Network, ports []Port, links []Link) {
	for _, n := range networks {
		s.networks[n.Bridge] = n
	}
	for _, p := range ports {
		s.ports[p.slot()] = p
	}
	for _, l := range links {
		s.links[l]++
	}
}

// elements gives all that belongs into the sets and maps of one family.
func elements(family nft.Family, s *state) map[string][]nft.Element {
	return elementsOf(family, s, func(bridge string) (Network, bool) { n, ok := s.networks[bridge]; return n, ok })
}

// elementsOf does that for a part of the state; the networks of its ports are
// looked up.
func elementsOf(family nft.Family, s *state, network func(string) (Network, bool)) map[string][]nft.Element {
	out := make(map[string][]nft.Element)
	put := func(set string, list ...nft.Element) { out[set] = append(out[set], list...) }
	networkElements(family, s, put)
	for _, list := range []map[slot]Port{s.ports, s.inherited} {
		for _, p := range list {
			if p.Host.Addr().Is6() == (family == nft.IPv6) {
				n, _ := network(p.Bridge)
				portElements(p, n.Proxied, put)
			}
		}
	}
	for l := range s.links {
		if l.Parent.Is6() == (family == nft.IPv6) {
			put(links, linkElement(l))
		}
	}
	return out
}

func networkElements(family nft.Family, s *state, put func(string, ...nft.Element)) {
	var masqueraded, renamed, unhidden []behind
	for _, n := range s.bridges() {
		name := nft.Tuple{}.Interface(n.Bridge)
		put(bridges, nft.Element{Key: name})
		put(within, nft.Element{Key: slices.Concat(name, name)})
		if n.Isolated {
			put(isolated, nft.Element{Key: name})
		}
		if n.Internal {
			put(internal, nft.Element{Key: name})
		}
		source, named := n.source(family == nft.IPv6)
		for _, p := range n.Subnets {
			if p.Addr().Is6() != (family == nft.IPv6) {
				continue
			}
			switch {
			case n.Internal || !n.Masquerade:
				unhidden = append(unhidden, behind{p.Masked(), nil})
			case named:
				unhidden = append(unhidden, behind{p.Masked(), nil})
				renamed = append(renamed, behind{p.Masked(), nft.Tuple{}.Addr(source)})
			default:
				masqueraded = append(masqueraded, behind{p.Masked(), nil})
			}
		}
	}
	for _, b := range disjoint(unhidden) {
		put(plain, nft.Prefix(b.Prefix, nil)...)
	}
	for _, b := range disjoint(masqueraded) {
		put(hidden, nft.Prefix(b.Prefix, nil)...)
	}
	for _, b := range disjoint(renamed) {
		put(sources, nft.Prefix(b.Prefix, b.source)...)
	}
}

// behind is a range of addresses that is hidden behind another address.
type behind struct {
	netip.Prefix
	source nft.Tuple
}

// disjoint leaves out what lies in others: ranges in sets must not overlap.
func disjoint(list []behind) (out []behind) {
	slices.SortFunc(list, func(a, b behind) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	for _, b := range list {
		if len(out) == 0 || !out[len(out)-1].Overlaps(b.Prefix) {
			out = append(out, b)
		}
	}
	return out
}

// portElements is the entry of a published port, and what the proxy serves.
func portElements(p Port, proxied bool, put func(string, ...nft.Element)) {
	var at nft.Tuple
	redirections, exceptions := published, served
	if !p.Host.Addr().IsUnspecified() {
		redirections, exceptions = publishedAt, servedAt
		at = at.Addr(p.Host.Addr())
	}
	key := at.Proto(number(p.Proto)).Port(p.Host.Port())
	put(redirections, nft.Element{Key: key, Value: nft.Tuple{}.Addr(p.Container.Addr()).Port(p.Container.Port())})
	if p.Host.Addr().Is4() && p.Host.Addr().IsLoopback() {
		put(onlyHere, nft.Element{Key: key})
	}
	if proxied {
		put(exceptions, nft.Element{Key: append(nft.Tuple{}.Interface(p.Bridge), key...)})
	}
}

func linkElement(l Link) nft.Element {
	return nft.Element{Key: nft.Tuple{}.Interface(l.Bridge).Addr(l.Parent).Addr(l.Child).Proto(number(l.Proto)).Port(l.Port)}
}
