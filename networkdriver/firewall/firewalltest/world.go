//go:build linux

package firewalltest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/pkg/netns"
)

// world is a host with bridges, containers on them, and another host that is
// its neighbour and its way to all others.
//
//	far ---- uplink host br0 ---- containers
//	                     br1 ---- containers
type world struct {
	testing.TB
	backend string
	host    *os.File
	far     *node
	self    *node // the host by its uplink
	bridges map[string]int
	nodes   int
}

// node is something with an address in both families.
type node struct {
	ns       *os.File
	ip4, ip6 netip.Addr
}

// addrs lists both addresses.
func (n *node) addrs() []netip.Addr { return []netip.Addr{n.ip4, n.ip6} }

func newWorld(t testing.TB, backend string) *world {
	t.Helper()
	w := &world{TB: t, backend: backend, bridges: make(map[string]int)}
	w.host = w.namespace()
	w.far = &node{w.namespace(), netip.MustParseAddr("192.0.2.254"), netip.MustParseAddr("2001:db8::fe")}
	w.self = &node{w.host, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	w.must(netns.Do(w.host, func() error {
		for _, s := range []string{"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"} {
			if err := sysctl(s, "1"); err != nil {
				return err
			}
		}
		return w.cable("uplink", w.far.ns, "cable")
	}))
	w.address(w.host, "uplink", "192.0.2.1/24", "2001:db8::1/64")
	w.address(w.far.ns, "cable", "192.0.2.254/24", "2001:db8::fe/64")
	w.address(w.host, "uplink", "192.0.2.2/24", "2001:db8::2/128") // a second address of the host
	w.route(w.far.ns, "cable", w.self)
	w.route(w.host, "uplink", w.far)
	w.serve(w.far)
	if strings.HasPrefix(backend, "iptables") { // whose chains stay for good once anybody has used them
		for _, family := range []string{"", "6"} {
			for _, c := range []string{"-t raw %s PREROUTING", "-t nat %s PREROUTING", "-t nat %s OUTPUT", "-t nat %s POSTROUTING", "%s FORWARD", "%s OUTPUT"} {
				for _, action := range []string{"-A", "-D"} {
					w.administrator(w.program(family) + " " + fmt.Sprintf(c, action) + " -j ACCEPT")
				}
			}
		}
	}
	return w
}

// namespace makes one with loopback up, without waiting for duplicates of
// IPv6 addresses.
func (w *world) namespace() *os.File {
	w.Helper()
	ns, err := netns.New(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return errors.Join(sysctl("net/ipv6/conf/default/accept_dad", "0"), sysctl("net/ipv6/conf/all/accept_dad", "0"), netlink.LinkSetUp(lo))
	})
	w.must(err)
	w.Cleanup(func() { ns.Close() })
	return ns
}

// cable makes a pair of interfaces, one here and one elsewhere.
func (w *world) cable(here string, there *os.File, name string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = here
	return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: name, PeerNamespace: netlink.NsFd(int(there.Fd()))})
}

// address sets an interface up with addresses.
func (w *world) address(ns *os.File, name string, list ...string) {
	w.Helper()
	w.must(netns.Do(ns, func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		for _, text := range list {
			addr, err := netlink.ParseAddr(text)
			if err != nil {
				return err
			}
			addr.Flags = unix.IFA_F_NODAD
			if addr.IP.To4() == nil && strings.HasSuffix(text, "/128") { // nothing is sent from it unless asked for
				addr.ValidLft, addr.Flags = 3600, addr.Flags|unix.IFA_F_DEPRECATED
			}
			if err := netlink.AddrAdd(l, addr); err != nil {
				return err
			}
		}
		return netlink.LinkSetUp(l)
	}))
}

// route makes a node the way to everywhere.
func (w *world) route(ns *os.File, name string, via *node) {
	w.Helper()
	w.must(netns.Do(ns, func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		for _, ip := range via.addrs() {
			if err := netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Gw: ip.AsSlice()}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// bridge builds the bridge of a network as the driver does, and gives the
// host's place on it.
func (w *world) bridge(n firewall.Network) *node {
	w.Helper()
	w.bridges[n.Bridge] = 1
	gw := &node{w.host, n.Subnets[0].Addr().Next(), n.Subnets[1].Addr().Next()}
	w.must(netns.Do(w.host, func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = n.Bridge
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
			return err
		}
		return errors.Join(sysctl("net/ipv4/conf/"+n.Bridge+"/route_localnet", "1"),
			sysctl("net/ipv4/conf/"+n.Bridge+"/proxy_arp_pvlan", flag(n.Isolated)), sysctl("net/ipv4/conf/"+n.Bridge+"/send_redirects", "0"),
			sysctl("net/ipv6/conf/"+n.Bridge+"/proxy_ndp", flag(n.Isolated)), sysctl("net/ipv6/neigh/"+n.Bridge+"/proxy_delay", "0"),
			// What it answers for is not forgotten while the bridge is empty.
			sysctl("net/ipv6/conf/"+n.Bridge+"/ndisc_evict_nocarrier", "0"))
	}))
	w.address(w.host, n.Bridge, fmt.Sprintf("%s/%d", gw.ip4, n.Subnets[0].Bits()), fmt.Sprintf("%s/%d", gw.ip6, n.Subnets[1].Bits()))
	return gw
}

// container puts one on a bridge, listening on ports 80 and 81.
func (w *world) container(n firewall.Network) *node {
	w.Helper()
	w.bridges[n.Bridge]++
	w.nodes++
	c := &node{w.namespace(), n.Subnets[0].Addr(), n.Subnets[1].Addr()}
	for range w.bridges[n.Bridge] {
		c.ip4, c.ip6 = c.ip4.Next(), c.ip6.Next()
	}
	name := fmt.Sprintf("veth%d", w.nodes)
	w.must(netns.Do(w.host, func() error {
		if err := w.cable(name, c.ns, "eth0"); err != nil {
			return err
		}
		br, err := netlink.LinkByName(n.Bridge)
		if err != nil {
			return err
		}
		port, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := errors.Join(netlink.LinkSetMaster(port, br), netlink.LinkSetUp(port)); err != nil {
			return err
		}
		if n.Isolated { // the host answers for the others
			return errors.Join(netlink.LinkSetIsolated(port, true),
				netlink.NeighAdd(&netlink.Neigh{LinkIndex: br.Attrs().Index, Family: netlink.FAMILY_V6, Flags: netlink.NTF_PROXY, IP: net.IP(c.ip6.AsSlice())}))
		}
		if !n.Proxied {
			return netlink.LinkSetHairpin(port, true)
		}
		return nil
	}))
	w.address(c.ns, "eth0", fmt.Sprintf("%s/%d", c.ip4, n.Subnets[0].Bits()), fmt.Sprintf("%s/%d", c.ip6, n.Subnets[1].Bits()))
	w.route(c.ns, "eth0", &node{ip4: n.Subnets[0].Addr().Next(), ip6: n.Subnets[1].Addr().Next()})
	w.serve(c)
	return c
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func sysctl(name, value string) error {
	return os.WriteFile("/proc/sys/"+name, []byte(value), 0)
}

// administrator runs a command on the host, as somebody else would.
func (w *world) administrator(command string) string {
	w.Helper()
	var out []byte
	err := netns.Do(w.host, func() (err error) {
		out, err = exec.Command("/bin/sh", "-c", command).CombinedOutput() //nolint:gosec // commands of the suite
		return err
	})
	if err != nil {
		w.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// rules is all that anybody has told the kernel about packets.
func (w *world) rules() string {
	w.Helper()
	text := "nft -s list ruleset"
	if strings.HasPrefix(w.backend, "iptables") {
		text += "; " + w.program("") + "-save; " + w.program("6") + "-save"
	}
	var lines []string
	for line := range strings.Lines(w.administrator(text)) {
		if strings.HasPrefix(line, ":") { // without its counters
			line, _, _ = strings.Cut(line, "[")
			line += "\n"
		}
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// program is the variant of iptables that the backend uses.
func (w *world) program(family string) string {
	switch w.backend {
	case firewall.IPTablesNFT:
		return "ip" + family + "tables-nft"
	case firewall.IPTablesLegacy:
		return "ip" + family + "tables-legacy"
	}
	return "ip" + family + "tables"
}
