// Package ipallocator hands out the IPv4 addresses of one network. An
// Allocator is a value with its own lock; it owns which addresses are taken,
// in memory only: after a restart the addresses of running containers are
// reserved again one by one. Start reading at New. It imports errdefs only and
// knows no link, container or driver.
package ipallocator

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// Allocator hands out addresses in turn: the next free one after the last
// handed out, wrapping at the end, so that an address that was just given back
// is not at once somebody else's.
type Allocator struct {
	network     netip.Prefix
	first, last uint32 // inclusive

	mu    sync.Mutex // guards what follows
	taken []uint64   // one bit per address from first on
	free  int
	next  uint32 // offset at which the search begins
}

// New makes an allocator for a network. With a valid subnet, only addresses
// inside that are handed out: all but its first and last. Otherwise all of the
// network but its first two (network and, by custom, bridge) and its last one.
func New(network, subnet netip.Prefix) (*Allocator, error) {
	if !network.IsValid() || !network.Addr().Is4() {
		return nil, errdefs.InvalidArgument("network %s is not an IPv4 network", network)
	}
	network = network.Masked()
	if network.Bits() < 8 || network.Bits() > 30 {
		return nil, errdefs.InvalidArgument("network %s is too large or too small: its prefix must be 8 to 30 bits long", network)
	}
	a := &Allocator{network: network}
	if subnet.IsValid() {
		subnet = subnet.Masked()
		if !subnet.Addr().Is4() || subnet.Bits() < network.Bits() || !network.Contains(subnet.Addr()) {
			return nil, errdefs.InvalidArgument("network %s does not contain specified subnet %s", network, subnet)
		}
		if subnet.Bits() > 30 {
			return nil, errdefs.InvalidArgument("subnet %s has no room for an address", subnet)
		}
		a.first, a.last = number(subnet.Addr())+1, lastOf(subnet)-1
	} else {
		a.first, a.last = number(network.Addr())+2, lastOf(network)-1
	}
	a.free = int(a.last - a.first + 1)
	a.taken = make([]uint64, (a.free+63)/64)
	for i := a.free; i < len(a.taken)*64; i++ {
		a.taken[i/64] |= 1 << (i % 64) // beyond the end: never free
	}
	return a, nil
}

// Network is the network the addresses belong to.
func (a *Allocator) Network() netip.Prefix { return a.network }

// Next takes the next free address.
func (a *Allocator) Next() (netip.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.free == 0 {
		return netip.Addr{}, errdefs.Unavailable("no available ip addresses on network %s", a.network)
	}
	i := a.search(a.next)
	a.mark(i)
	return a.addr(i), nil
}

// search finds the first free offset at or after from, wrapping. The caller
// holds the lock and knows that there is one.
func (a *Allocator) search(from uint32) uint32 {
	word := int(from / 64)
	mask := ^uint64(0) << (from % 64)
	for range len(a.taken) + 1 {
		if free := ^a.taken[word] & mask; free != 0 {
			return uint32(word*64 + bits.TrailingZeros64(free))
		}
		mask = ^uint64(0)
		word = (word + 1) % len(a.taken)
	}
	return from
}

// mark takes an offset and continues the search behind it.
func (a *Allocator) mark(i uint32) {
	a.taken[i/64] |= 1 << (i % 64)
	a.free--
	a.next = i + 1
	if a.next > a.last-a.first {
		a.next = 0
	}
}

// Reserve takes one given address.
func (a *Allocator) Reserve(ip netip.Addr) error {
	if !a.inRange(ip) {
		return errdefs.InvalidArgument("requested ip is out of range: %s is not in %s-%s", ip, a.addr(0), a.addr(a.last-a.first))
	}
	i := number(ip) - a.first
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taken[i/64]&(1<<(i%64)) != 0 {
		return errdefs.Conflict("ip already allocated: %s", ip)
	}
	a.mark(i)
	return nil
}

// Block keeps an address from ever being handed out (the bridge's own). One
// that is out of range or already taken needs no blocking.
func (a *Allocator) Block(ip netip.Addr) {
	if !a.inRange(ip) {
		return
	}
	i := number(ip) - a.first
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taken[i/64]&(1<<(i%64)) == 0 {
		a.taken[i/64] |= 1 << (i % 64)
		a.free--
	}
}

// Release gives an address back. Addresses that are not taken are ignored.
func (a *Allocator) Release(ip netip.Addr) {
	if !a.inRange(ip) {
		return
	}
	i := number(ip) - a.first
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taken[i/64]&(1<<(i%64)) != 0 {
		a.taken[i/64] &^= 1 << (i % 64)
		a.free++
	}
}

// Free tells how many addresses are left.
func (a *Allocator) Free() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.free
}

func (a *Allocator) inRange(ip netip.Addr) bool {
	return ip.Is4() && number(ip) >= a.first && number(ip) <= a.last
}

func (a *Allocator) addr(i uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a.first+i)
	return netip.AddrFrom4(b)
}

func number(ip netip.Addr) uint32 {
	b := ip.As4()
	return binary.BigEndian.Uint32(b[:])
}

func lastOf(p netip.Prefix) uint32 {
	return number(p.Addr()) | (1<<(32-p.Bits()) - 1)
}
