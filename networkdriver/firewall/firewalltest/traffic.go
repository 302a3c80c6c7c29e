//go:build linux

package firewalltest

import (
	"errors"
	"net/netip"

	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/pkg/netns"
)

var (
	loopback = &node{ip4: netip.MustParseAddr("127.0.0.1")} // that of IPv6 is for proxies
	second   = &node{ip4: netip.MustParseAddr("192.0.2.2"), ip6: netip.MustParseAddr("2001:db8::2")}
)

// testPublished publishes at all addresses and at one.
func testPublished(w *world) {
	a, b := network(0), network(1)
	gwA, gwB := w.bridge(a), w.bridge(b)
	f := w.open(a, b)
	web, sister, other := w.container(a), w.container(a), w.container(b)
	w.must(f.AddPorts(publish(web, a.Bridge, "", 8080, 80)))
	w.must(f.AddPorts(publish(web, a.Bridge, w.self.ip4.String(), 8081, 80)))
	w.must(f.AddPorts(publish(web, a.Bridge, w.self.ip6.String(), 8081, 80)))

	c := w.check()
	c.reach(w.far, w.self, 8080, w.far) // sees its client
	c.reach(w.far, second, 8080, w.far)
	c.reach(w.far, w.self, 8081, w.far)
	c.miss(w.far, second, 8081)
	c.miss(w.far, web, 80) // routed, not published
	c.miss(w.far, web, 81)
	host := w.self
	c.reach(host, w.self, 8080, nil)
	c.reach(host, gwA, 8080, gwA)
	c.reach(host, gwB, 8080, nil)
	c.reach(host, loopback, 8080, gwA)
	c.miss(host, loopback, 8081)
	c.reach(host, web, 81, gwA) // the host may anything
	// From containers: the published one itself, of the same bridge, of another.
	for _, from := range []*node{web, sister, other} {
		c.reach(from, w.self, 8080, nil)
		c.reach(from, w.self, 8081, nil)
		c.miss(from, second, 8081)
		c.miss(from, loopback, 8080)
	}
	c.reach(sister, gwA, 8080, gwA)
	c.reach(other, gwB, 8080, nil)
	c.reach(sister, web, 81, sister)
	c.done()

	w.must(f.RemovePorts(publish(web, a.Bridge, "", 8080, 80)))
	c = w.check()
	c.miss(w.far, w.self, 8080)
	c.miss(host, w.self, 8080)
	c.miss(host, loopback, 8080)
	c.reach(w.far, w.self, 8081, w.far)
	c.done()
}

// testPublishedLoopback publishes for the host only.
func testPublishedLoopback(w *world) {
	a := network(0)
	gw := w.bridge(a)
	f := w.open(a)
	web, sister := w.container(a), w.container(a)
	w.must(f.AddPorts(publish(web, a.Bridge, "127.0.0.1", 8080, 80)))
	// The administrator lets loopback addresses be routed everywhere.
	w.must(netns.Do(w.host, func() error { return sysctl("net/ipv4/conf/uplink/route_localnet", "1") }))
	w.must(netns.Do(w.far.ns, func() error { return sysctl("net/ipv4/conf/cable/route_localnet", "1") }))
	w.routeLoopback(w.far.ns, "cable", w.self)
	c := w.check()
	c.reach(w.self, loopback, 8080, gw)
	c.miss(w.self, w.self, 8080)
	c.miss(w.far, w.self, 8080)
	c.miss(sister, gw, 8080)
	c.miss(&node{ns: w.far.ns, ip4: w.far.ip4}, &node{ip4: netip.MustParseAddr("127.0.0.1")}, 8080)
	c.done()
}

// testProxied: the proxy serves containers of the same bridge.
func testProxied(w *world) {
	a, b := network(0), network(1)
	a.Proxied = true
	w.bridge(a)
	w.bridge(b)
	f := w.open(a, b)
	web, sister, other := w.container(a), w.container(a), w.container(b)
	ports := append(publish(web, a.Bridge, "", 8080, 80), publish(web, a.Bridge, w.self.ip4.String(), 8081, 80)...)
	ports = append(ports, publish(web, a.Bridge, w.self.ip6.String(), 8081, 80)...)
	w.must(f.AddPorts(ports))
	checkAll := func(proxied bool) {
		c := w.check()
		for _, port := range []uint16{8080, 8081} {
			c.reach(w.far, w.self, port, w.far)
			c.reach(w.self, w.self, port, nil)
			c.reach(other, w.self, port, nil)
			for _, from := range []*node{web, sister} {
				if proxied {
					c.reach(from, w.self, port, from) // its own address: it is not our redirection
				} else {
					c.miss(from, w.self, port)
				}
			}
		}
		c.reach(w.self, loopback, 8080, nil)
		c.done()
	}
	checkAll(false)
	w.must(netns.Do(w.host, func() error { // plays the proxy
		for _, port := range []string{"8080", "8081"} {
			for _, ip := range w.self.addrs() {
				if err := w.listen(netip.MustParseAddrPort(join(ip, port)).String()); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	checkAll(true)
	w.must(f.RemovePorts(ports))
	c := w.check()
	c.miss(w.far, second, 8080)
	c.done()
}

func join(ip netip.Addr, port string) string {
	if ip.Is6() {
		return "[" + ip.String() + "]:" + port
	}
	return ip.String() + ":" + port
}

// testBridges: networks do not see each other, but for what is published.
func testBridges(w *world) {
	a, b := network(0), network(1)
	gwA, gwB := w.bridge(a), w.bridge(b)
	f := w.open(a)
	one, two, sister := w.container(a), w.container(b), w.container(b)
	w.must(f.AddNetwork(b))
	c := w.check()
	c.miss(one, two, 80)
	c.miss(two, one, 80)
	c.reach(sister, two, 80, sister)
	c.reach(w.self, one, 80, gwA)
	c.reach(w.self, two, 80, gwB)
	c.reach(two, w.far, 80, w.self)
	c.miss(w.far, two, 80)
	c.done()
	w.must(f.AddPorts(publish(two, b.Bridge, "", 8080, 80)))
	c = w.check()
	c.reach(one, w.self, 8080, nil)
	c.reach(one, gwA, 8080, nil)
	c.reach(one, gwB, 8080, nil)
	c.reach(w.far, w.self, 8080, w.far)
	c.miss(one, two, 80)
	c.done()
	w.must(f.RemoveNetwork(b.Bridge))
	w.must(f.RemoveNetwork(b.Bridge))
	c = w.check()
	c.miss(w.far, w.self, 8080)
	c.reach(one, w.far, 80, w.self)
	c.reach(w.far, two, 80, nil) // a bridge of nobody
	c.miss(two, one, 80)
	c.done()
}

// testInternal: nothing passes.
func testInternal(w *world) {
	a, b := network(0), network(1)
	a.Internal = true
	gw := w.bridge(a)
	w.bridge(b)
	f := w.open(a, b)
	one, sister, other := w.container(a), w.container(a), w.container(b)
	w.must(f.AddPorts(publish(one, a.Bridge, "", 8080, 80)))
	w.must(f.AddPorts(publish(other, b.Bridge, "", 8090, 80)))
	c := w.check()
	c.reach(one, sister, 80, one)
	c.reach(w.self, one, 80, gw)
	c.miss(one, w.far, 80)
	c.miss(w.far, one, 80)
	c.miss(one, other, 80)
	c.miss(other, one, 80)
	c.miss(w.far, w.self, 8080)
	c.miss(w.self, w.self, 8080)
	c.miss(one, w.self, 8090)
	c.reach(w.far, w.self, 8090, w.far)
	c.done()
	w.must(f.RemovePorts(publish(one, a.Bridge, "", 8080, 80)))
}

// testLinks: containers that may not talk, but over links.
func testLinks(w *world) {
	a := network(0)
	a.Isolated = true
	gw := w.bridge(a)
	f := w.open(a)
	parent, child, third := w.container(a), w.container(a), w.container(a)
	way := link(a.Bridge, parent, child, 80)
	expect := func(open bool) {
		w.Helper()
		c := w.check()
		if open {
			c.reach(parent, child, 80, parent)
		} else {
			c.miss(parent, child, 80)
		}
		c.miss(parent, child, 81)
		c.miss(third, child, 80)
		c.miss(child, parent, 80)
		c.reach(w.self, child, 80, gw)
		c.reach(child, w.far, 80, w.self)
		c.done()
	}
	expect(false)
	w.must(f.AddLinks(way))
	w.must(f.AddLinks(way))
	expect(true)
	w.must(f.RemoveLinks(way))
	expect(true) // opened twice
	w.must(f.RemoveLinks(way))
	expect(false)
	w.must(f.RemoveLinks(way))
	// What is published is open to all, those of the same bridge included.
	w.must(f.AddPorts(publish(child, a.Bridge, "", 8080, 81)))
	c := w.check()
	c.reach(third, w.self, 8080, gw)
	c.reach(w.far, w.self, 8080, w.far)
	c.done()
	w.must(f.AddLinks(append(way, link(a.Bridge, child, third, 80)...)))
	w.must(f.DropAddress(a.Bridge, child.ip4))
	w.must(f.DropAddress(a.Bridge, child.ip6))
	expect(false)
	c = w.check()
	c.miss(child, third, 80)
	c.done()
}

// testOutside: what others see of containers.
func testOutside(w *world) {
	hidden, named, plain := network(0), network(1), network(2)
	named.SNAT = second.addrs()
	plain.Masquerade = false
	for _, n := range []firewall.Network{hidden, named, plain} {
		w.bridge(n)
	}
	f := w.open(hidden, named)
	w.must(f.AddNetwork(plain))
	a, b, p := w.container(hidden), w.container(named), w.container(plain)
	c := w.check()
	c.reach(a, w.far, 80, w.self)
	c.reach(b, w.far, 80, second)
	c.reach(p, w.far, 80, p)
	c.done()
}

// testSpoofed: a bridge may carry loopback addresses outwards, never inwards.
func testSpoofed(w *world) {
	a := network(0)
	gw := w.bridge(a)
	f := w.open(a)
	bad := w.container(a)
	w.must(netns.Do(w.host, func() error { return w.listen("127.0.0.1:8080") }))
	w.must(netns.Do(bad.ns, func() error { return sysctl("net/ipv4/conf/eth0/route_localnet", "1") }))
	w.routeLoopback(bad.ns, "eth0", gw)
	c := w.check()
	c.miss(bad, &node{ip4: netip.MustParseAddr("127.0.0.1")}, 8080)
	c.done()
	w.must(f.Remove())
	c = w.check() // the test shows something
	c.reach(bad, &node{ip4: netip.MustParseAddr("127.0.0.1")}, 8080, nil)
	c.done()
}

// testTwoEngines: another engine's containers are strangers, whichever came
// first and whichever writes its rules anew.
func testTwoEngines(w *world) {
	a, b, secret := network(0), network(1), network(2)
	secret.Internal = true
	for _, n := range []firewall.Network{a, b, secret} {
		w.bridge(n)
	}
	one := w.openAs(Name, a, secret)
	two := w.openAs("enginejobs-br1", b)
	mine, theirs, hidden := w.container(a), w.container(b), w.container(secret)
	w.must(one.AddPorts(publish(mine, a.Bridge, "", 8080, 80)))
	w.must(two.AddPorts(publish(theirs, b.Bridge, "", 8081, 80)))
	strangers := func() {
		w.Helper()
		c := w.check()
		c.miss(mine, theirs, 80)
		c.miss(theirs, mine, 80)
		c.miss(hidden, theirs, 80)
		c.miss(hidden, w.self, 8081)
		c.miss(theirs, hidden, 80)
		c.reach(theirs, w.self, 8080, nil)
		c.reach(mine, w.self, 8081, nil)
		c.reach(mine, w.far, 80, w.self)
		c.reach(theirs, w.far, 80, w.self)
		c.reach(w.far, w.self, 8080, w.far)
		c.reach(w.far, w.self, 8081, w.far)
		c.done()
		w.intact(one)
		w.intact(two)
	}
	strangers()
	a.Proxied = !a.Proxied
	w.must(one.AddNetwork(a)) // all is written anew
	strangers()
	b.Proxied = !b.Proxied
	w.must(two.AddNetwork(b))
	strangers()
	w.must(one.Remove())
	c := w.check()
	c.reach(w.far, w.self, 8081, w.far)
	c.miss(mine, theirs, 80)
	c.done()
	w.intact(two)
}

// unfiltered runs a test where the kernel does not show bridged frames to
// packet filters (br_netfilter is off).
func unfiltered(test func(*world)) func(*world) {
	return func(w *world) {
		w.must(netns.Do(w.host, func() error {
			return errors.Join(sysctl("net/bridge/bridge-nf-call-iptables", "0"), sysctl("net/bridge/bridge-nf-call-ip6tables", "0"))
		}))
		test(w)
	}
}
