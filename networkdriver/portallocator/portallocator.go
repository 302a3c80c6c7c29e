// Package portallocator knows which host ports its engine has given away. An
// Allocator is a value with its own lock; it owns bitmaps of the ports of each
// protocol and family, in memory only. Whether another program holds a port is
// found out by binding it (see portmapper). Every question costs the same
// whether ports are taken on one address or on thousands. Start reading at New.
// It imports errdefs only.
package portallocator

import (
	"fmt"
	"math/bits"
	"net/netip"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// Allocator draws ports in turn and remembers those asked for.
type Allocator struct {
	first, last uint16

	mu    sync.Mutex // guards what follows
	ports map[key]*space
}

type key struct {
	proto string
	v6    bool
}

// space is what is taken of one protocol and family. Ports of single addresses
// are kept sparse: few addresses have many.
type space struct {
	all     bitmap            // on the wildcard address
	some    bitmap            // on any address at all, the wildcard too
	holders map[uint16]uint16 // on how many single addresses a port is taken
	own     map[word]uint64   // words of the bitmaps of single addresses
	next    uint16            // where the next draw begins; 0: at the first
}

type bitmap [65536 / 64]uint64

type word struct {
	ip netip.Addr
	i  uint16
}

// New makes an allocator that draws from first to last, both included.
func New(first, last uint16) (*Allocator, error) {
	if first == 0 || first > last {
		return nil, errdefs.InvalidArgument("invalid port range %d-%d", first, last)
	}
	return &Allocator{first: first, last: last, ports: make(map[key]*space)}, nil
}

// Reserve takes one given port. The wildcard address of a family and any other
// one of it exclude each other, as they do when the kernel binds them; the
// families do not.
func (a *Allocator) Reserve(ip netip.Addr, proto string, port uint16) error {
	if err := check(ip, proto, port, port); err != nil {
		return err
	}
	ip = ip.Unmap()
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.space(ip, proto)
	if s.word(ip, int(port)/64)&bit(port) != 0 {
		return errdefs.Conflict("Bind for %s failed: port is already allocated", netip.AddrPortFrom(ip, port))
	}
	s.take(ip, port)
	return nil
}

// Next draws a port from the range of the allocator: the next free one behind
// the last drawn, wrapping.
func (a *Allocator) Next(ip netip.Addr, proto string) (uint16, error) {
	if err := check(ip, proto, a.first, a.last); err != nil {
		return 0, err
	}
	ip = ip.Unmap()
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.space(ip, proto)
	start := s.next
	if start < a.first || start > a.last {
		start = a.first
	}
	port, ok := s.search(ip, start, a.last)
	if !ok {
		port, ok = s.search(ip, a.first, start)
	}
	if !ok {
		return 0, errdefs.Unavailable("all ports are allocated on %s/%s", ip, proto)
	}
	s.take(ip, port)
	s.next = port + 1 // may wrap to 0, which means: from the start
	return port, nil
}

// NextIn draws the lowest free port from first to last.
func (a *Allocator) NextIn(ip netip.Addr, proto string, first, last uint16) (uint16, error) {
	if err := check(ip, proto, first, last); err != nil {
		return 0, err
	}
	ip = ip.Unmap()
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.space(ip, proto)
	port, ok := s.search(ip, first, last)
	if !ok {
		all := fmt.Sprintf("%s-%d", netip.AddrPortFrom(ip, first), last)
		return 0, errdefs.Conflict("Bind for %s failed: port is already allocated (all of them are)", all)
	}
	s.take(ip, port)
	return port, nil
}

// Release gives a port back. One that is not taken is ignored.
func (a *Allocator) Release(ip netip.Addr, proto string, port uint16) {
	ip = ip.Unmap()
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, ok := a.ports[key{proto, ip.Is6()}]; ok {
		s.release(ip, port)
	}
}

func check(ip netip.Addr, proto string, first, last uint16) error {
	switch proto {
	case "tcp", "udp", "sctp":
	default:
		return errdefs.InvalidArgument("unknown protocol %q", proto)
	}
	if first == 0 || first > last {
		return errdefs.InvalidArgument("invalid port range %d-%d", first, last)
	}
	if !ip.IsValid() {
		return errdefs.InvalidArgument("no address to take a port on")
	}
	return nil
}

// space finds or makes the books of a protocol. The caller holds the lock.
func (a *Allocator) space(ip netip.Addr, proto string) *space {
	k := key{proto, ip.Is6()}
	s, ok := a.ports[k]
	if !ok {
		s = &space{holders: make(map[uint16]uint16), own: make(map[word]uint64)}
		a.ports[k] = s
	}
	return s
}

// search finds the lowest free port in a range that is not empty.
func (s *space) search(ip netip.Addr, first, last uint16) (uint16, bool) {
	for i := int(first) / 64; i <= int(last)/64; i++ {
		free := ^s.word(ip, i)
		if i == int(first)/64 {
			free &= ^uint64(0) << (first % 64)
		}
		if free == 0 {
			continue
		}
		port := i*64 + bits.TrailingZeros64(free)
		return uint16(port), port <= int(last)
	}
	return 0, false
}

// word is one word of the union of all bitmaps that exclude a bind on ip.
func (s *space) word(ip netip.Addr, i int) uint64 {
	if ip.IsUnspecified() {
		return s.some[i]
	}
	return s.all[i] | s.own[word{ip, uint16(i)}]
}

// take marks a free port.
func (s *space) take(ip netip.Addr, port uint16) {
	s.some[port/64] |= bit(port)
	if ip.IsUnspecified() {
		s.all[port/64] |= bit(port)
		return
	}
	s.own[word{ip, port / 64}] |= bit(port)
	s.holders[port]++
}

func (s *space) release(ip netip.Addr, port uint16) {
	if ip.IsUnspecified() {
		if s.all[port/64]&bit(port) != 0 { // then no single address has it
			s.all[port/64] &^= bit(port)
			s.some[port/64] &^= bit(port)
		}
		return
	}
	w := word{ip, port / 64}
	if s.own[w]&bit(port) == 0 {
		return
	}
	if s.own[w] &^= bit(port); s.own[w] == 0 {
		delete(s.own, w)
	}
	if s.holders[port]--; s.holders[port] == 0 {
		delete(s.holders, port)
		s.some[port/64] &^= bit(port)
	}
}

func bit(port uint16) uint64 { return 1 << (port % 64) }
