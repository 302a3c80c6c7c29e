package integration

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/pkg/netns"
)

// Hosts on a test network: two with daemons, one without, and two routers
// between them.
//
//	one 198.51.100.2 ─┐
//	                  ├─ near ── far ── client 192.0.2.2
//	two 203.0.113.2 ──┘
type testNet struct {
	one, two, near, far, client *netHost
}

const (
	addrOne, addrOne6       = "198.51.100.2", "2001:db8:a::2"
	addrTwo, addrTwo6       = "203.0.113.2", "2001:db8:b::2"
	addrClient, addrClient6 = "192.0.2.2", "2001:db8:c::2"
)

func newTestNet(t testing.TB) *testNet {
	t.Helper()
	n := &testNet{}
	for name, h := range map[string]**netHost{"one": &n.one, "two": &n.two, "near": &n.near, "far": &n.far, "client": &n.client} {
		*h = newNetHost(t, name)
		(*h).sysctl("net/ipv6/conf/default/accept_dad", "0")
		(*h).sysctl("net/ipv6/conf/all/keep_addr_on_down", "1")
	}
	// The routers come first: what they are connected by is called after the other end.
	n.cable(n.near, "one", "198.51.100.1/24", "2001:db8:a::1/64", n.one, addrOne+"/24", addrOne6+"/64")
	n.cable(n.near, "two", "203.0.113.1/24", "2001:db8:b::1/64", n.two, addrTwo+"/24", addrTwo6+"/64")
	n.cable(n.far, "client", "192.0.2.1/24", "2001:db8:c::1/64", n.client, addrClient+"/24", addrClient6+"/64")
	n.cable(n.near, "far", "10.254.0.1/30", "2001:db8:f::1/64", n.far, "10.254.0.2/30", "2001:db8:f::2/64")
	for h, gateways := range map[*netHost][2]string{
		n.one: {"198.51.100.1", "2001:db8:a::1"}, n.two: {"203.0.113.1", "2001:db8:b::1"}, n.client: {"192.0.2.1", "2001:db8:c::1"},
		n.near: {"10.254.0.2", "2001:db8:f::2"}, n.far: {"10.254.0.1", "2001:db8:f::1"},
	} {
		h.must("ip", "route", "add", "default", "via", gateways[0])
		h.must("ip", "-6", "route", "add", "default", "via", gateways[1])
	}
	return n
}

// cable connects two hosts; the far end is called uplink.
func (n *testNet) cable(a *netHost, name, a4, a6 string, b *netHost, b4, b6 string) {
	a.must("ip", "link", "add", name, "type", "veth", "peer", "name", "uplink", "netns", b.path())
	for _, end := range []struct {
		h            *netHost
		link, v4, v6 string
	}{{a, name, a4, a6}, {b, "uplink", b4, b6}} {
		end.h.must("ip", "addr", "add", end.v4, "dev", end.link)
		end.h.must("ip", "addr", "add", end.v6, "dev", end.link, "nodad")
		end.h.must("ip", "link", "set", end.link, "up")
	}
}

// box is the network of a container, where a test can listen and call.
func (h *netHost) box(d *daemonproc.Daemon, args ...string) *netHost {
	h.t.Helper()
	id := d.Must(h.t, append(append([]string{"run", "-d"}, args...), "busybox", "sleep", "1000")...)
	ns, err := netns.Open("/proc/" + d.Must(h.t, "inspect", "-f", "{{.State.Pid}}", id) + "/ns/net")
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { ns.Close() })
	return &netHost{h.t, id[:12], ns}
}

// greet answers everybody who comes to a port with the address they come from,
// until the test ends. To those who ask for it a lot is sent.
func (h *netHost) greet(port int) {
	h.t.Helper()
	h.do(func() error {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			return err
		}
		h.t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go serveGuest(c)
			}
		}()
		p, err := net.ListenPacket("udp", fmt.Sprintf(":%d", port))
		if err != nil {
			return err
		}
		h.t.Cleanup(func() { p.Close() })
		go func() {
			buf := make([]byte, 64)
			for {
				_, from, err := p.ReadFrom(buf)
				if err != nil {
					return
				}
				_, _ = p.WriteTo([]byte(from.String()), from)
			}
		}()
		return nil
	})
}

// A line that asks for much is answered with so many bytes; others by echo.
const (
	much       = "much"
	muchLength = 4 << 20
)

func serveGuest(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 64)
	_, _ = io.WriteString(c, c.RemoteAddr().String()+"\n")
	for {
		n, err := c.Read(buf)
		switch {
		case err != nil:
			return
		case string(buf[:n]) == much:
			_, err = c.Write(make([]byte, muchLength))
		default:
			_, err = c.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// dial calls an address and gives the connection and the address that the other
// side sees.
func (h *netHost) dial(proto, address string, patience time.Duration) (c net.Conn, seen string, err error) {
	err = netns.Do(h.ns, func() (err error) {
		c, err = net.DialTimeout(proto, address, patience)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	err = c.SetDeadline(time.Now().Add(patience))
	if err == nil && proto == "udp" {
		_, err = c.Write([]byte("?"))
	}
	buf := make([]byte, 128)
	n := 0
	if err == nil {
		n, err = c.Read(buf)
	}
	if err != nil {
		return nil, "", errors.Join(err, c.Close())
	}
	from, err := netip.ParseAddrPort(strings.TrimSpace(string(buf[:n])))
	return c, from.Addr().Unmap().String(), err
}

// sees demands that a host is seen as an address by who is at another one.
func (h *netHost) sees(proto, address, want string) {
	h.t.Helper()
	c, seen, err := h.dial(proto, address, 5*time.Second)
	if err != nil || seen != want {
		h.t.Errorf("%s calls %s %s: seen as %q, want %q: %v", h.name, proto, address, seen, want, err)
	}
	if c != nil {
		c.Close()
	}
}

// refused demands that nobody answers.
func (h *netHost) refused(proto, address string) {
	h.t.Helper()
	c, seen, err := h.dial(proto, address, 300*time.Millisecond)
	if err == nil {
		c.Close()
		h.t.Errorf("%s reaches %s %s, seen as %s", h.name, proto, address, seen)
	}
}

func TestNetworkHosts(t *testing.T) {
	n := newTestNet(t)
	one := n.one.daemon("ejthost0", "--ipv6", "--fixed-cidr-v6", "2001:db8:d1::/64")
	two := n.two.daemon("ejthost0")
	web := n.one.box(one, "-p", "28080:80", "-p", "28080:80/udp", "-p", "127.0.0.1:28081:80")
	web.greet(80)
	web.greet(81)
	inside, inside6 := web.address(t, "eth0", "-4"), web.address(t, "eth0", "-6")
	// Whoever knows the way finds no unpublished ports.
	n.near.must("ip", "route", "add", inside, "via", addrOne)
	n.near.must("ip", "route", "add", inside6, "via", addrOne6)
	for _, proto := range []string{"tcp", "udp"} {
		n.client.sees(proto, addrOne+":28080", addrClient)
		n.two.sees(proto, addrOne+":28080", addrTwo)
		n.one.sees(proto, addrOne+":28080", addrOne)
		n.client.refused(proto, addrOne+":28081")
		n.client.refused(proto, addrOne+":80")
		n.client.refused(proto, inside+":81")
		n.client.refused(proto, "["+inside6+"]:81")
		n.client.sees(proto, "["+addrOne6+"]:28080", addrClient6)
		n.client.refused(proto, "["+addrOne6+"]:28081")
	}
	// From a container on another host, from its default network and one of its own.
	two.Must(t, "network", "create", "mine")
	for _, network := range []string{"bridge", "mine"} {
		guest := n.two.box(two, "--network", network)
		guest.sees("tcp", addrOne+":28080", addrTwo)
		guest.sees("udp", addrOne+":28080", addrTwo)
		guest.refused("tcp", addrOne+":28081")
	}
	one.Must(t, "rm", "-f", web.name)
	n.client.refused("tcp", addrOne+":28080")
	n.client.refused("tcp", "["+addrOne6+"]:28080")
}

// address is one that a link has.
func (h *netHost) address(t testing.TB, link, family string) string {
	t.Helper()
	for _, field := range strings.Fields(h.must("ip", "-o", family, "addr", "show", "dev", link, "scope", "global")) {
		if p, err := netip.ParsePrefix(field); err == nil {
			return p.Addr().String()
		}
	}
	t.Fatalf("host %s: %s has no address", h.name, link)
	return ""
}

// TestNetworkPathMTU narrows the way between two routers: those who send find out
// by what the routers tell them, through the address translation of the host.
func TestNetworkPathMTU(t *testing.T) {
	n := newTestNet(t)
	n.near.must("ip", "link", "set", "far", "mtu", "1300")
	n.far.must("ip", "link", "set", "uplink", "mtu", "1300")
	d := n.one.daemon("ejthost0", "--ipv6", "--fixed-cidr-v6", "2001:db8:d1::/64")
	d.Must(t, "network", "create", "--ipv6", "--subnet", "2001:db8:d2::/64", "mine")
	n.near.must("ip", "route", "add", "2001:db8:d2::/64", "via", addrOne6)
	n.client.greet(90)
	for i, network := range []string{"bridge", "mine"} {
		port := 28080 + i
		web := n.one.box(d, "--network", network, "-p", fmt.Sprintf("%d:80", port))
		web.greet(80)
		for _, host := range []string{addrOne, "[" + addrOne6 + "]"} {
			n.client.fetch(t, fmt.Sprintf("%s:%d", host, port))
		}
		web.fetch(t, addrClient+":90")
		web.fetch(t, "["+addrClient6+"]:90")
		web.push(t, addrClient+":90")
	}
}

// fetch asks for much and demands that it comes.
func (h *netHost) fetch(t testing.TB, address string) {
	t.Helper()
	c, _, err := h.dial("tcp", address, 10*time.Second)
	if err != nil {
		t.Errorf("%s calls %s: %v", h.name, address, err)
		return
	}
	defer c.Close()
	_, err = io.WriteString(c, much)
	if n, cerr := io.CopyN(io.Discard, c, muchLength); err != nil || cerr != nil {
		t.Errorf("%s gets %d bytes from %s: %v", h.name, n, address, errors.Join(err, cerr))
	}
}

// push sends packets as long as they can be, and waits for them to come back.
func (h *netHost) push(t testing.TB, address string) {
	t.Helper()
	c, _, err := h.dial("tcp", address, 10*time.Second)
	if err != nil {
		t.Errorf("%s calls %s: %v", h.name, address, err)
		return
	}
	defer c.Close()
	const length = 256 << 10
	go func() { _, _ = c.Write(make([]byte, length)) }() // ends with the connection
	if n, err := io.CopyN(io.Discard, c, length); err != nil {
		t.Errorf("%s gets back %d bytes from %s: %v", h.name, n, address, err)
	}
}

// TestNetworkCutCable takes the carrier from a host whose containers talk to
// others, and gives it back: what was open goes on, what is new works.
func TestNetworkCutCable(t *testing.T) {
	n := newTestNet(t)
	d := n.one.daemon("ejthost0")
	web := n.one.box(d, "-p", "28080:80")
	web.greet(80)
	n.client.greet(90)
	in, _, err := n.client.dial("tcp", addrOne+":28080", 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, _, err := web.dial("tcp", addrClient+":90", 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	n.near.must("ip", "link", "set", "one", "down")
	n.client.refused("tcp", addrOne+":28080")
	web.refused("tcp", addrClient+":90")
	// Meanwhile containers come and go.
	other := n.one.box(d, "-p", "28082:80")
	other.greet(80)
	n.one.sees("tcp", "127.0.0.1:28082", n.one.address(t, "ejthost0", "-4"))
	for _, c := range []net.Conn{in, out} { // written now, it comes later
		if _, err := io.WriteString(c, "still there"); err != nil {
			t.Error(err)
		}
	}
	n.near.must("ip", "link", "set", "one", "up")
	if !daemonproc.Poll(10*time.Second, func() bool {
		c, _, err := n.client.dial("tcp", addrOne+":28082", time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	}) {
		t.Error("the new container is not reached when the cable is back")
	}
	n.client.sees("tcp", addrOne+":28080", addrClient)
	web.sees("tcp", addrClient+":90", addrOne)
	buf := make([]byte, len("still there"))
	for _, c := range []net.Conn{in, out} {
		if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "still there" {
			t.Errorf("what was open: %q, %v", buf, err)
		}
	}
}
