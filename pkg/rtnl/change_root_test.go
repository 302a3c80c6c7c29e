package rtnl_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/rtnl"
)

var prefix, addr = netip.MustParsePrefix, netip.MustParseAddr

// pair makes a sandbox with an eth0 and a Conn into it.
func pair(t testing.TB, conn *rtnl.Conn, name string) (*os.File, *rtnl.Conn, int) {
	t.Helper()
	var inside *rtnl.Conn
	ns, err := netns.New(func() (err error) { inside, err = rtnl.Dial(); return err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inside.Close(); ns.Close() })
	err = conn.Do(rtnl.NewVeth(rtnl.Veth{
		Name: name, PeerName: "eth0", Master: bridgeIndex, MTU: 1500, PeerNS: int(ns.Fd()), PeerMAC: net.HardwareAddr{2, 0x42, 10, 9, 0, 5},
	}))
	if err != nil {
		t.Fatal(err)
	}
	index, err := inside.LinkIndex("eth0")
	if err != nil {
		t.Fatal(err)
	}
	return ns, inside, index
}

func do(t *testing.T, c *rtnl.Conn, reqs ...rtnl.Request) {
	t.Helper()
	if err := c.Do(reqs...); err != nil {
		t.Fatal(err)
	}
}

// ways lists the routes through a link that have a gateway.
func ways(t *testing.T, c *rtnl.Conn, index int) (list []string) {
	t.Helper()
	routes, err := c.Routes()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if r.Index == index && r.Via.IsValid() {
			list = append(list, fmt.Sprintf("%s via %s %d", r.To, r.Via, r.Metric))
		}
	}
	slices.Sort(list)
	return list
}

// TestBothFamilies sets up, changes and takes down what a container on a network
// of both families has, each step in one batch.
func TestBothFamilies(t *testing.T) {
	_, conn := host(t)
	_, in, eth := pair(t, conn, "vethboth")
	do(t, in, rtnl.LinkUp(1), rtnl.LinkUp(eth),
		rtnl.AddAddr(eth, prefix("10.9.0.7/16")), rtnl.AddAddr(eth, prefix("fd00:9::7/64")),
		rtnl.AddDefaultRoute(eth, addr("10.9.0.1")), rtnl.AddDefaultRoute(eth, addr("fd00:9::1")),
		rtnl.AddRoute(rtnl.Route{Index: eth, To: prefix("10.50.0.0/16"), Via: addr("10.9.0.9")}),
		rtnl.AddRoute(rtnl.Route{Index: eth, To: prefix("10.60.0.0/16"), Metric: 7}))
	want := []string{"0.0.0.0/0 via 10.9.0.1 0", "10.50.0.0/16 via 10.9.0.9 0", "::/0 via fd00:9::1 1024"}
	if got := ways(t, in, eth); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if err := in.Do(rtnl.AddDefaultRoute(eth, addr("10.9.0.2"))); !errors.Is(err, unix.EEXIST) || err.Error() != "adding default route via 10.9.0.2: file exists" {
		t.Errorf("got %v", err)
	}
	do(t, in, rtnl.ReplaceDefaultRoute(eth, addr("10.9.0.2")), rtnl.ReplaceDefaultRoute(eth, addr("fd00:9::2")),
		rtnl.DelRoute(rtnl.Route{Index: eth, To: prefix("10.50.0.0/16")}), rtnl.DelRoute(rtnl.Route{Index: eth, To: prefix("10.60.0.0/16")}))
	want = []string{"0.0.0.0/0 via 10.9.0.2 0", "::/0 via fd00:9::2 1024"}
	if got := ways(t, in, eth); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	do(t, in, rtnl.DelDefaultRoute(eth, addr("10.9.0.2")), rtnl.DelDefaultRoute(eth, addr("fd00:9::2")),
		rtnl.DelAddr(eth, prefix("10.9.0.7/16")), rtnl.DelAddr(eth, prefix("fd00:9::7/64")))
	if got := ways(t, in, eth); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
	addrs, err := in.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if a.Index == eth && a.Scope == unix.RT_SCOPE_UNIVERSE {
			t.Errorf("left: %v", a)
		}
	}
	if err := in.Do(rtnl.DelDefaultRoute(eth, addr("10.9.0.2"))); !errors.Is(err, unix.ESRCH) {
		t.Errorf("got %v", err)
	}
}

// TestAddressIsGoodAtOnce: no second is lost to looking for a duplicate.
func TestAddressIsGoodAtOnce(t *testing.T) {
	_, conn := host(t)
	ns, in, eth := pair(t, conn, "vethnodad")
	do(t, in, rtnl.LinkUp(eth), rtnl.AddAddr(eth, prefix("fd00:9::7/64")))
	err := netns.Do(ns, func() error {
		c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.ParseIP("fd00:9::7")})
		if err != nil {
			return err
		}
		return c.Close()
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLinks(t *testing.T) {
	_, conn := host(t)
	_, in, eth := pair(t, conn, "vethlinks")
	do(t, conn, rtnl.SetAlias("vethlinks", "whose it is"))
	find := func(c *rtnl.Conn, name string) rtnl.Link {
		t.Helper()
		links, err := c.Links()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range links {
			if l.Name == name {
				return l
			}
		}
		return rtnl.Link{}
	}
	if l := find(conn, "ejtbr"); l.Kind != "bridge" || l.Index != bridgeIndex || !l.Up || l.Master != 0 {
		t.Errorf("%+v", l)
	}
	l := find(conn, "vethlinks")
	if l.Kind != "veth" || l.Master != bridgeIndex || l.Alias != "whose it is" || l.MTU != 1500 || !l.Up {
		t.Errorf("%+v", l)
	}
	do(t, conn, rtnl.LinkDown(l.Index), rtnl.SetMTU(l.Index, 1300), rtnl.SetMaster(l.Index, 0))
	if l = find(conn, "vethlinks"); l.Up || l.MTU != 1300 || l.Master != 0 {
		t.Errorf("%+v", l)
	}
	mac := net.HardwareAddr{2, 1, 2, 3, 4, 5}
	do(t, in, rtnl.SetName(eth, "net7"), rtnl.SetMAC(eth, mac), rtnl.LinkUp(eth))
	if l = find(in, "net7"); l.MAC.String() != mac.String() || !l.Up || l.Index != eth {
		t.Errorf("%+v", l)
	}
	do(t, in, rtnl.DelLink(eth))
	if l = find(conn, "vethlinks"); l.Index != 0 {
		t.Errorf("outlived its peer: %+v", l)
	}
	if err := conn.Do(rtnl.DelLinkNamed("vethlinks")); !errors.Is(err, unix.ENODEV) {
		t.Errorf("got %v", err)
	}
	pair(t, conn, "vethagain")
	do(t, conn, rtnl.DelLinkNamed("vethagain"))
}

// TestAnnounce: what a neighbour believed before is replaced.
func TestAnnounce(t *testing.T) {
	hostNS, conn := host(t)
	ns, in, eth := pair(t, conn, "vethann")
	do(t, conn, rtnl.AddAddr(bridgeIndex, prefix("10.9.0.1/16")), rtnl.AddAddr(bridgeIndex, prefix("fd00:9::1/64")))
	do(t, in, rtnl.LinkUp(eth), rtnl.AddAddr(eth, prefix("10.9.0.7/16")), rtnl.AddAddr(eth, prefix("fd00:9::7/64")))
	mac := net.HardwareAddr{2, 0x42, 10, 9, 0, 5}
	for _, ip := range []netip.Addr{addr("10.9.0.7"), addr("fd00:9::7")} {
		err := netns.Do(hostNS, func() error {
			return netlink.NeighSet(&netlink.Neigh{LinkIndex: bridgeIndex, IP: ip.AsSlice(), State: netlink.NUD_STALE, HardwareAddr: net.HardwareAddr{2, 9, 9, 9, 9, 9}})
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := netns.Do(ns, func() error { return rtnl.Announce(eth, ip, mac) }); err != nil {
			t.Fatal(err)
		}
		var got string
		err = netns.Do(hostNS, func() error {
			list, err := netlink.NeighList(bridgeIndex, 0)
			for _, n := range list {
				if n.IP.Equal(ip.AsSlice()) {
					got = n.HardwareAddr.String()
				}
			}
			return err
		})
		if err != nil || got != mac.String() {
			t.Errorf("%s is believed to be at %s, %v", ip, got, err)
		}
	}
	for _, bad := range []net.HardwareAddr{nil, {1, 2}} {
		if err := rtnl.Announce(eth, addr("10.9.0.7"), bad); err == nil {
			t.Errorf("%v was announced", bad)
		}
	}
}

// TestDumpWhileChanging: a list is complete in what did not change, or says so.
func TestDumpWhileChanging(t *testing.T) {
	_, conn := host(t)
	var other *rtnl.Conn
	hostNS, _, _ := pair(t, conn, "vethkeep")
	_ = hostNS
	var wg sync.WaitGroup
	stop := make(chan struct{})
	ns, err := netns.New(func() (err error) { other, err = rtnl.Dial(); return err })
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	defer other.Close()
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := fmt.Sprintf("vethx%d", i)
			err := conn.Do(rtnl.NewVeth(rtnl.Veth{Name: name, PeerName: name + "p", MTU: 1500, PeerNS: int(ns.Fd()), PeerMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}}),
				rtnl.DelLinkNamed(name))
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 50 {
		links, err := conn.Links()
		if err != nil && !errors.Is(err, rtnl.ErrChanged) {
			t.Error(err)
		}
		if !slices.ContainsFunc(links, func(l rtnl.Link) bool { return l.Name == "vethkeep" }) {
			t.Errorf("vethkeep is missing in %v", links)
		}
	}
	close(stop)
	wg.Wait()
}

// BenchmarkLinks lists 1,000 links.
func BenchmarkLinks(b *testing.B) {
	hostNS, conn := host(b)
	var reqs []rtnl.Request
	for i := range 500 {
		name := fmt.Sprintf("vethb%d", i)
		reqs = append(reqs, rtnl.NewVeth(rtnl.Veth{Name: name, PeerName: name + "p", MTU: 1500, PeerNS: int(hostNS.Fd()), PeerMAC: net.HardwareAddr{2, 0, 0, 1, byte(i >> 8), byte(i)}}))
	}
	for chunk := range slices.Chunk(reqs, 50) {
		if err := conn.Do(chunk...); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			if l, err := conn.Links(); err != nil || len(l) < 1000 {
				b.Fatal(len(l), err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		err := netns.Do(hostNS, func() error {
			for b.Loop() {
				if l, err := netlink.LinkList(); err != nil || len(l) < 1000 {
					return fmt.Errorf("%d links: %w", len(l), err)
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
}

// TestLookups: which route packets take, and what hangs on a bridge.
func TestLookups(t *testing.T) {
	_, conn := host(t)
	_, in, eth := pair(t, conn, "vethlook")
	if r, err := in.RouteTo(addr("192.0.2.1")); !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("without a route: %v, %v", r, err)
	}
	do(t, in, rtnl.LinkUp(1), rtnl.LinkUp(eth), rtnl.AddAddr(eth, prefix("10.9.0.7/16")), rtnl.AddDefaultRoute(eth, addr("10.9.0.1")))
	if r, err := in.RouteTo(addr("192.0.2.1")); err != nil || r.Index != eth || r.To.Bits() != 0 || r.Via != addr("10.9.0.1") {
		t.Errorf("by the default route: %+v, %v", r, err)
	}
	if r, err := in.RouteTo(addr("10.9.3.3")); err != nil || r.Index != eth || r.To != prefix("10.9.0.0/16") {
		t.Errorf("on the link: %+v, %v", r, err)
	}
	if r, err := in.RouteTo(addr("10.9.0.7")); !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("to itself: %+v, %v", r, err)
	}
	ports, err := conn.Ports(bridgeIndex)
	if err != nil || len(ports) != 1 || ports[0].Name != "vethlook" || ports[0].Master != bridgeIndex {
		t.Errorf("ports of the bridge: %+v, %v", ports, err)
	}
	if ports, err = conn.Ports(bridgeIndex + 1); err != nil || len(ports) > 0 {
		t.Errorf("ports of none: %+v, %v", ports, err)
	}
}
