package portallocator

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestKernelRange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "range")
	if first, last := KernelRange(path); first != DefaultFirst || last != DefaultLast {
		t.Errorf("unreadable: %d-%d", first, last)
	}
	for text, want := range map[string][2]uint16{
		"32768\t60999\n": {32768, 60999}, "1 65535": {1, 65535},
		"": {DefaultFirst, DefaultLast}, "5 4": {DefaultFirst, DefaultLast}, "0 4": {DefaultFirst, DefaultLast},
		"1 65536": {DefaultFirst, DefaultLast}, "1 2 3": {DefaultFirst, DefaultLast}, "a b": {DefaultFirst, DefaultLast}, "-1 5": {DefaultFirst, DefaultLast},
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if first, last := KernelRange(path); [2]uint16{first, last} != want {
			t.Errorf("%q: %d-%d", text, first, last)
		}
	}
}

func FuzzRange(f *testing.F) {
	f.Add("32768\t60999\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := New(parseRange(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// TestFamilies: the families have ports of their own, an IPv4 address written as
// one of IPv6 is one of IPv4.
func TestFamilies(t *testing.T) {
	a := mustNew(t, DefaultFirst, DefaultLast)
	all6, one6, mapped := netip.IPv6Unspecified(), netip.MustParseAddr("fd00::1"), netip.MustParseAddr("::ffff:10.0.0.1")
	for i, c := range []struct {
		ip   netip.Addr
		port uint16
		ok   bool
	}{
		{any4, 80, true}, {all6, 80, true}, {one6, 80, false}, {mapped, 80, false},
		{one6, 81, true}, {all6, 81, false}, {any4, 81, true}, {mapped, 82, true}, {other, 82, false}, {netip.Addr{}, 83, false},
	} {
		if err := a.Reserve(c.ip, "tcp", c.port); (err == nil) != c.ok {
			t.Errorf("%d: %s:%d: %v", i, c.ip, c.port, err)
		}
	}
	if err := a.Reserve(one6, "tcp", 81); err == nil || err.Error() != "Bind for [fd00::1]:81 failed: port is already allocated" {
		t.Errorf("%v", err)
	}
	if _, err := a.NextIn(one6, "tcp", 80, 81); err == nil || err.Error() != "Bind for [fd00::1]:80-81 failed: port is already allocated (all of them are)" {
		t.Errorf("%v", err)
	}
	a.Release(one6, "tcp", 81)
	a.Release(one6, "tcp", 81)
	a.Release(netip.Addr{}, "tcp", 81)
	a.Release(other, "tcp", 82) // taken under its other spelling
	for _, ip := range []netip.Addr{all6, mapped} {
		if err := a.Reserve(ip, "tcp", 82); err != nil {
			t.Error(err)
		}
	}
}

// FuzzAddresses checks the books of several addresses against a plain list.
func FuzzAddresses(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 0x80, 0x81, 0xc0, 0x41, 0x7f})
	ips := []netip.Addr{any4, local, other, netip.IPv6Unspecified()}
	excludes := func(a, b netip.Addr) bool {
		return a == b || a.Is4() == b.Is4() && (a.IsUnspecified() || b.IsUnspecified())
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		a := mustNew(t, 60, 70)
		model := map[netip.AddrPort]bool{}
		free := func(ip netip.Addr, port uint16) bool {
			for at := range model {
				if at.Port() == port && excludes(at.Addr(), ip) {
					return false
				}
			}
			return true
		}
		for _, op := range ops {
			ip, port := ips[op>>4&3], 60+uint16(op&15)%11
			at := netip.AddrPortFrom(ip, port)
			switch op >> 6 {
			case 0:
				got, err := a.NextIn(ip, "udp", 60, 70)
				for p := uint16(60); p <= 70; p++ {
					if free(ip, p) {
						if err != nil || got != p {
							t.Fatalf("%s: got %d, %v; want %d", ip, got, err, p)
						}
						model[netip.AddrPortFrom(ip, p)] = true
						break
					}
					if p == 70 && err == nil {
						t.Fatalf("%s: got %d of none", ip, got)
					}
				}
			case 1, 2:
				if err := a.Reserve(ip, "udp", port); (err == nil) != free(ip, port) {
					t.Fatalf("%s: %v", at, err)
				} else if err == nil {
					model[at] = true
				}
			case 3:
				a.Release(ip, "udp", port)
				delete(model, at)
			}
		}
		for at := range model {
			a.Release(at.Addr(), "udp", at.Port())
		}
		for _, s := range a.ports {
			if len(s.own)+len(s.holders) > 0 || s.some != (bitmap{}) || s.all != (bitmap{}) {
				t.Fatalf("left: %v, %v", s.own, s.holders)
			}
		}
	})
}

// TestConcurrent: 500 callers at once, none of whom gets what another has.
func TestConcurrent(t *testing.T) {
	a := mustNew(t, 1000, 1499)
	var mu sync.Mutex
	seen := map[uint16]bool{}
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() {
			port, err := a.Next(any4, "tcp")
			mu.Lock()
			defer mu.Unlock()
			if err != nil || seen[port] {
				t.Errorf("%d, %v", port, err)
			}
			seen[port] = true
		})
	}
	wg.Wait()
}

// BenchmarkNext draws and gives back a port while 1,000 are taken on each of
// many addresses.
func BenchmarkNext(b *testing.B) {
	for _, addresses := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("addresses=%d", addresses), func(b *testing.B) {
			a := mustNew(b, DefaultFirst, DefaultLast)
			for i := range addresses {
				for port := range 1000 {
					if err := a.Reserve(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), "tcp", DefaultFirst+uint16(port)); err != nil {
						b.Fatal(err)
					}
				}
			}
			for b.Loop() {
				port, err := a.Next(any4, "tcp")
				if err != nil {
					b.Fatal(err)
				}
				a.Release(any4, "tcp", port)
			}
		})
	}
}
