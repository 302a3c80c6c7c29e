package resolver

import (
	"net/netip"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Zone holds the names of one network. All methods may be called at the same
// time.
type Zone struct {
	network string

	mu        sync.RWMutex // guards what follows
	endpoints map[string]*member
	names     map[string][]*member // folded
	owners    map[netip.Addr]*member
	turn      int
}

// member is one endpoint with its names.
type member struct {
	names  []string
	v4, v6 netip.Addr
}

// NewZone makes the zone of a network, which is empty.
func NewZone(network string) *Zone {
	return &Zone{
		network: network, endpoints: make(map[string]*member),
		names: make(map[string][]*member), owners: make(map[netip.Addr]*member),
	}
}

// fold writes a name as it is kept: in lower case, without a dot at its end.
func fold(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Set replaces what an endpoint had. Several may share a name: answers rotate.
// Addresses may be invalid.
func (z *Zone) Set(endpoint string, names []string, v4, v6 netip.Addr) {
	m := &member{v4: v4, v6: v6}
	for _, name := range names {
		if name = fold(name); name != "" && !contains(m.names, name) {
			m.names = append(m.names, name)
		}
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.drop(endpoint)
	z.endpoints[endpoint] = m
	for _, name := range m.names {
		z.names[name] = append(z.names[name], m)
	}
	for _, ip := range []netip.Addr{v4, v6} {
		if ip.IsValid() {
			z.owners[ip] = m
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// Remove forgets an endpoint.
func (z *Zone) Remove(endpoint string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.drop(endpoint)
}

// drop forgets an endpoint. The caller holds the lock.
func (z *Zone) drop(endpoint string) {
	m := z.endpoints[endpoint]
	if m == nil {
		return
	}
	delete(z.endpoints, endpoint)
	for _, name := range m.names {
		var left []*member // a new list: lookups may hold the old one
		for _, other := range z.names[name] {
			if other != m {
				left = append(left, other)
			}
		}
		if z.names[name] = left; len(left) == 0 {
			delete(z.names, name)
		}
	}
	for _, ip := range []netip.Addr{m.v4, m.v6} {
		if z.owners[ip] == m {
			delete(z.owners, ip)
		}
	}
}

// lookup finds the addresses of a name, each time another one first. known tells
// that somebody has the name, if without an address of the family.
func (z *Zone) lookup(name string, v6 bool) (list []netip.Addr, known bool) {
	z.mu.Lock()
	members := z.names[name]
	z.turn++
	turn := z.turn
	z.mu.Unlock()
	for i := range members {
		m := members[(turn+i)%len(members)]
		ip := m.v4
		if v6 {
			ip = m.v6
		}
		if ip.IsValid() {
			list = append(list, ip)
		}
	}
	return list, len(members) > 0
}

// owner is the name of the endpoint that has an address.
func (z *Zone) owner(ip netip.Addr) (string, bool) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	m := z.owners[ip]
	if m == nil || len(m.names) == 0 {
		return "", false
	}
	return dns.Fqdn(m.names[0] + "." + z.network), true
}
