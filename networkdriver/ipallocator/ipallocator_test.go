package ipallocator

import (
	"net/netip"
	"sync"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func mustNew(t testing.TB, network, subnet string) *Allocator {
	t.Helper()
	var sub netip.Prefix
	if subnet != "" {
		sub = netip.MustParsePrefix(subnet)
	}
	a, err := New(netip.MustParsePrefix(network), sub)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func next(t *testing.T, a *Allocator, want string) {
	t.Helper()
	ip, err := a.Next()
	if err != nil || ip.String() != want {
		t.Errorf("got %v, %v; want %s", ip, err, want)
	}
}

func TestOrder(t *testing.T) {
	a := mustNew(t, "10.0.0.1/29", "")
	a.Block(netip.MustParseAddr("10.0.0.3"))
	a.Block(netip.MustParseAddr("10.0.0.1")) // out of range: nothing to do
	next(t, a, "10.0.0.2")
	next(t, a, "10.0.0.4")
	a.Release(netip.MustParseAddr("10.0.0.2"))
	next(t, a, "10.0.0.5") // not the one just given back
	next(t, a, "10.0.0.6")
	next(t, a, "10.0.0.2") // wrapped
	if _, err := a.Next(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("a full network gave %v", err)
	}
	a.Release(netip.MustParseAddr("10.0.0.2"))
	a.Release(netip.MustParseAddr("10.0.0.2"))
	if a.Free() != 1 {
		t.Errorf("%d free after one address was given back twice", a.Free())
	}
}

func TestSubnet(t *testing.T) {
	a := mustNew(t, "10.0.0.0/16", "10.0.7.0/30")
	next(t, a, "10.0.7.1")
	next(t, a, "10.0.7.2")
	if _, err := a.Next(); err == nil {
		t.Error("the subnet has two addresses")
	}
}

func TestReserve(t *testing.T) {
	a := mustNew(t, "10.0.0.0/24", "")
	ip := netip.MustParseAddr("10.0.0.9")
	if err := a.Reserve(ip); err != nil {
		t.Fatal(err)
	}
	if err := a.Reserve(ip); !errdefs.IsConflict(err) {
		t.Errorf("twice: %v", err)
	}
	next(t, a, "10.0.0.10") // the search goes on behind a reserved one
	for _, bad := range []string{"10.0.1.1", "10.0.0.0", "10.0.0.1", "10.0.0.255", "::1"} {
		if err := a.Reserve(netip.MustParseAddr(bad)); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v", bad, err)
		}
		a.Release(netip.MustParseAddr(bad))
	}
	if err := a.Reserve(netip.Addr{}); err == nil {
		t.Error("the zero address was reserved")
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"10.0.0.0/31", ""}, {"10.0.0.0/7", ""}, {"fd00::/64", ""},
		{"10.0.0.0/24", "10.0.1.0/25"}, {"10.0.0.0/24", "10.0.0.0/16"}, {"10.0.0.0/24", "10.0.0.4/31"}, {"10.0.0.0/24", "fd00::/64"},
	} {
		var sub netip.Prefix
		if c[1] != "" {
			sub = netip.MustParsePrefix(c[1])
		}
		if _, err := New(netip.MustParsePrefix(c[0]), sub); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if _, err := New(netip.Prefix{}, netip.Prefix{}); err == nil {
		t.Error("no network at all was accepted")
	}
}

func TestConcurrentNextNeverRepeats(t *testing.T) {
	a := mustNew(t, "10.0.0.0/20", "")
	var mu sync.Mutex
	seen := map[netip.Addr]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 300 {
				ip, err := a.Next()
				mu.Lock()
				if err != nil || seen[ip] {
					t.Errorf("%v again, or %v", ip, err)
				}
				seen[ip] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// FuzzAllocator compares the bitmap with the simplest thing that could work.
func FuzzAllocator(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 0x42, 0x82, 0xc1}, byte(28))
	f.Fuzz(func(t *testing.T, ops []byte, size byte) {
		network := netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), 22+int(size%9))
		a, err := New(network, netip.Prefix{})
		if err != nil {
			t.Fatal(err)
		}
		model := map[netip.Addr]bool{}
		total := a.Free()
		for _, op := range ops {
			ip := a.addr(uint32(op&0x3f) % uint32(total))
			switch op >> 6 {
			case 0, 1:
				got, err := a.Next()
				if (err != nil) != (len(model) == total) || err == nil && (model[got] || !network.Contains(got)) {
					t.Fatalf("next: %v, %v with %d of %d taken", got, err, len(model), total)
				}
				if err == nil {
					model[got] = true
				}
			case 2:
				if err := a.Reserve(ip); (err != nil) != model[ip] {
					t.Fatalf("reserve %s: %v, taken %v", ip, err, model[ip])
				}
				model[ip] = true
			case 3:
				a.Release(ip)
				delete(model, ip)
			}
			if a.Free() != total-len(model) {
				t.Fatalf("%d free, want %d", a.Free(), total-len(model))
			}
		}
	})
}

func BenchmarkNextInFullNetwork(b *testing.B) {
	a := mustNew(b, "10.0.0.0/16", "")
	for a.Free() > 1 {
		if _, err := a.Next(); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		ip, err := a.Next()
		if err != nil {
			b.Fatal(err)
		}
		a.Release(ip)
	}
}
