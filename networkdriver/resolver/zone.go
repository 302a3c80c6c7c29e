//go:build linux

package resolver

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"
)

// Zone holds the names of one network. All methods may be called at the same
// time.
type Zone struct {
	network string
	suffix  string // what follows a name that says its network, folded

	mu        sync.RWMutex // guards what follows
	endpoints map[string]*member
	names     map[string]*entry // by folded name
	owners    map[netip.Addr]*member
}

// member is one endpoint with its names. It never changes.
type member struct {
	names  []string // folded
	whole  string   // the first that can be one, with the network's, as it was given
	v4, v6 netip.Addr
}

// entry is who has a name. Only turn changes: another list is another entry.
type entry struct {
	members []*member
	turn    *[2]atomic.Uint32 // who is first in the next answer, of IPv4 and of IPv6
}

// NewZone makes the zone of a network, which is empty.
func NewZone(network string) *Zone {
	return &Zone{
		network: network, suffix: "." + fold(network), endpoints: make(map[string]*member),
		names: make(map[string]*entry), owners: make(map[netip.Addr]*member),
	}
}

// fold writes a name as it is kept: in lower case, without a dot at its end.
func fold(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Set replaces what an endpoint had. The first name, unless it is too long for one
// of DNS, is the one that its addresses have in reverse. Several endpoints may share a name: answers rotate. Either
// address may be the zero Addr. Names may be in any case, without the network's.
func (z *Zone) Set(endpoint string, names []string, v4, v6 netip.Addr) {
	m := &member{v4: v4.Unmap(), v6: v6}
	for _, name := range names {
		folded := fold(name)
		if folded == "" || slices.Contains(m.names, folded) {
			continue
		}
		whole := strings.TrimSuffix(name, ".") + "." + z.network
		if _, ok := dns.IsDomainName(whole); ok && m.whole == "" {
			m.whole = dns.Fqdn(whole)
		}
		m.names = append(m.names, folded)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.drop(endpoint)
	z.endpoints[endpoint] = m
	for _, name := range m.names {
		old := z.names[name]
		if old == nil {
			old = &entry{turn: new([2]atomic.Uint32)}
		}
		z.names[name] = &entry{members: append(slices.Clip(old.members), m), turn: old.turn}
	}
	for _, ip := range []netip.Addr{m.v4, m.v6} {
		if ip.IsValid() {
			z.owners[ip] = m
		}
	}
}

// Remove forgets an endpoint. One that is not there is no error.
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
		old := z.names[name]
		var left []*member
		for _, other := range old.members {
			if other != m {
				left = append(left, other)
			}
		}
		if len(left) == 0 {
			delete(z.names, name)
			continue
		}
		z.names[name] = &entry{members: left, turn: old.turn}
	}
	for _, ip := range []netip.Addr{m.v4, m.v6} {
		if z.owners[ip] == m {
			delete(z.owners, ip)
		}
	}
}

// find looks up a folded name, which may be an alias for another. nil: nobody has it.
func (z *Zone) find(aliases map[string]string, name string) *entry {
	if other, ok := aliases[name]; ok {
		name = other
	}
	z.mu.RLock()
	defer z.mu.RUnlock()
	return z.names[name]
}

// addresses lists those of one family, each time another one first. The families
// take turns of their own: clients ask for both at a time.
func (e *entry) addresses(six bool) []netip.Addr {
	list := make([]netip.Addr, 0, len(e.members))
	family := 0
	if six {
		family = 1
	}
	for _, m := range e.members {
		ip := [2]netip.Addr{m.v4, m.v6}[family]
		if ip.IsValid() {
			list = append(list, ip)
		}
	}
	if len(list) < 2 {
		return list
	}
	first := int((e.turn[family].Add(1) - 1) % uint32(len(list)))
	return append(list[first:len(list):len(list)], list[:first]...)
}

// owner is the name of the endpoint that has an address, with the network's.
func (z *Zone) owner(ip netip.Addr) (string, bool) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	m := z.owners[ip]
	if m == nil || m.whole == "" {
		return "", false
	}
	return m.whole, true
}
