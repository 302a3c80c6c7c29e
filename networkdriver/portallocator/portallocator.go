// Package portallocator knows which host ports its engine has given away. An
// Allocator is a value with its own lock; it owns one bitmap per address and
// protocol, in memory only. Whether another program holds a port is found out
// by binding it (see portmapper). Start reading at New. It imports errdefs only.
package portallocator

import (
	"math/bits"
	"net/netip"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// The ports that are drawn when none is asked for.
const (
	DefaultFirst = 49153
	DefaultLast  = 65535
)

// Allocator draws ports in turn and remembers those asked for.
type Allocator struct {
	first, last uint16

	mu    sync.Mutex // guards what follows
	ports map[key]*set
}

type key struct {
	ip    netip.Addr
	proto string
}

// set is what is taken on one address, and where the next draw begins.
type set struct {
	taken [65536 / 64]uint64
	next  uint16
}

// New makes an allocator that draws from first to last, both included.
func New(first, last uint16) (*Allocator, error) {
	if first == 0 || first > last {
		return nil, errdefs.InvalidArgument("invalid port range %d-%d", first, last)
	}
	return &Allocator{first: first, last: last, ports: make(map[key]*set)}, nil
}

// Reserve takes one given port. The wildcard address and any other one exclude
// each other, as they do when the kernel binds them.
func (a *Allocator) Reserve(ip netip.Addr, proto string, port uint16) error {
	if err := check(proto, port, port); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy(ip, proto, port) {
		return errdefs.Conflict("Bind for %s failed: port is already allocated", netip.AddrPortFrom(ip, port))
	}
	a.set(ip, proto).take(port)
	return nil
}

// Next draws a port from the range of the allocator: the next free one behind
// the last drawn, wrapping.
func (a *Allocator) Next(ip netip.Addr, proto string) (uint16, error) {
	if err := check(proto, a.first, a.last); err != nil {
		return 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.set(ip, proto)
	start := s.next
	if start < a.first || start > a.last {
		start = a.first
	}
	port, ok := a.search(ip, proto, start, a.last)
	if !ok {
		port, ok = a.search(ip, proto, a.first, start)
	}
	if !ok {
		return 0, errdefs.Unavailable("all ports are allocated on %s/%s", ip, proto)
	}
	s.take(port)
	s.next = port + 1 // may wrap to 0, which means: from the start
	return port, nil
}

// NextIn draws the lowest free port from first to last.
func (a *Allocator) NextIn(ip netip.Addr, proto string, first, last uint16) (uint16, error) {
	if err := check(proto, first, last); err != nil {
		return 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	port, ok := a.search(ip, proto, first, last)
	if !ok {
		return 0, errdefs.Conflict("Bind for %s:%d-%d failed: port is already allocated (all of them are)", ip, first, last)
	}
	a.set(ip, proto).take(port)
	return port, nil
}

// Release gives a port back. One that is not taken is ignored.
func (a *Allocator) Release(ip netip.Addr, proto string, port uint16) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.ports[key{ip, proto}]
	if ok && s.has(port) {
		s.taken[port/64] &^= 1 << (port % 64)
	}
}

func check(proto string, first, last uint16) error {
	switch proto {
	case "tcp", "udp", "sctp":
	default:
		return errdefs.InvalidArgument("unknown protocol %q", proto)
	}
	if first == 0 || first > last {
		return errdefs.InvalidArgument("invalid port range %d-%d", first, last)
	}
	return nil
}

// set finds or makes the set of an address. The caller holds the lock.
func (a *Allocator) set(ip netip.Addr, proto string) *set {
	k := key{ip, proto}
	s, ok := a.ports[k]
	if !ok {
		s = &set{}
		a.ports[k] = s
	}
	return s
}

// search finds the lowest free port in a range that is not empty. The caller
// holds the lock.
func (a *Allocator) search(ip netip.Addr, proto string, first, last uint16) (uint16, bool) {
	for word := int(first) / 64; word <= int(last)/64; word++ {
		free := ^a.word(ip, proto, word)
		if word == int(first)/64 {
			free &= ^uint64(0) << (first % 64)
		}
		if free == 0 {
			continue
		}
		port := word*64 + bits.TrailingZeros64(free)
		return uint16(port), port <= int(last)
	}
	return 0, false
}

// word is one word of the union of all sets that exclude a bind on ip.
func (a *Allocator) word(ip netip.Addr, proto string, i int) uint64 {
	var w uint64
	for k, s := range a.ports {
		if k.proto == proto && overlap(k.ip, ip) {
			w |= s.taken[i]
		}
	}
	return w
}

func (a *Allocator) busy(ip netip.Addr, proto string, port uint16) bool {
	return a.word(ip, proto, int(port)/64)&(1<<(port%64)) != 0
}

func overlap(a, b netip.Addr) bool {
	return a == b || a.Is4() == b.Is4() && (a.IsUnspecified() || b.IsUnspecified())
}

func (s *set) has(port uint16) bool { return s.taken[port/64]&(1<<(port%64)) != 0 }

func (s *set) take(port uint16) {
	s.taken[port/64] |= 1 << (port % 64)
}
