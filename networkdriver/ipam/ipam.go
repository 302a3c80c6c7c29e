// Package ipam gives networks their subnets and containers their addresses. A
// Pools owns which subnets are in use, a Subnet which of its addresses are: both
// are values with their own lock, in memory only, and are told again after a
// restart. Start reading at Pools.Request, then Subnet.Next. It imports errdefs
// only and knows no link, container or driver; what the host uses its caller
// says.
package ipam

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// Config is one subnet of a network.
type Config struct {
	Subnet  netip.Prefix
	Range   netip.Prefix // where addresses are drawn from; invalid: all of the subnet
	Gateway netip.Addr
	Aux     map[string]netip.Addr // addresses that others have
}

// Pool is a range that is cut into subnets of the same size.
type Pool struct {
	Base netip.Prefix
	Size int // bits of the prefix of each subnet
}

// HostNetworks tells what the host uses: the networks it has or knows the way
// to, and its nameservers.
type HostNetworks func() (routes []netip.Prefix, nameservers []netip.Addr, err error)

// Pools knows which subnets are in use.
type Pools struct {
	list []Pool

	mu    sync.Mutex     // guards taken
	taken []netip.Prefix // none overlaps another; by address
}

// ParsePools reads "base=10.10.0.0/16,size=24".
func ParsePools(texts []string) ([]Pool, error) {
	var list []Pool
	for _, text := range texts {
		p, err := parsePool(text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func parsePool(text string) (p Pool, err error) {
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "base":
			p.Base, err = netip.ParsePrefix(value)
		case "size":
			p.Size, err = strconv.Atoi(value)
		default:
			return p, errdefs.InvalidArgument("invalid default address pool %q: want base=NETWORK,size=BITS", text)
		}
		if err != nil {
			return p, errdefs.InvalidArgument("invalid default address pool %q: want base=NETWORK,size=BITS", text)
		}
	}
	if !p.Base.IsValid() || p.Size < p.Base.Bits() || p.Size > p.Base.Addr().BitLen()-2 {
		return p, errdefs.InvalidArgument("invalid default address pool %q: its size must be between that of the base and room for two addresses", text)
	}
	p.Base = p.Base.Masked()
	return p, nil
}

// New makes the pools. Without any of a family these are used: 172.17.0.0/16 to
// 172.31.0.0/16 and sixteenths of 192.168.0.0/16; for IPv6, networks of 64 bits
// below a random unique local prefix (RFC 4193).
func New(list []Pool) (*Pools, error) {
	list = slices.Clone(list)
	if !slices.ContainsFunc(list, func(p Pool) bool { return p.Base.Addr().Is4() }) {
		for second := range 15 {
			list = append(list, Pool{netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(17 + second)}), 16), 16})
		}
		list = append(list, Pool{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168}), 16), 20})
	}
	if !slices.ContainsFunc(list, func(p Pool) bool { return p.Base.Addr().Is6() }) {
		var b [16]byte
		if _, err := rand.Read(b[1:6]); err != nil {
			return nil, err
		}
		b[0] = 0xfd
		list = append(list, Pool{netip.PrefixFrom(netip.AddrFrom16(b), 48), 64})
	}
	return &Pools{list: list}, nil
}

// Request takes a subnet for a new network. A wish without one gets the first of
// the pools that overlaps no network here and nothing of the host.
//
// Errors: InvalidArgument for a wish that contradicts itself, Forbidden when the
// subnet is another network's, Unavailable when the pools are used up.
func (p *Pools) Request(wish Config, v6 bool, host HostNetworks) (*Subnet, error) {
	if wish.Subnet.IsValid() {
		return p.take(wish, true)
	}
	if wish.Range.IsValid() || wish.Gateway.IsValid() || len(wish.Aux) > 0 {
		return nil, errdefs.InvalidArgument("invalid network config: a range, gateway or auxiliary address needs a subnet")
	}
	routes, nameservers, err := host()
	if err != nil {
		return nil, err
	}
	if s, err := p.first(v6, routes, nameservers); s != nil || err != nil {
		return s, err
	}
	family := "IPv4"
	if v6 {
		family = "IPv6"
	}
	return nil, errdefs.Unavailable("could not find an available, non-overlapping %s address pool among the defaults to assign to the network: "+
		"remove networks, name a subnet, or configure default address pools", family)
}

// Adopt takes the subnet of a network that exists.
func (p *Pools) Adopt(cfg Config) (*Subnet, error) { return p.take(cfg, false) }

// first takes the first free subnet; nil when there is none.
func (p *Pools) first(v6 bool, routes []netip.Prefix, nameservers []netip.Addr) (*Subnet, error) {
	used := make([]netip.Prefix, 0, len(routes)+len(nameservers))
	for _, r := range routes {
		if r.Bits() > 0 && r.Addr().Is6() == v6 { // the default route overlaps everything
			used = append(used, r.Masked())
		}
	}
	for _, ip := range nameservers {
		if ip = ip.Unmap(); ip.Is6() == v6 {
			used = append(used, netip.PrefixFrom(ip, ip.BitLen()))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	used = append(used, p.taken...)
	slices.SortFunc(used, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	for _, pool := range p.list {
		if pool.Base.Addr().Is6() != v6 {
			continue
		}
		subnet, ok := pool.free(used)
		if !ok {
			continue
		}
		s, err := newSubnet(Config{Subnet: subnet})
		if err != nil {
			return nil, err
		}
		s.pools = p
		at, _ := p.find(subnet)
		p.taken = slices.Insert(p.taken, at, subnet)
		return s, nil
	}
	return nil, nil
}

// free is the first subnet that overlaps nothing of used, which is in the order
// of addresses. It steps over what it hits, however large that is, and looks at
// each network once.
func (p Pool) free(used []netip.Prefix) (netip.Prefix, bool) {
	subnet := netip.PrefixFrom(p.Base.Addr(), p.Size)
	end := last(subnet)
	for _, other := range used {
		if end.Less(other.Addr()) && other.Addr().BitLen() == end.BitLen() {
			break // and so do those behind it
		}
		if !subnet.Overlaps(other) {
			continue
		}
		if other := last(other); end.Less(other) {
			end = other
		}
		next := end.Next()
		if !next.IsValid() || !p.Base.Contains(next) {
			return netip.Prefix{}, false
		}
		subnet = netip.PrefixFrom(next, p.Size)
		end = last(subnet)
	}
	return subnet, true
}

// take makes a subnet of a complete or incomplete wish.
func (p *Pools) take(cfg Config, fresh bool) (*Subnet, error) {
	s, err := newSubnet(cfg)
	if err != nil {
		return nil, err
	}
	s.pools = p
	p.mu.Lock()
	defer p.mu.Unlock()
	at, other := p.find(s.cfg.Subnet)
	switch {
	case !other.IsValid():
		p.taken = slices.Insert(p.taken, at, s.cfg.Subnet)
		return s, nil
	case fresh:
		return nil, errdefs.Forbidden("invalid pool request: Pool overlaps with other one on this address space: %s and %s", s.cfg.Subnet, other)
	}
	return nil, errdefs.Conflict("its subnet %s overlaps with %s of another network", s.cfg.Subnet, other)
}

// find tells where in taken a subnet belongs, and which one it overlaps, if any: that
// can only be a neighbour. The caller holds the lock.
func (p *Pools) find(subnet netip.Prefix) (at int, overlaps netip.Prefix) {
	at, _ = slices.BinarySearchFunc(p.taken, subnet, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	for _, other := range p.taken[max(at-1, 0):min(at+1, len(p.taken))] {
		if other.Overlaps(subnet) {
			return at, other
		}
	}
	return at, netip.Prefix{}
}

func (p *Pools) giveBack(subnet netip.Prefix) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, other := p.find(subnet); other == subnet {
		p.taken = slices.Delete(p.taken, at, at+1)
	}
}

// last is the last address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().As16()
	host := p.Addr().BitLen() - p.Bits() // bits at the end
	for i := len(b) - 1; host > 0; i, host = i-1, host-8 {
		b[i] |= byte(1<<min(host, 8) - 1)
	}
	if p.Addr().Is4() {
		return netip.AddrFrom16(b).Unmap()
	}
	return netip.AddrFrom16(b)
}
