package portallocator

import (
	"net/netip"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

var (
	any4  = netip.MustParseAddr("0.0.0.0")
	local = netip.MustParseAddr("127.0.0.1")
	other = netip.MustParseAddr("10.0.0.1")
)

func mustNew(t testing.TB, first, last uint16) *Allocator {
	t.Helper()
	a, err := New(first, last)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestDrawInTurn(t *testing.T) {
	a := mustNew(t, 65530, 65535)
	if err := a.Reserve(any4, "tcp", 65530); err != nil {
		t.Fatal(err)
	}
	for _, want := range []uint16{65531, 65532, 65533, 65534} {
		if got, err := a.Next(any4, "tcp"); got != want || err != nil {
			t.Errorf("got %d, %v; want %d", got, err, want)
		}
	}
	a.Release(any4, "tcp", 65531)
	for _, want := range []uint16{65535, 65531} { // on to the end, then round
		if got, err := a.Next(any4, "tcp"); got != want || err != nil {
			t.Errorf("got %d, %v; want %d", got, err, want)
		}
	}
	if _, err := a.Next(any4, "tcp"); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("exhausted: %v", err)
	}
	if got, err := a.Next(any4, "udp"); got != 65530 || err != nil {
		t.Errorf("udp is its own: %d, %v", got, err)
	}
}

func TestConflicts(t *testing.T) {
	a := mustNew(t, DefaultFirst, DefaultLast)
	reserve := func(ip netip.Addr, proto string, port uint16, ok bool) {
		t.Helper()
		if err := a.Reserve(ip, proto, port); (err == nil) != ok {
			t.Errorf("%s:%d/%s: %v", ip, port, proto, err)
		}
	}
	reserve(any4, "tcp", 80, true)
	reserve(any4, "tcp", 80, false)
	reserve(any4, "udp", 80, true)
	reserve(local, "tcp", 80, false) // the wildcard has it
	reserve(local, "tcp", 81, true)
	reserve(other, "tcp", 81, true)
	reserve(any4, "tcp", 81, false)
	reserve(netip.IPv6Unspecified(), "tcp", 80, true)
	a.Release(any4, "tcp", 80)
	a.Release(any4, "tcp", 9999)
	reserve(local, "tcp", 80, true)
	reserve(any4, "icmp", 80, false)
	reserve(any4, "tcp", 0, false)

	err := a.Reserve(local, "tcp", 80)
	if err == nil || err.Error() != "Bind for 127.0.0.1:80 failed: port is already allocated" || !errdefs.IsConflict(err) {
		t.Errorf("got %v", err)
	}
}

func TestNextIn(t *testing.T) {
	a := mustNew(t, DefaultFirst, DefaultLast)
	if err := a.Reserve(local, "tcp", 8000); err != nil {
		t.Fatal(err)
	}
	for _, want := range []uint16{8001, 8002, 0} {
		if got, err := a.NextIn(any4, "tcp", 8000, 8002); got != want || (err != nil) != (want == 0) {
			t.Errorf("got %d, %v; want %d", got, err, want)
		}
	}
	if _, err := a.NextIn(any4, "tcp", 8002, 8000); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("reversed range: %v", err)
	}
	for _, r := range [][2]uint16{{0, 1}, {2, 1}} {
		if _, err := New(r[0], r[1]); err == nil {
			t.Errorf("range %v was accepted", r)
		}
	}
}

// FuzzAllocator checks the bitmaps against a plain map.
func FuzzAllocator(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 0x80, 0x81, 0xc0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		a := mustNew(t, 100, 140)
		model := map[uint16]bool{}
		for _, op := range ops {
			port := 100 + uint16(op&0x3f)%41
			switch op >> 6 {
			case 0, 1:
				got, err := a.Next(any4, "tcp")
				if (err != nil) != (len(model) == 41) || err == nil && (model[got] || got < 100 || got > 140) {
					t.Fatalf("next: %d, %v with %d taken", got, err, len(model))
				}
				if err == nil {
					model[got] = true
				}
			case 2:
				if err := a.Reserve(any4, "tcp", port); (err != nil) != model[port] {
					t.Fatalf("reserve %d: %v", port, err)
				}
				model[port] = true
			case 3:
				a.Release(any4, "tcp", port)
				delete(model, port)
			}
		}
	})
}
