//go:build linux

package firewalltest

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/nft"
	"github.com/enginejobs/docker/pkg/testutil"
)

// Benchmark measures what callers wait for, with one network and with many.
func Benchmark(b *testing.B, backend string) {
	testutil.RequiresRoot(b)
	for _, n := range []int{1, 1000} {
		known := Networks(n)
		ns := fresh(b)
		f := openIn(b, ns, backend, known)
		b.Cleanup(func() { f.Close() })
		port := firewall.Port{
			Bridge: "br0", Proto: "tcp", Host: netip.MustParseAddrPort("0.0.0.0:8080"), Container: netip.MustParseAddrPort("10.100.0.2:80"),
		}
		both(b, fmt.Sprintf("Port-%d", n), func() error { return f.AddPorts([]firewall.Port{port}) },
			func() error { return f.RemovePorts([]firewall.Port{port}) })
		more := firewall.Network{Bridge: "more", Masquerade: true, Subnets: []netip.Prefix{netip.MustParsePrefix("172.31.0.0/16"), netip.MustParsePrefix("fd99::/64")}}
		both(b, fmt.Sprintf("Network-%d", n), func() error { return f.AddNetwork(more) }, func() error { return f.RemoveNetwork("more") })
		// All that Open does but for the socket; a thread that is bound to a
		// namespace, as in tests, would make it three times slower.
		changed := known[0]
		b.Run(fmt.Sprintf("Write-%d", n), func(b *testing.B) {
			for b.Loop() {
				changed.Isolated = !changed.Isolated
				if err := f.AddNetwork(changed); err != nil {
					b.Fatal(err)
				}
			}
		})
		// Somebody else has changed something somewhere: all is compared.
		b.Run(fmt.Sprintf("Compare-%d", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				disturb(b, ns)
				b.StartTimer()
				if repaired, err := f.Check(b.Context()); repaired || err != nil {
					b.Fatal(repaired, err)
				}
			}
		})
		b.Run(fmt.Sprintf("Check-%d", n), func(b *testing.B) {
			for b.Loop() {
				if repaired, err := f.Check(b.Context()); repaired || err != nil {
					b.Fatal(repaired, err)
				}
			}
		})
	}
}

// both measures what comes and what goes together.
func both(b *testing.B, name string, come, leave func() error) {
	b.Run(name, func(b *testing.B) {
		var adding time.Duration
		for b.Loop() {
			begin := time.Now()
			if err := come(); err != nil {
				b.Fatal(err)
			}
			adding += time.Since(begin)
			if err := leave(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(adding.Nanoseconds())/float64(b.N), "ns/add")
	})
}

// openIn opens a firewall in a namespace.
func openIn(tb testing.TB, ns *os.File, backend string, known []firewall.Network) (f *firewall.Firewall) {
	tb.Helper()
	err := netns.Do(ns, func() (err error) {
		f, err = firewall.Open(firewall.Options{Name: Name, Backend: backend, IPv6: true}, known)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func fresh(tb testing.TB) *os.File {
	tb.Helper()
	ns, err := netns.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ns.Close() })
	return ns
}

// disturb changes a table that is none of ours.
func disturb(tb testing.TB, ns *os.File) {
	tb.Helper()
	err := netns.Do(ns, func() error {
		conn, err := nft.Dial()
		if err != nil {
			return err
		}
		return errors.Join(conn.Batch(func(b *nft.Batch) { b.Replace(nft.Table{Family: nft.IPv4, Name: "theirs"}) }), conn.Close())
	})
	if err != nil {
		tb.Fatal(err)
	}
}
