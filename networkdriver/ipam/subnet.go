package ipam

import (
	"maps"
	"net/netip"
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

	mu    sync.Mutex // guards what follows
	taken map[netip.Addr]struct{}
	free  uint64 // between first and last; a huge number of IPv6 is cut off
	next  netip.Addr
}

// newSubnet completes and checks a configuration.
func newSubnet(cfg Config) (*Subnet, error) {
	cfg.Aux = maps.Clone(cfg.Aux)
	room := cfg.Subnet.Addr().BitLen() - 2
	if !cfg.Subnet.IsValid() || cfg.Subnet.Bits() > room {
		return nil, errdefs.InvalidArgument("subnet %s has no room for a gateway and a container: its prefix has at most %d bits", cfg.Subnet, room)
	}
	if cfg.Subnet.Addr().Is4In6() {
		return nil, errdefs.InvalidArgument("invalid subnet %s: write the IPv4 network", cfg.Subnet)
	}
	cfg.Subnet = cfg.Subnet.Masked()
	s := &Subnet{first: cfg.Subnet.Addr().Next(), last: last(cfg.Subnet), taken: make(map[netip.Addr]struct{})}
	if cfg.Subnet.Addr().Is4() { // the last one is everybody
		s.last = s.last.Prev()
	}
	if cfg.Range.IsValid() {
		cfg.Range = cfg.Range.Masked()
		switch {
		case cfg.Range.Bits() < cfg.Subnet.Bits() || !cfg.Subnet.Contains(cfg.Range.Addr()):
			return nil, errdefs.InvalidArgument("no matching subnet for range %s: %s does not contain specified subnet", cfg.Range, cfg.Subnet)
		case cfg.Range.Bits() > room:
			return nil, errdefs.InvalidArgument("subnet %s has no room for an address", cfg.Range)
		}
		s.first, s.last = larger(s.first, cfg.Range.Addr()), smaller(s.last, last(cfg.Range))
	}
	if !cfg.Gateway.IsValid() {
		cfg.Gateway = cfg.Subnet.Addr().Next()
	}
	s.cfg, s.free = cfg, count(s.first, s.last)
	if err := s.block(); err != nil {
		return nil, err
	}
	s.next = s.first
	return s, nil
}

// block reserves the gateway and the addresses of others.
func (s *Subnet) block() error {
	if !s.usable(s.cfg.Gateway) {
		return errdefs.InvalidArgument("no matching subnet for gateway %s: it is not an address in %s", s.cfg.Gateway, s.cfg.Subnet)
	}
	s.mark(s.cfg.Gateway)
	for name, ip := range s.cfg.Aux {
		if !s.usable(ip) {
			return errdefs.InvalidArgument("no matching subnet for aux-address %s (%s): it is not an address in %s", ip, name, s.cfg.Subnet)
		}
		s.mark(ip)
	}
	return nil
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
	ip := s.next
	for {
		if _, taken := s.taken[ip]; !taken {
			s.mark(ip)
			s.next = s.after(ip)
			return ip, nil
		}
		ip = s.after(ip)
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
	if _, taken := s.taken[ip]; taken {
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
	if _, taken := s.taken[ip]; !taken || ip == s.cfg.Gateway {
		return
	}
	for _, other := range s.cfg.Aux {
		if other == ip {
			return
		}
	}
	delete(s.taken, ip)
	if s.draws(ip) {
		s.free++
	}
}

// mark takes an address that may be taken already. The caller holds the lock, or
// is alone.
func (s *Subnet) mark(ip netip.Addr) {
	if _, taken := s.taken[ip]; taken {
		return
	}
	s.taken[ip] = struct{}{}
	if s.draws(ip) {
		s.free--
	}
}

func (s *Subnet) draws(ip netip.Addr) bool { return !ip.Less(s.first) && !s.last.Less(ip) }

// Close gives the subnet back to the pools.
func (s *Subnet) Close() { s.pools.giveBack(s.cfg.Subnet) }

// count is how many addresses there are from first to last, at most 1<<40.
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
