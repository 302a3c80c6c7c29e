package rtnl_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/rtnl"
	"github.com/enginejobs/docker/pkg/testutil"
)

const bridgeIndex = 77

// host makes a namespace that plays the host, with a bridge in it.
func host(tb testing.TB) (*os.File, *rtnl.Conn) {
	tb.Helper()
	testutil.RequiresRoot(tb)
	var conn *rtnl.Conn
	ns, err := netns.New(func() error {
		br := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "ejtbr", Index: bridgeIndex}}
		if err := netlink.LinkAdd(br); err != nil {
			return err
		}
		if err := netlink.LinkSetUp(br); err != nil {
			return err
		}
		var err error
		conn, err = rtnl.Dial()
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close(); ns.Close() })
	return ns, conn
}

// sandbox makes a namespace with a configured eth0 on the bridge.
func sandbox(conn *rtnl.Conn, i int) (*os.File, error) {
	var inside *rtnl.Conn
	ns, err := netns.New(func() (err error) { inside, err = rtnl.Dial(); return err })
	if err != nil {
		return nil, err
	}
	defer inside.Close()
	err = conn.Do(rtnl.NewVeth(rtnl.Veth{
		Name: fmt.Sprintf("veth%07x", i), PeerName: "eth0", Master: bridgeIndex, MTU: 1400,
		PeerNS: int(ns.Fd()), PeerMAC: net.HardwareAddr{2, 0x42, 10, 9, 0, byte(i)},
	}))
	if err != nil {
		return ns, err
	}
	index, err := inside.LinkIndex("eth0")
	if err != nil {
		return ns, err
	}
	return ns, inside.Do(rtnl.LinkUp(1), rtnl.LinkUp(index),
		rtnl.AddAddr(index, netip.MustParsePrefix("10.9.0.7/16")),
		rtnl.AddDefaultRoute(index, netip.MustParseAddr("10.9.0.1")))
}

func TestSandbox(t *testing.T) {
	hostNS, conn := host(t)
	ns, err := sandbox(conn, 5)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	err = netns.Do(ns, func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil || lo.Attrs().Flags&net.FlagUp == 0 {
			t.Errorf("lo: %v, %v", lo, err)
		}
		eth, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		a := eth.Attrs()
		if a.Flags&net.FlagUp == 0 || a.MTU != 1400 || a.HardwareAddr.String() != "02:42:0a:09:00:05" {
			t.Errorf("eth0: %+v", a)
		}
		addrs, err := netlink.AddrList(eth, netlink.FAMILY_V4)
		if err != nil || len(addrs) != 1 || addrs[0].IPNet.String() != "10.9.0.7/16" || addrs[0].Broadcast.String() != "10.9.255.255" {
			t.Errorf("addresses: %v, %v", addrs, err)
		}
		routes, err := netlink.RouteGet(net.IPv4(8, 8, 8, 8))
		if err != nil || routes[0].Gw.String() != "10.9.0.1" {
			t.Errorf("default route: %v, %v", routes, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = netns.Do(hostNS, func() error {
		l, err := netlink.LinkByName("veth0000005")
		if err != nil {
			return err
		}
		if a := l.Attrs(); a.MasterIndex != bridgeIndex || a.Flags&net.FlagUp == 0 || a.MTU != 1400 {
			t.Errorf("host side: %+v", a)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestErrorsNameTheRequest(t *testing.T) {
	_, conn := host(t)
	err := conn.Do(rtnl.LinkUp(bridgeIndex), rtnl.LinkUp(4242), rtnl.LinkUp(1))
	if err == nil || err.Error() != "setting link 4242 up: no such device" {
		t.Errorf("got %v", err)
	}
	if _, err := conn.LinkIndex("nope"); err == nil || err.Error() != "finding link nope: no such device" {
		t.Errorf("got %v", err)
	}
	conn.Close()
	if err := conn.Do(rtnl.LinkUp(1)); err == nil {
		t.Error("a closed Conn was used")
	}
}

func BenchmarkSandbox(b *testing.B) {
	_, conn := host(b)
	for i := 0; b.Loop(); i++ {
		ns, err := sandbox(conn, i)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		ns.Close()
		b.StartTimer()
	}
}

func BenchmarkNamespace(b *testing.B) {
	testutil.RequiresRoot(b)
	for b.Loop() {
		ns, err := netns.New(nil)
		if err != nil {
			b.Fatal(err)
		}
		ns.Close()
	}
}
