//go:build linux

// Package firewalltest is the suite that every backend of package firewall
// passes: it builds hosts and containers out of network namespaces and sends
// real packets between them, by TCP and UDP, by IPv4 and IPv6. It owns no state
// that outlives a test, and never touches the namespace that it is called in.
// Start reading at Run; world.go builds what packets cross, probe.go sends
// them. Only tests import it.
package firewalltest

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// Run runs the suite with a backend.
func Run(t *testing.T, backend string) {
	testutil.RequiresRoot(t)
	for _, tc := range []struct {
		name string
		f    func(*world)
	}{
		{"Published", testPublished},
		{"PublishedLoopback", testPublishedLoopback},
		{"Proxied", testProxied},
		{"Bridges", testBridges},
		{"Internal", testInternal},
		// Where br_netfilter shows bridged frames to packet filters, those that
		// are redirected never leave the bridge, and an isolated port drops
		// them: there a proxy is needed.
		{"Links", unfiltered(testLinks)},
		{"PublishedUnfiltered", unfiltered(testPublished)},
		{"BridgesUnfiltered", unfiltered(testBridges)},
		{"TwoEngines", testTwoEngines},
		{"Outside", testOutside},
		{"Spoofed", testSpoofed},
		{"Inherited", testInherited},
		{"Repaired", testRepaired},
		{"Foreign", testForeign},
		{"Changed", testChanged},
		{"Refused", testRefused},
		{"Many", testMany},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, backend)
			tc.f(w)
		})
	}
}

// Name is what the suite calls its firewall.
const Name = "enginejobs-br0"

// open opens a firewall on the host of the world.
func (w *world) open(known ...firewall.Network) *firewall.Firewall {
	w.Helper()
	return w.openAs(Name, known...)
}

// openAs opens one under another name.
func (w *world) openAs(name string, known ...firewall.Network) *firewall.Firewall {
	w.Helper()
	var f *firewall.Firewall
	err := netns.Do(w.host, func() (err error) {
		f, err = firewall.Open(firewall.Options{Name: name, Backend: w.backend, IPv6: true, Warn: w.warn}, known)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := f.Close(); err != nil {
			w.Error(err)
		}
	})
	return f
}

func (w *world) warn(format string, args ...any) { w.Logf("warning: "+format, args...) }

// must fails the test on an error.
func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// publish gives ports of a container in both families: host may be empty for
// all addresses.
func publish(c *node, bridge string, host string, port, to uint16) (list []firewall.Port) {
	for _, proto := range protos {
		for _, ip := range []netip.Addr{c.ip4, c.ip6} {
			at := netip.IPv4Unspecified()
			if ip.Is6() {
				at = netip.IPv6Unspecified()
			}
			if host != "" {
				if at = netip.MustParseAddr(host); at.Is6() != ip.Is6() {
					continue
				}
			}
			list = append(list, firewall.Port{
				Bridge: bridge, Proto: proto, Host: netip.AddrPortFrom(at, port), Container: netip.AddrPortFrom(ip, to),
			})
		}
	}
	return list
}

// link gives a link by both protocols and families.
func link(bridge string, parent, child *node, port uint16) (list []firewall.Link) {
	for _, proto := range protos {
		list = append(list,
			firewall.Link{Bridge: bridge, Parent: parent.ip4, Child: child.ip4, Proto: proto, Port: port},
			firewall.Link{Bridge: bridge, Parent: parent.ip6, Child: child.ip6, Proto: proto, Port: port})
	}
	return list
}

// network describes the nth network of the world.
func network(n int) firewall.Network {
	return firewall.Network{
		Bridge: fmt.Sprintf("br%d", n), Masquerade: true,
		Subnets: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.80.%d.0/24", n)), netip.MustParsePrefix(fmt.Sprintf("fd80:%x::/64", n))},
	}
}
