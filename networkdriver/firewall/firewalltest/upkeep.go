//go:build linux

package firewalltest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/pkg/netns"
)

// routeLoopback leads loopback addresses out of a namespace.
func (w *world) routeLoopback(ns *os.File, name string, via *node) {
	w.Helper()
	w.must(netns.Do(ns, func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		// Not one of its own any more.
		addr, err := netlink.ParseAddr("127.0.0.1/8")
		if err != nil {
			return err
		}
		dst, err := netlink.ParseIPNet("127.0.0.0/8")
		if err != nil {
			return err
		}
		return errors.Join(netlink.AddrDel(lo, addr), netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: dst, Gw: via.ip4.AsSlice()}))
	}))
}

// testInherited: a successor keeps what runs and drops what is stale.
func testInherited(w *world) {
	a := network(0)
	w.bridge(a)
	lives, died := w.container(a), w.container(a)
	before := w.rules()
	f := w.open(a)
	w.must(f.AddPorts(append(publish(lives, a.Bridge, "", 8080, 80), publish(died, a.Bridge, "192.0.2.1", 8081, 80)...)))
	w.must(f.AddPorts(publish(died, a.Bridge, "", 8082, 80)))
	w.must(f.Close())

	f = w.open(a)
	c := w.check()
	c.reach(w.far, w.self, 8080, w.far)
	c.reach(w.far, &node{ip4: w.self.ip4}, 8081, nil)
	c.done()
	w.must(f.AddPorts(publish(lives, a.Bridge, "", 8080, 80)))
	w.must(f.AddPorts(publish(lives, a.Bridge, "", 8082, 81))) // leads elsewhere now
	w.must(f.DropInherited())
	w.must(f.DropInherited())
	c = w.check()
	c.reach(w.far, w.self, 8080, w.far)
	c.reach(w.far, w.self, 8082, w.far)
	c.miss(w.far, &node{ip4: w.self.ip4}, 8081)
	c.done()
	w.intact(f)
	w.must(f.Remove())
	if after := w.rules(); after != before {
		w.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// intact says that the kernel has what should be there.
func (w *world) intact(f *firewall.Firewall) {
	w.Helper()
	if repaired, err := f.Check(w.Context()); repaired || err != nil {
		w.Errorf("after changes: repaired %v, %v\n%s", repaired, err, w.rules())
	}
}

// damages are commands of an administrator who knows nothing of us.
func (w *world) damages() []string {
	if strings.HasPrefix(w.backend, "iptables") {
		p := w.program("")
		chain := strings.Fields(w.administrator(p + " -S FORWARD | grep '^-A FORWARD .*-j ' | head -1"))
		own := chain[len(chain)-1]
		return []string{
			p + " -F FORWARD", p + " -F " + own, p + " -t nat -F PREROUTING", p + " -t nat -F", w.program("6") + " -t nat -F", w.program("6") + " -F",
			p + " -D " + own + " 1", p + " -I " + own + " 3 -j DROP",
			w.ruin(), "nft flush ruleset",
		}
	}
	return []string{
		"nft delete table ip " + Name, "nft flush ruleset", "nft flush chain ip " + Name + " forward", "nft flush map ip6 " + Name + " published",
		"nft flush map ip " + Name + " published", "nft flush set ip " + Name + " bridges", "nft insert rule ip " + Name + " forward drop",
		"nft add element ip " + Name + " internal '{ br0 }'", "nft flush table ip6 " + Name,
	}
}

// alike compares rules in any order: those that were added one by one may stand
// in another one than those that were written at once.
func alike(a, b string) bool {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// ruin is the worst of them.
func (w *world) ruin() string {
	if strings.HasPrefix(w.backend, "iptables") {
		p := w.program("")
		return p + " -F; " + p + " -X; " + p + " -t nat -F; " + p + " -t nat -X; " + p + " -t raw -F; " + p + " -t raw -X"
	}
	return "nft delete table ip6 " + Name
}

// testRepaired lets an administrator damage our rules, and Check, or the next
// change, repair them.
func testRepaired(w *world) {
	a := network(0)
	w.bridge(a)
	f := w.open(a)
	web := w.container(a)
	w.must(f.AddPorts(publish(web, a.Bridge, "", 8080, 80)))
	right := w.rules()
	w.intact(f)
	for _, command := range w.damages() {
		if strings.HasSuffix(w.backend, "legacy") && strings.HasPrefix(command, "nft ") {
			continue
		}
		w.administrator(command)
		if w.rules() == right {
			w.Fatalf("%s: changed nothing", command)
		}
		repaired, err := f.Check(context.Background())
		if !repaired || err != nil {
			w.Errorf("%s: repaired %v, %v", command, repaired, err)
		}
		if now := w.rules(); !alike(now, right) && !strings.Contains(command, "-X") && command != "nft flush ruleset" { // they take chains along that others made
			w.Errorf("%s: want:\n%s\nrepaired to:\n%s", command, right, now)
		}
		w.intact(f)
	}
	c := w.check()
	c.reach(w.far, w.self, 8080, w.far)
	c.miss(w.far, web, 80)
	c.done()

	// Without a check, the next change that fails repairs.
	w.administrator(w.ruin())
	w.must(f.RemovePorts(publish(web, a.Bridge, "", 8080, 80)))
	w.must(f.AddPorts(publish(web, a.Bridge, "", 8081, 80)))
	c = w.check()
	c.miss(w.far, w.self, 8080)
	c.reach(w.far, w.self, 8081, w.far)
	c.done()
}

// testForeign: what others have written stays as it is, and everything is gone
// at the end.
func testForeign(w *world) {
	a, b := network(0), network(1)
	w.bridge(a)
	p := w.program("")
	if !strings.HasPrefix(w.backend, "iptables") {
		p = "iptables-nft"
	}
	w.administrator(p + ` -N THEIRS; ` + p + ` -A THEIRS -p tcp --dport 99 -m comment --comment "a 'b' c" -j DROP; ` + p + ` -A FORWARD -j THEIRS; ` +
		p + ` -t nat -A PREROUTING -p tcp --dport 98 -j REDIRECT --to-ports 97; ` + p + ` -P FORWARD ACCEPT; nft add table inet theirs`)
	before := w.rules()
	f := w.open(a)
	web := w.container(a)
	w.must(f.AddNetwork(b))
	w.must(f.AddPorts(publish(web, a.Bridge, "", 8080, 80)))
	c := w.check()
	c.reach(w.far, w.self, 8080, w.far)
	c.done()
	w.intact(f)
	if w.backend == firewall.NFTables { // what the administrator is shown means what is there
		w.administrator("nft list ruleset | nft -c -f -")
	}
	w.must(f.RemovePorts(publish(web, a.Bridge, "", 8080, 80)))
	w.must(f.RemoveNetwork(b.Bridge))
	w.intact(f)
	w.must(f.Remove())
	w.must(f.Remove())
	if after := w.rules(); after != before {
		w.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// testChanged replaces a network by one with the same bridge.
func testChanged(w *world) {
	a, b := network(0), network(1)
	w.bridge(a)
	w.bridge(b)
	f := w.open(a, b)
	web, other := w.container(a), w.container(b)
	w.must(f.AddPorts(publish(web, a.Bridge, "", 8080, 80)))
	a.Masquerade = false
	w.must(f.AddNetwork(a))
	w.must(f.AddNetwork(a))
	c := w.check()
	c.reach(web, w.far, 80, web)
	c.reach(other, w.far, 80, w.self)
	c.reach(other, w.self, 8080, nil)
	c.done()
	w.intact(f)
	// Networks that share addresses: nothing breaks.
	b.Subnets = append(b.Subnets, a.Subnets...)
	w.must(f.AddNetwork(b))
	w.intact(f)
	d := network(2)
	d.Subnets = b.Subnets
	w.must(f.AddNetwork(d))
	w.intact(f)
	w.must(f.RemoveNetwork(d.Bridge))
	w.intact(f)
	w.must(f.RemoveNetwork(b.Bridge))
	w.intact(f)
	c = w.check()
	c.reach(w.far, w.self, 8080, w.far)
	c.done()
}

// testRefused: a change that is refused leaves everything as it was.
func testRefused(w *world) {
	a := network(0)
	w.bridge(a)
	f := w.open(a)
	web := w.container(a)
	good := publish(web, a.Bridge, "", 8080, 80)
	w.must(f.AddPorts(good))
	before := w.rules()
	elsewhere := publish(web, a.Bridge, "", 8080, 81)
	unknown := publish(web, "br7", "", 8090, 80)
	mixed := firewall.Port{Bridge: a.Bridge, Proto: "tcp", Host: netip.MustParseAddrPort("0.0.0.0:8091"), Container: netip.AddrPortFrom(web.ip6, 80)}
	icmp := firewall.Port{Bridge: a.Bridge, Proto: "icmp", Host: netip.MustParseAddrPort("0.0.0.0:8091"), Container: netip.AddrPortFrom(web.ip4, 80)}
	fresh := publish(web, a.Bridge, "", 8092, 80)
	for _, tc := range []struct {
		ports []firewall.Port
		kind  errdefs.Kind
	}{
		{append(fresh, elsewhere...), errdefs.KindConflict},
		{append(fresh, unknown...), errdefs.KindNotFound},
		{append(fresh, mixed), errdefs.KindInvalidArgument},
		{append(fresh, icmp), errdefs.KindInvalidArgument},
		{append(fresh, firewall.Port{}), errdefs.KindInvalidArgument},
	} {
		if err := f.AddPorts(tc.ports); !errdefs.Is(err, tc.kind) {
			w.Errorf("%v: %v, want %v", tc.ports, err, tc.kind)
		}
	}
	for _, n := range []firewall.Network{{}, {Bridge: "far-too-long-for-an-interface"}, {Bridge: "a b"}, {Bridge: "x", SNAT: []netip.Addr{a.Subnets[0].Addr(), web.ip4}}} {
		if err := f.AddNetwork(n); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			w.Errorf("%+v: %v", n, err)
		}
	}
	w.must(f.AddPorts(good)) // again: nothing happens
	w.must(f.RemovePorts(fresh))
	w.must(f.RemovePorts(elsewhere))
	w.must(f.RemoveLinks([]firewall.Link{{Bridge: "br7"}}))
	if after := w.rules(); after != before {
		w.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	w.intact(f)
}

// testMany: a thousand networks at once.
func testMany(w *world) {
	known := Networks(1000)
	w.bridge(known[0])
	w.bridge(known[999])
	start := time.Now()
	f := w.open(known...)
	w.Logf("open with %d networks: %v", len(known), time.Since(start))
	one, two := w.container(known[0]), w.container(known[999])
	var ports []firewall.Port
	for i := range uint16(500) {
		ports = append(ports, publish(two, known[999].Bridge, "", 8000+i, 80)...)
	}
	start = time.Now()
	w.must(f.AddPorts(ports))
	w.Logf("%d ports: %v", len(ports), time.Since(start))
	c := w.check()
	c.reach(w.far, w.self, 8000, w.far)
	c.reach(w.far, w.self, 8499, w.far)
	c.miss(w.far, w.self, 8500)
	c.reach(one, w.self, 8499, nil)
	c.miss(one, two, 80)
	c.reach(two, w.far, 80, w.self)
	c.done()
	start = time.Now()
	w.intact(f)
	w.Logf("check: %v", time.Since(start))
}

// Networks makes so many, the same each time.
func Networks(n int) (list []firewall.Network) {
	for i := range n {
		list = append(list, firewall.Network{
			Bridge: fmt.Sprintf("br%d", i), Masquerade: true,
			Subnets: []netip.Prefix{
				netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", 100+i/250, i%250)), netip.MustParsePrefix(fmt.Sprintf("fd80:%x::/64", i)),
			},
		})
	}
	return list
}
