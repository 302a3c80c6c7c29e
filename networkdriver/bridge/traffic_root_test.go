//go:build linux

package bridge_test

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/nettest"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// in runs f inside a namespace; nil is the host.
func in(ns *os.File, f func() error) error {
	if ns == nil {
		return f()
	}
	return netns.Do(ns, f)
}

// serve answers everybody with the address they seem to come from.
func serve(t testing.TB, ns *os.File, proto, address string) {
	t.Helper()
	err := in(ns, func() error {
		if proto == "udp" {
			c, err := net.ListenPacket("udp4", address)
			if err != nil {
				return err
			}
			t.Cleanup(func() { c.Close() })
			go func() {
				buf := make([]byte, 64)
				for {
					_, from, err := c.ReadFrom(buf)
					if err != nil {
						return
					}
					_, _ = c.WriteTo([]byte(from.String()), from)
				}
			}()
			return nil
		}
		l, err := net.Listen("tcp4", address)
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, c.RemoteAddr().String())
				c.Close()
			}
		}()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ask connects from a namespace and gives the address that the server saw.
func ask(t testing.TB, ns *os.File, proto, address string, reachable bool) string {
	t.Helper()
	patience := 5 * time.Second
	if !reachable {
		patience = 250 * time.Millisecond
	}
	var seen string
	err := in(ns, func() error {
		c, err := net.DialTimeout(proto+"4", address, patience)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if proto == "udp" {
			if _, err := c.Write([]byte("?")); err != nil {
				return err
			}
		}
		buf := make([]byte, 64)
		n, err := c.Read(buf)
		seen = string(buf[:n])
		return err
	})
	if (err == nil) != reachable {
		t.Errorf("%s %s: reached %v, want %v: %v", proto, address, err == nil, reachable, err)
	}
	host, _, _ := strings.Cut(seen, ":")
	return host
}

// neighbour is another host, at the other end of the uplink.
func neighbour(t testing.TB) *os.File {
	t.Helper()
	cable, err := netlink.LinkByName("cable")
	if err != nil {
		t.Fatal(err)
	}
	ns, err := netns.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetNsFd(cable, int(ns.Fd())); err != nil {
		t.Fatal(err)
	}
	home, err := netns.Current()
	if err != nil {
		t.Fatal(err)
	}
	err = netns.Do(ns, func() error {
		addr, err := netlink.ParseAddr("192.0.2.254/24")
		if err != nil {
			return err
		}
		l, err := netlink.LinkByName("cable")
		if err != nil {
			return err
		}
		return errors.Join(netlink.AddrAdd(l, addr), netlink.LinkSetUp(l),
			netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Gw: net.ParseIP(hostIP)}))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := netns.Do(ns, func() error {
			l, err := netlink.LinkByName("cable")
			if err != nil {
				return err
			}
			return netlink.LinkSetNsFd(l, int(home.Fd()))
		})
		if err != nil {
			t.Error(err)
		}
		ns.Close()
		home.Close()
	})
	return ns
}

type container struct {
	networkdriver.Interface
	ns *os.File
}

func run(t testing.TB, eng *engine.Engine, id string) container {
	t.Helper()
	i := nettest.MustAllocate(t, eng, id)
	t.Cleanup(func() { _ = eng.Job("release_interface", id).Run() })
	return container{i, enter(t, i.SandboxKey)}
}

func publish(t testing.TB, eng *engine.Engine, id string, env map[string]string) {
	t.Helper()
	if _, err := nettest.Publish(eng, id, env); err != nil {
		t.Fatal(err)
	}
}

func TestPublishedPorts(t *testing.T) {
	testutil.RequiresRoot(t)
	for _, tc := range []map[string]string{
		{},
		{"UserlandProxy": "0"},
		{"InterContainerCommunication": "0"},
	} {
		t.Run("", func(t *testing.T) {
			t.Logf("env %v", tc)
			eng := start(t, tc)
			far := neighbour(t)
			web, other := run(t, eng, "web"), run(t, eng, "other")
			for _, proto := range []string{"tcp", "udp"} {
				serve(t, web.ns, proto, web.IP+":80")
				serve(t, web.ns, proto, web.IP+":81")
				publish(t, eng, "web", map[string]string{"HostPort": "28080", "ContainerPort": "80", "Proto": proto})
				publish(t, eng, "web", map[string]string{"HostPort": "28081", "ContainerPort": "80", "Proto": proto, "HostIP": "127.0.0.1"})
				publish(t, eng, "web", map[string]string{"HostPort": "28082", "ContainerPort": "80", "Proto": proto, "HostIP": hostIP})

				// From the host.
				ask(t, nil, proto, "127.0.0.1:28080", true)
				ask(t, nil, proto, "127.0.0.1:28081", true)
				ask(t, nil, proto, hostIP+":28080", true)
				ask(t, nil, proto, hostIP+":28081", false)
				ask(t, nil, proto, hostIP+":28082", true)
				ask(t, nil, proto, web.Gateway+":28080", true)
				// From another host.
				if seen := ask(t, far, proto, hostIP+":28080", true); seen != "192.0.2.254" {
					t.Errorf("%s: the server saw %s instead of its client", proto, seen)
				}
				ask(t, far, proto, hostIP+":28081", false)
				ask(t, far, proto, web.IP+":81", false) // routed, not published
				// From containers, the published one included.
				for _, c := range []container{web, other} {
					ask(t, c.ns, proto, hostIP+":28080", true)
					ask(t, c.ns, proto, web.Gateway+":28080", true)
					ask(t, c.ns, proto, "127.0.0.1:28080", false)
				}
			}
			if err := eng.Job("release_interface", "web").Run(); err != nil {
				t.Fatal(err)
			}
			for _, proto := range []string{"tcp", "udp"} {
				ask(t, nil, proto, hostIP+":28080", false)
				ask(t, far, proto, hostIP+":28080", false)
			}
		})
	}
}

func TestWithoutFirewallTheProxyServes(t *testing.T) {
	testutil.RequiresRoot(t)
	eng := start(t, map[string]string{"EnableIptables": "0"})
	web := run(t, eng, "web")
	serve(t, web.ns, "tcp", web.IP+":80")
	publish(t, eng, "web", map[string]string{"HostPort": "28080", "ContainerPort": "80"})
	if seen := ask(t, neighbour(t), "tcp", hostIP+":28080", true); seen != web.Gateway {
		t.Errorf("the server saw %s", seen)
	}
	ask(t, nil, "tcp", "127.0.0.1:28080", true)
}

func TestOutside(t *testing.T) {
	testutil.RequiresRoot(t)
	far := neighbour(t)
	serve(t, far, "tcp", "192.0.2.254:80")
	for masq, want := range map[string]string{"1": hostIP, "0": ""} {
		eng := start(t, map[string]string{"EnableIpMasq": masq})
		c := run(t, eng, "c")
		if want == "" {
			want = c.IP
		}
		if seen := ask(t, c.ns, "tcp", "192.0.2.254:80", true); seen != want {
			t.Errorf("masq=%s: seen as %s, want %s", masq, seen, want)
		}
		_ = eng.Job("release_interface", "c").Run()
	}
}

func TestIsolationAndLinks(t *testing.T) {
	testutil.RequiresRoot(t)
	eng := start(t, map[string]string{"InterContainerCommunication": "0"})
	parent, child, third := run(t, eng, "parent"), run(t, eng, "child"), run(t, eng, "third")
	for _, proto := range []string{"tcp", "udp"} {
		serve(t, child.ns, proto, child.IP+":80")
		serve(t, child.ns, proto, child.IP+":81")
		serve(t, parent.ns, proto, parent.IP+":80")
	}
	link := func(action string) {
		t.Helper()
		env := map[string]string{"ParentIP": parent.IP, "ChildIP": child.IP, "Ports": `["80/tcp","80/udp"]`}
		if err := nettest.With(eng.Job("link", action), env).Run(); err != nil {
			t.Fatal(err)
		}
	}
	check := func(linked bool) {
		t.Helper()
		for _, proto := range []string{"tcp", "udp"} {
			ask(t, parent.ns, proto, child.IP+":80", linked)
			ask(t, parent.ns, proto, child.IP+":81", false)
			ask(t, third.ns, proto, child.IP+":80", false)
			ask(t, child.ns, proto, parent.IP+":80", false)
			ask(t, nil, proto, child.IP+":80", true)
		}
	}
	check(false)
	link("-A")
	link("-A")
	check(true)
	link("-D")
	check(true) // opened twice
	link("-D")
	check(false)
}

func TestContainersTalk(t *testing.T) {
	testutil.RequiresRoot(t)
	eng := start(t, map[string]string{})
	a, b := run(t, eng, "a"), run(t, eng, "b")
	serve(t, b.ns, "tcp", b.IP+":80")
	if seen := ask(t, a.ns, "tcp", b.IP+":80", true); seen != a.IP {
		t.Errorf("seen as %s, want %s", seen, a.IP)
	}
	// Another engine's containers are strangers.
	other := start(t, map[string]string{})
	c := run(t, other, "c")
	ask(t, c.ns, "tcp", b.IP+":80", false)
	publish(t, eng, "b", map[string]string{"HostPort": "28083", "ContainerPort": "80"})
	ask(t, c.ns, "tcp", hostIP+":28083", true)
}

// TestFlushedRules lets an administrator flush all rules. The next change
// writes ours anew.
func TestFlushedRules(t *testing.T) {
	testutil.RequiresRoot(t)
	nftTool, err := exec.LookPath("nft")
	if err != nil {
		t.Skip("needs the nft tool to play the administrator")
	}
	eng := start(t, map[string]string{"BridgeIface": "ejtflush"})
	web := run(t, eng, "web")
	serve(t, web.ns, "tcp", web.IP+":80")
	publish(t, eng, "web", map[string]string{"HostPort": "28080", "ContainerPort": "80"})
	for _, how := range []string{"ip", "elements"} {
		args := []string{"delete", "table", "ip", "enginejobs-ejtflush"}
		if how == "elements" {
			args = []string{"flush", "map", "ip", "enginejobs-ejtflush", "published"}
		}
		if out, err := exec.Command(nftTool, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		publish(t, eng, "web", map[string]string{"ContainerPort": "80"})
		if err := eng.Job("release_interface", "web").Run(); err != nil {
			t.Fatal(err)
		}
		web = run(t, eng, "web")
		serve(t, web.ns, "tcp", web.IP+":80")
		publish(t, eng, "web", map[string]string{"HostPort": "28080", "ContainerPort": "80"})
		ask(t, nil, "tcp", hostIP+":28080", true)
	}
}
