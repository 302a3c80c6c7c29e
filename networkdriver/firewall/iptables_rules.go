//go:build linux

package firewall

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// rule is what stands behind "-A CHAIN": words as iptables-save writes them, so
// that what is there can be compared with what should be there.
type rule string

func words(list ...string) rule { return rule(strings.Join(list, "\x00")) }

// chain is one of our chains.
type chain struct {
	name  string
	fixed bool // its rules never change; otherwise they may stand in any order
	first bool // new rules are put before those that are there
	rules []rule
}

// jump leads from a chain of the kernel to ours. It stands first there, or
// behind the last one to a chain with a certain suffix, of whatever engine.
type jump struct {
	from   string
	rule   rule
	behind string
}

// table is our part of one.
type table struct {
	name   string
	chains []chain
	jumps  []jump
}

// userChain is where the administrator puts rules that come before ours. Other
// engines honour the same one.
const userChain = "DOCKER-USER"

// The names of our chains, behind the prefix.
const (
	chainGuard    = "GUARD" // raw: loopback addresses stay on the host
	chainLoopback = "LO"    // raw: from where they do not come
	chainRedirect = "DNAT"  // nat
	chainAt       = "AT"    // nat: published at one address
	chainAny      = "ANY"   // nat: published at all addresses
	chainHide     = "SNAT"  // nat
	chainOwn      = "OWN"   // nat: sources on our networks
	chainBack     = "BACK"  // nat: to our bridges
	chainForward  = "FWD"   // filter
	chainSelf     = "SELF"  // filter: packets that stay on a bridge
	chainInternal = "INT"   // filter: bridges that nothing leaves or enters
	chainTo       = "TO"    // filter: packets that enter our bridges
	chainInbound  = "IN"    // filter: what may enter
	chainAccept   = "PASS"  // filter: packets to and from our bridges
	chainLinked   = "LINK"  // filter: isolated bridges
	chainWays     = "WAYS"  // filter: links
	chainSecret   = "OUT"   // filter, IPv6: isolated bridges are told no shorter way
)

// ownChains lists them all.
var ownChains = [...]string{
	chainGuard, chainLoopback, chainRedirect, chainAt, chainAny, chainHide, chainOwn, chainBack,
	chainForward, chainSelf, chainInternal, chainTo, chainInbound, chainAccept, chainLinked, chainWays, chainSecret,
}

// tableNames lists the tables that we write into.
var tableNames = [...]string{"raw", "nat", "filter"}

// longest is how long the name of a chain may be, and what a suffix takes.
const longest, longestSuffix = 28, 6

// prefix is what the names of our chains begin with.
func prefix(name string) string {
	if len(name)+longestSuffix <= longest {
		return name + "-"
	}
	sum := sha256.Sum256([]byte(name))
	return name[:longest-longestSuffix-5] + hex.EncodeToString(sum[:2]) + "-"
}

// rulebook renders the state for one family.
type rulebook struct {
	name, prefix string
	ipv6         bool
}

func (r rulebook) chain(suffix string) string { return r.prefix + suffix }

// comment says in chains of the kernel whose rule this is.
func (r rulebook) comment(rest ...string) rule {
	return words(append([]string{"-m", "comment", "--comment", r.name}, rest...)...)
}

func (r rulebook) loopback() string {
	if r.ipv6 {
		return "::1/128"
	}
	return "127.0.0.0/8"
}

// tables renders all of them. created says that the chain of the administrator
// was missing.
func (r rulebook) tables(s *state, created bool) []table {
	list := []table{r.nat(s), r.filter(s, created)}
	if !r.ipv6 {
		list = append(list, r.raw(s))
	}
	return list
}

// raw keeps loopback addresses on the host; see guard of the nftables backend.
func (r rulebook) raw(s *state) table {
	strange := chain{name: r.chain(chainLoopback)}
	for _, n := range s.bridges() {
		strange.rules = append(strange.rules, words("-i", n.Bridge, "-j", "DROP"))
	}
	for _, p := range s.redirections() {
		if p.Host.Addr().IsLoopback() && p.Host.Addr().Is4() {
			strange.rules = append(strange.rules,
				words("-d", p.Host.Addr().String()+"/32", "-p", p.Proto, "-m", p.Proto, "--dport", port(p.Host), "-j", "DROP"))
		}
	}
	guard := chain{name: r.chain(chainGuard), fixed: true, rules: []rule{
		words("-d", r.loopback(), "!", "-i", "lo", "-j", strange.name),
		words("-s", r.loopback(), "!", "-i", "lo", "-j", strange.name),
	}}
	return table{"raw", []chain{guard, strange}, []jump{{"PREROUTING", r.comment("-j", guard.name), ""}}}
}

// nat redirects published ports and hides containers.
func (r rulebook) nat(s *state) table {
	at, everywhere := chain{name: r.chain(chainAt)}, chain{name: r.chain(chainAny)}
	for _, p := range s.redirections() {
		switch {
		case p.Host.Addr().Is6() != r.ipv6:
		case p.Host.Addr().IsUnspecified():
			everywhere.rules = append(everywhere.rules, r.redirection(s, p))
		default:
			at.rules = append(at.rules, r.redirection(s, p))
		}
	}
	redirect := chain{name: r.chain(chainRedirect), fixed: true, rules: []rule{words("-j", at.name), words("-j", everywhere.name)}}

	own, back := chain{name: r.chain(chainOwn)}, chain{name: r.chain(chainBack)}
	hide := chain{name: r.chain(chainHide), rules: []rule{words("-m", "conntrack", "--ctstate", "DNAT", "-j", own.name)}}
	if !r.ipv6 {
		hide.rules = append(hide.rules, words("-s", r.loopback(), "-j", back.name))
	}
	for _, n := range s.bridges() {
		back.rules = append(back.rules, words("-o", n.Bridge, "-j", "MASQUERADE"))
		for _, p := range n.Subnets {
			if p.Addr().Is6() != r.ipv6 {
				continue
			}
			own.rules = append(own.rules, words("-s", network(p), "-j", back.name))
			if n.Internal || !n.Masquerade {
				continue
			}
			target := []string{"MASQUERADE"}
			if source, named := n.source(r.ipv6); named {
				target = []string{"SNAT", "--to-source", source.String()}
			}
			hide.rules = append(hide.rules, words(append([]string{"-s", network(p), "!", "-o", n.Bridge, "-j"}, target...)...))
		}
	}
	out := r.comment("-m", "addrtype", "--dst-type", "LOCAL", "-j", redirect.name)
	in := out
	if r.ipv6 { // the IPv6 loopback address cannot be left: a proxy serves it
		out = words("!", "-d", r.loopback()) + "\x00" + out
	}
	return table{"nat", []chain{redirect, at, everywhere, hide, own, back},
		[]jump{{"PREROUTING", in, ""}, {"OUTPUT", out, ""}, {"POSTROUTING", r.comment("-j", hide.name), ""}}}
}

// redirection is the rule of one port. Containers of a proxied bridge go on to
// the proxy.
func (r rulebook) redirection(s *state, p Port) rule {
	var list []string
	if !p.Host.Addr().IsUnspecified() {
		list = append(list, "-d", network(netip.PrefixFrom(p.Host.Addr(), p.Host.Addr().BitLen())))
	}
	if s.networks[p.Bridge].Proxied {
		list = append(list, "!", "-i", p.Bridge)
	}
	return words(append(list, "-p", p.Proto, "-m", p.Proto, "--dport", port(p.Host), "-j", "DNAT", "--to-destination", p.Container.String())...)
}

// filter says who may talk to whom through the host. First come the chains of
// all engines that drop, then those that accept: what one engine accepts, the
// other may have to drop.
func (r rulebook) filter(s *state, created bool) table {
	ways := chain{name: r.chain(chainWays), first: true}
	linked, inbound := chain{name: r.chain(chainLinked), fixed: true}, chain{name: r.chain(chainInbound), fixed: true}
	letIn := []rule{
		words("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "RETURN"),
		words("-m", "conntrack", "--ctstate", "DNAT", "-j", "RETURN"),
	}
	inbound.rules = append(slices.Clone(letIn), words("-j", "DROP"))
	linked.rules = append(slices.Clone(letIn), words("-g", ways.name))
	for l := range s.links {
		if l.Parent.Is6() == r.ipv6 {
			ways.rules = append(ways.rules, r.way(l, l.Parent, l.Child, "--dport"), r.way(l, l.Child, l.Parent, "--sport"))
		}
	}
	ways.rules = append(ways.rules, words("-j", "DROP"))
	self, internals := chain{name: r.chain(chainSelf)}, chain{name: r.chain(chainInternal)}
	to, accept := chain{name: r.chain(chainTo)}, chain{name: r.chain(chainAccept)}
	for _, n := range s.bridges() {
		if n.Isolated {
			self.rules = append(self.rules, words("-i", n.Bridge, "-o", n.Bridge, "-j", linked.name))
		}
		if n.Internal {
			internals.rules = append(internals.rules, words("-i", n.Bridge, "!", "-o", n.Bridge, "-j", "DROP"), words("!", "-i", n.Bridge, "-o", n.Bridge, "-j", "DROP"))
		}
		to.rules = append(to.rules, words("!", "-i", n.Bridge, "-o", n.Bridge, "-j", inbound.name))
		accept.rules = append(accept.rules, words("-o", n.Bridge, "-j", "ACCEPT"), words("-i", n.Bridge, "-j", "ACCEPT"))
	}
	user := words("-j", userChain)
	if created {
		user = r.comment("-j", userChain) // ours to delete
	}
	forward := chain{name: r.chain(chainForward), fixed: true, rules: []rule{
		user, words("-j", self.name), words("-j", internals.name), words("-j", to.name),
	}}
	t := table{"filter", []chain{forward, self, internals, to, inbound, linked, ways, accept}, []jump{
		{"FORWARD", r.comment("-j", forward.name), ""},
		{"FORWARD", r.comment("-j", accept.name), chainForward},
	}}
	if r.ipv6 {
		secret := r.secret(s)
		redirects := words("-p", "ipv6-icmp", "-m", "icmp6", "--icmpv6-type", strconv.Itoa(redirectMessage))
		t.chains = append(t.chains, secret)
		t.jumps = append(t.jumps, jump{"OUTPUT", redirects + "\x00" + r.comment("-j", secret.name), ""})
	}
	return t
}

// secret is the chain that does what its namesake in nftables does.
func (r rulebook) secret(s *state) chain {
	c := chain{name: r.chain(chainSecret)}
	for _, n := range s.bridges() {
		if n.Isolated {
			c.rules = append(c.rules, words("-o", n.Bridge, "-j", "DROP"))
		}
	}
	return c
}

// way is one direction of a link.
func (r rulebook) way(l Link, from, to netip.Addr, side string) rule {
	host := func(ip netip.Addr) string { return network(netip.PrefixFrom(ip, ip.BitLen())) }
	return words("-s", host(from), "-d", host(to), "-i", l.Bridge, "-p", l.Proto, "-m", l.Proto, side, strconv.Itoa(int(l.Port)), "-j", "RETURN")
}

// network writes a prefix as iptables-save does.
func network(p netip.Prefix) string { return p.Masked().String() }

func port(at netip.AddrPort) string { return strconv.Itoa(int(at.Port())) }
