package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// Somebody works against the daemon: what is deleted behind its back while
// containers run is made again with the next change, or with the next start of
// the daemon, and what cannot be is named.

// faulty is a daemon on a host of its own, with a container on the default network
// and one on a network that its user made, both with ports.
type faulty struct {
	*netHost
	t         *testing.T
	d         *daemonproc.Daemon
	web, mine *netHost
}

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	f := emptyFaulty(t)
	f.web = f.box(f.d, "--name", "web", "-p", "28080:80")
	f.mine = f.box(f.d, "--name", "mine", "--network", "mine", "-p", "28081:80")
	for _, b := range []*netHost{f.web, f.mine} {
		b.greet(80)
	}
	f.whole()
	return f
}

// emptyFaulty is one without containers.
func emptyFaulty(t *testing.T) *faulty {
	t.Helper()
	h := newNetHost(t, "faulty")
	h.uplink()
	d := h.daemon("ejtfault0")
	d.Must(t, "network", "create", "--subnet", "10.212.0.0/24", "-o", "com.docker.network.bridge.name=ejtfault1", "mine")
	return &faulty{netHost: h, t: t, d: d}
}

// whole demands that everybody is reached.
func (f *faulty) whole() {
	f.t.Helper()
	for _, address := range []string{"192.0.2.1:28080", "192.0.2.1:28081", "127.0.0.1:28080", "127.0.0.1:28081"} {
		c, _, err := f.dial("tcp", address, 3*time.Second)
		if err != nil {
			f.t.Errorf("%s: %v", address, err)
			continue
		}
		c.Close()
	}
}

// change is the next thing that somebody asks for, on both networks.
func (f *faulty) change() {
	f.t.Helper()
	for _, network := range []string{"bridge", "mine"} {
		f.d.Must(f.t, "run", "--rm", "--network", network, "-p", "80", "busybox", "true")
	}
}

func (f *faulty) restart(kill bool) {
	f.t.Helper()
	if kill {
		if err := f.d.Kill9(); err != nil {
			f.t.Fatal(err)
		}
	} else if code, err := f.d.Stop(); err != nil || code != 0 {
		f.t.Fatalf("%d, %v", code, err)
	}
	f.do(f.d.Start)
}

func TestNetworkBridgesDeleted(t *testing.T) {
	f := newFaulty(t)
	f.must("ip", "link", "del", "ejtfault0")
	f.must("ip", "link", "del", "ejtfault1")
	f.change()
	f.whole()
	for _, bridge := range []string{"ejtfault0", "ejtfault1"} {
		if log := f.d.Log(1 << 20); !strings.Contains(log, "bridge "+bridge+" was removed behind our back and made anew") {
			t.Errorf("%s is not named", bridge)
		}
	}
	// And while the daemon is away.
	if err := f.d.Kill9(); err != nil {
		t.Fatal(err)
	}
	f.must("ip", "link", "del", "ejtfault0")
	f.must("ip", "link", "del", "ejtfault1")
	f.do(f.d.Start)
	f.whole()
	f.end()
}

// TestNetworkRulesDeleted flushes the firewall, as an administrator who reloads his
// own rules does.
func TestNetworkRulesDeleted(t *testing.T) {
	f := newFaulty(t)
	f.must("nft", "flush", "ruleset")
	f.change()
	f.whole()
	f.must("nft", "flush", "ruleset")
	f.restart(true)
	f.whole()
	f.end()
}

// TestNetworkInterfacesDeleted takes interfaces from containers that run. They
// have them again after the next start of the daemon, and after their own.
func TestNetworkInterfacesDeleted(t *testing.T) {
	f := newFaulty(t)
	for _, b := range []*netHost{f.web, f.mine} {
		b.must("ip", "link", "del", "eth0")
	}
	f.restart(true)
	f.whole()
	for _, name := range []string{"web", "mine"} {
		if log := f.d.Log(1 << 20); !strings.Contains(log, "address of container "+name+" on network") {
			t.Errorf("that %s lost its interface is not named", name)
		}
	}
	for _, b := range []*netHost{f.web, f.mine} {
		b.must("ip", "link", "del", "eth0")
	}
	// Leaving a network works without the interface, and coming back makes a new one.
	f.d.Must(t, "network", "disconnect", "mine", "mine")
	f.d.Must(t, "network", "connect", "mine", "mine")
	f.d.Must(t, "network", "disconnect", "bridge", "web")
	f.d.Must(t, "network", "connect", "bridge", "web")
	f.whole()
	f.end()
}

// TestNetworkForeignInterface has somebody hang an interface of his own on a
// bridge: the network can be removed, and the interface stays.
func TestNetworkForeignInterface(t *testing.T) {
	f := newFaulty(t)
	f.must("ip", "link", "add", "guest", "type", "veth", "peer", "name", "guestpeer")
	f.must("ip", "link", "set", "guest", "master", "ejtfault1", "up")
	f.restart(true)
	f.whole()
	f.d.Must(t, "rm", "-f", "mine")
	f.d.Must(t, "network", "rm", "mine")
	if _, err := f.run("ip", "link", "show", "ejtfault1"); err == nil {
		t.Error("the bridge was left")
	}
	f.must("ip", "link", "del", "guest")
	f.end()
}

// TestNetworkNameTaken has somebody else's interface under the name of a bridge:
// it is left alone, the network is named, the others work.
func TestNetworkNameTaken(t *testing.T) {
	f := emptyFaulty(t)
	if code, err := f.d.Stop(); err != nil || code != 0 {
		t.Fatalf("%d, %v", code, err)
	}
	_, _ = f.run("ip", "link", "del", "ejtfault1") // the daemon may have left it
	f.must("ip", "link", "add", "ejtfault1", "type", "veth", "peer", "name", "elsewhere")
	f.do(f.d.Start)
	r := f.d.Docker("run", "--rm", "--network", "mine", "busybox", "true")
	if r.Code == 0 || !strings.Contains(r.Stderr, "interface ejtfault1 is a veth, not a bridge") {
		t.Errorf("run: %s", r)
	}
	f.d.Must(t, "run", "--rm", "busybox", "true")
	f.must("ip", "link", "del", "ejtfault1")
	f.d.Must(t, "run", "--rm", "--network", "mine", "busybox", "true")
	f.end()
}

// end removes everything; nothing may be left.
func (f *faulty) end() {
	f.t.Helper()
	if ids := f.d.Must(f.t, "ps", "-aq"); ids != "" {
		f.d.Must(f.t, append([]string{"rm", "-f"}, strings.Fields(ids)...)...)
	}
	f.d.Must(f.t, "network", "prune", "-f")
	if code, err := f.d.Stop(); err != nil || code != 0 {
		f.t.Errorf("stop: %d, %v", code, err)
	}
	if !daemonproc.Poll(5*time.Second, func() bool { return strings.Count(f.must("ip", "-o", "link"), "\n") == 3 }) {
		f.t.Errorf("left:\n%s", f.must("ip", "-o", "link"))
	}
	if rules := f.must("nft", "list", "ruleset"); rules != "" {
		f.t.Errorf("left:\n%s", rules)
	}
}
