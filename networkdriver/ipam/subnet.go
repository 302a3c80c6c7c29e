package ipam

import (
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// Subnet hands out the addresses of one network, each time the next free one
// after the last handed out, wrapping at the end, so that an address that was
// just given back is not at once somebody else's.
type Subnet struct {
	cfg         Config
	pools       *Pools
	first, last netip.Addr // drawn from, both included

	mu    sync.Mutex            // guards what follows
	taken map[netip.Addr]uint64 // bits of 64 addresses each, by the first of them
	free  uint64                // between first and last; a huge number of IPv6 is cut off
	next  netip.Addr
}

// newSubnet completes and checks a configuration.
func newSubnet(cfg Config) (*Subnet, error) {
	cfg.Aux = maps.Clone(cfg.Aux)
	if err := checkSubnet(cfg.Subnet); err != nil {
		return nil, err
	}
	cfg.Subnet = cfg.Subnet.Masked()
	s := &Subnet{first: cfg.Subnet.Addr().Next(), last: last(cfg.Subnet), taken: make(map[netip.Addr]uint64)}
	if cfg.Subnet.Addr().Is4() { // the last one is everybody
		s.last = s.last.Prev()
	}
	if cfg.Range.IsValid() {
		cfg.Range = cfg.Range.Masked()
		if err := checkRange(cfg.Range, cfg.Subnet); err != nil {
			return nil, err
		}
		s.first, s.last = larger(s.first, cfg.Range.Addr()), smaller(s.last, last(cfg.Range))
	}
	if !cfg.Gateway.IsValid() {
		cfg.Gateway = cfg.Subnet.Addr().Next()
	}
	s.cfg, s.free = cfg, count(s.first, s.last)
	if s.free == 0 {
		return nil, errdefs.InvalidArgument("invalid ip-range %s: none of its addresses can be a container's", cfg.Range)
	}
	if err := s.block(); err != nil {
		return nil, err
	}
	s.next = s.first
	return s, nil
}

// checkSubnet refuses networks that no container can be on.
func checkSubnet(subnet netip.Prefix) error {
	ip, room := subnet.Addr(), subnet.Addr().BitLen()-2
	switch {
	case !subnet.IsValid():
		return errdefs.InvalidArgument("invalid network config: no subnet")
	case ip.Is4In6():
		return errdefs.InvalidArgument("invalid subnet %s: write the IPv4 network", subnet)
	case subnet.Bits() > room:
		return errdefs.InvalidArgument("invalid subnet %s: it has no room for a gateway and a container, its prefix must have at most %d bits", subnet, room)
	case subnet.Bits() == 0, ip.IsUnspecified(), ip.IsLoopback(), ip.IsMulticast():
		return errdefs.InvalidArgument("invalid subnet %s: its addresses cannot be those of containers", subnet)
	}
	return nil
}

func checkRange(r, subnet netip.Prefix) error {
	switch {
	case r.Addr().Is4() != subnet.Addr().Is4():
		return errdefs.InvalidArgument("invalid ip-range %s: parent subnet is an %s block", r, family(subnet))
	case r.Bits() < subnet.Bits():
		return errdefs.InvalidArgument("invalid ip-range %s: CIDR block is bigger than its parent subnet %s", r, subnet)
	case !subnet.Overlaps(r):
		return errdefs.InvalidArgument("invalid ip-range %s: parent subnet %s doesn't contain ip-range", r, subnet)
	}
	return nil
}

func family(p netip.Prefix) string {
	if p.Addr().Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// block reserves the gateway and the addresses of others.
func (s *Subnet) block() error {
	if why := s.refuses(s.cfg.Gateway); why != "" {
		return errdefs.InvalidArgument("invalid gateway %s: %s", s.cfg.Gateway, why)
	}
	s.mark(s.cfg.Gateway)
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Aux)) {
		ip := s.cfg.Aux[name]
		if why := s.refuses(ip); why != "" {
			return errdefs.InvalidArgument("invalid auxiliary address %s: %s: %s", name, ip, why)
		}
		if ip == s.cfg.Gateway {
			return errdefs.InvalidArgument("invalid auxiliary address %s: %s is the gateway", name, ip)
		}
		s.mark(ip)
	}
	return nil
}

// refuses says why an address cannot be one of the subnet's; nothing when it
// can.
func (s *Subnet) refuses(ip netip.Addr) string {
	switch {
	case !ip.IsValid() || ip.Zone() != "":
		return "invalid address"
	case ip.Is4() != s.cfg.Subnet.Addr().Is4():
		return "parent subnet is an " + family(s.cfg.Subnet) + " block"
	case !s.cfg.Subnet.Contains(ip):
		return "parent subnet " + s.cfg.Subnet.String() + " doesn't contain this address"
	case !s.usable(ip):
		return "it stands for all of " + s.cfg.Subnet.String()
	}
	return ""
}

// usable tells whether a host can have the address.
func (s *Subnet) usable(ip netip.Addr) bool {
	if !s.cfg.Subnet.Contains(ip) || ip.Zone() != "" {
		return false
	}
	return ip.Is6() || ip != s.cfg.Subnet.Addr() && ip != last(s.cfg.Subnet)
}

// Config is what the subnet is, complete.
func (s *Subnet) Config() Config { return s.cfg }

// Next takes the next free address.
func (s *Subnet) Next() (netip.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free == 0 {
		return netip.Addr{}, errdefs.Unavailable("no available ip addresses on network %s", s.cfg.Subnet)
	}
	for ip := s.next; ; {
		base, n := split(ip)
		found, ok := join(base, bits.TrailingZeros64(^s.taken[base]&(^uint64(0)<<n)))
		switch {
		case ok && !s.last.Less(found):
			s.mark(found)
			s.next = s.after(found)
			return found, nil
		default: // on to the next 64, or around
			end, _ := join(base, 63)
			ip = s.after(smaller(end, s.last))
		}
	}
}

// Full tells whether Next has nothing to give.
func (s *Subnet) Full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free == 0
}

func (s *Subnet) after(ip netip.Addr) netip.Addr {
	if ip == s.last {
		return s.first
	}
	return ip.Next()
}

// Reserve takes one given address of the subnet, also outside the range.
func (s *Subnet) Reserve(ip netip.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.usable(ip) {
		return errdefs.InvalidArgument("requested ip is out of range: no configured subnet or ip-range contain the IP address %s: it is not in %s",
			ip, s.cfg.Subnet)
	}
	if s.has(ip) {
		return errdefs.Conflict("ip already allocated: Address already in use: %s", ip)
	}
	s.mark(ip)
	return nil
}

// Release gives an address back. One that is not taken, the gateway and those of
// others are left alone.
func (s *Subnet) Release(ip netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.has(ip) || ip == s.cfg.Gateway {
		return
	}
	for _, other := range s.cfg.Aux {
		if other == ip {
			return
		}
	}
	base, n := split(ip)
	if s.taken[base] &^= 1 << n; s.taken[base] == 0 {
		delete(s.taken, base)
	}
	if s.draws(ip) {
		s.free++
	}
}

// mark takes an address that may be taken already. The caller holds the lock, or
// is alone.
func (s *Subnet) mark(ip netip.Addr) {
	if s.has(ip) {
		return
	}
	base, n := split(ip)
	s.taken[base] |= 1 << n
	if s.draws(ip) {
		s.free--
	}
}

func (s *Subnet) has(ip netip.Addr) bool {
	base, n := split(ip)
	return s.taken[base]&(1<<n) != 0
}

// split finds an address in taken: which 64 it is one of, and which of them.
func split(ip netip.Addr) (base netip.Addr, n uint) {
	if ip.Is4() {
		b := ip.As4()
		n, b[3] = uint(b[3]%64), b[3]&^63
		return netip.AddrFrom4(b), n
	}
	b := ip.As16()
	n, b[15] = uint(b[15]%64), b[15]&^63
	return netip.AddrFrom16(b), n
}

// join is the inverse of split; there are but 64.
func join(base netip.Addr, n int) (netip.Addr, bool) {
	if n > 63 {
		return netip.Addr{}, false
	}
	if base.Is4() {
		b := base.As4()
		b[3] |= byte(n)
		return netip.AddrFrom4(b), true
	}
	b := base.As16()
	b[15] |= byte(n)
	return netip.AddrFrom16(b), true
}

func (s *Subnet) draws(ip netip.Addr) bool { return !ip.Less(s.first) && !s.last.Less(ip) }

// Close gives the subnet back to the pools.
func (s *Subnet) Close() { s.pools.giveBack(s.cfg.Subnet) }

// count is how many addresses there are from first to last, at most 1<<40. A
// range of what no host can have ends right before it begins, and has none.
func count(first, last netip.Addr) uint64 {
	a, b := first.As16(), last.As16()
	var n uint64
	for i := range a {
		n = n<<8 + uint64(b[i]) - uint64(a[i])
		if n > 1<<40 && n < 1<<62 {
			return 1 << 40
		}
	}
	return n + 1
}

func larger(a, b netip.Addr) netip.Addr {
	if a.Less(b) {
		return b
	}
	return a
}

func smaller(a, b netip.Addr) netip.Addr {
	if b.Less(a) {
		return b
	}
	return a
}
