// Package nettest is the suite that every network driver passes: it runs the
// network jobs of an engine and looks at what they answer. It owns no state.
// Start reading at Run. Only tests import it.
package nettest

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// Factory installs the driver in an engine. The suite runs init_networkdriver
// with env; the factory may add to it what its host needs.
type Factory func(t testing.TB, eng *engine.Engine, env map[string]string)

// Run runs the suite.
func Run(t *testing.T, factory Factory) {
	for _, tc := range []struct {
		name string
		f    func(*testing.T, Factory)
	}{
		{"Init", testInit},
		{"Interface", testInterface},
		{"Requested", testRequested},
		{"Exhausted", testExhausted},
		{"FixedCIDR", testFixedCIDR},
		{"Ports", testPorts},
		{"PortErrors", testPortErrors},
		{"Link", testLink},
		{"TwoEngines", testTwoEngines},
		{"Concurrent", testConcurrent},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.f(t, factory) })
	}
}

// Start makes an engine whose network is ready.
func Start(t testing.TB, factory Factory, env map[string]string) *engine.Engine {
	t.Helper()
	eng := enginetest.New(t)
	if env == nil {
		env = map[string]string{}
	}
	factory(t, eng, env)
	if err := With(eng.Job("init_networkdriver"), env).Run(); err != nil {
		t.Fatal(err)
	}
	return eng
}

// With sets the env of a job.
func With(job *engine.Job, env map[string]string) *engine.Job {
	for k, v := range env {
		job.Setenv(k, v)
	}
	return job
}

// Allocate runs allocate_interface.
func Allocate(eng *engine.Engine, id string, env map[string]string) (i networkdriver.Interface, err error) {
	err = With(eng.Job("allocate_interface", id), env).OutputJSON(&i)
	return i, err
}

// MustAllocate is Allocate for tests that are not about its failure.
func MustAllocate(t testing.TB, eng *engine.Engine, id string) networkdriver.Interface {
	t.Helper()
	i, err := Allocate(eng, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// Publish runs allocate_port.
func Publish(eng *engine.Engine, id string, env map[string]string) (p networkdriver.PublishedPort, err error) {
	err = With(eng.Job("allocate_port", id), env).OutputJSON(&p)
	return p, err
}

func release(t *testing.T, eng *engine.Engine, id string) {
	t.Helper()
	if err := eng.Job("release_interface", id).Run(); err != nil {
		t.Error(err)
	}
}

func wantKind(t *testing.T, err error, kind errdefs.Kind, text string) {
	t.Helper()
	if !errdefs.Is(err, kind) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v (%v), want %v with %q", err, errdefs.KindOf(err), kind, text)
	}
}

func testInit(t *testing.T, factory Factory) {
	eng := Start(t, factory, nil)
	wantKind(t, eng.Job("init_networkdriver").Run(), errdefs.KindConflict, "already")
	for _, bad := range []struct {
		key, value string
		kind       errdefs.Kind
	}{
		{"BridgeIP", "10.0.0.0/24", errdefs.KindInvalidArgument},
		{"BridgeIP", "nonsense", errdefs.KindInvalidArgument},
		{"FixedCIDR", "10.0.0.0/99", errdefs.KindInvalidArgument},
		{"DefaultBindingIP", "::1", errdefs.KindInvalidArgument},
		{"BridgeIface", "far-too-long-for-an-interface", errdefs.KindInvalidArgument},
		{"Mtu", "12", errdefs.KindInvalidArgument},
		{"WarmSandboxes", "-1", errdefs.KindInvalidArgument},
		{"FixedCIDRv6", "fd00::/64", errdefs.KindInvalidArgument},
		{"DefaultAddressPools", `["nonsense"]`, errdefs.KindInvalidArgument},
	} {
		fresh := enginetest.New(t)
		env := map[string]string{}
		factory(t, fresh, env)
		env[bad.key] = bad.value
		err := With(fresh.Job("init_networkdriver"), env).Run()
		if !errdefs.Is(err, bad.kind) {
			t.Errorf("%s=%s: %v", bad.key, bad.value, err)
		}
	}
}

func testInterface(t *testing.T, factory Factory) {
	eng := Start(t, factory, map[string]string{"BridgeIP": "10.66.0.1/16"})
	a, b := MustAllocate(t, eng, "a"), MustAllocate(t, eng, "b")
	if a.IP == b.IP || a.IP == "10.66.0.1" || b.IP == "10.66.0.1" {
		t.Errorf("addresses %s and %s", a.IP, b.IP)
	}
	ip := netip.MustParseAddr(a.IP)
	want := networkdriver.Describe(a.Bridge, netip.PrefixFrom(ip, 16), netip.Prefix{}, netip.MustParseAddr("10.66.0.1"), netip.Addr{}, networkdriver.MAC(ip))
	want.SandboxKey = a.SandboxKey
	if a != *want {
		t.Errorf("got %+v\nwant %+v", a, *want)
	}
	_, err := Allocate(eng, "a", nil)
	wantKind(t, err, errdefs.KindConflict, "already")
	release(t, eng, "a")
	wantKind(t, eng.Job("release_interface", "a").Run(), errdefs.KindNotFound, "No network information to release for a")
	if c := MustAllocate(t, eng, "a"); c.IP == a.IP || c.IP == b.IP {
		t.Errorf("the address %s came back at once", c.IP)
	}
}

func testRequested(t *testing.T, factory Factory) {
	eng := Start(t, factory, map[string]string{"BridgeIP": "10.66.0.1/24"})
	for _, restore := range []string{"0", "1"} {
		env := map[string]string{"RequestedIP": "10.66.0.99", "RequestedMac": "02:00:00:00:00:99", "Restore": restore}
		i, err := Allocate(eng, "a", env)
		if err != nil || i.IP != "10.66.0.99" || i.MacAddress != "02:00:00:00:00:99" || restore == "1" && i.SandboxKey != "" {
			t.Fatalf("restore=%s: %+v, %v", restore, i, err)
		}
		_, err = Allocate(eng, "b", env)
		wantKind(t, err, errdefs.KindConflict, "ip already allocated")
		release(t, eng, "a")
	}
	for _, bad := range []map[string]string{
		{"RequestedIP": "10.67.0.1"}, {"RequestedIP": "x"}, {"RequestedIP": "::1"},
		{"RequestedMac": "x"}, {"RequestedMac": "01:00:00:00:00:00"}, {"Restore": "1"}, {"Restore": "perhaps"}, {"Unknown": "1"},
	} {
		_, err := Allocate(eng, "b", bad)
		wantKind(t, err, errdefs.KindInvalidArgument, "")
	}
	// Whatever was refused has cost nothing.
	if i, err := Allocate(eng, "b", map[string]string{"RequestedIP": "10.66.0.2"}); err != nil {
		t.Errorf("%+v, %v", i, err)
	}
}

func testExhausted(t *testing.T, factory Factory) {
	eng := Start(t, factory, map[string]string{"BridgeIP": "10.66.0.1/29"})
	seen := map[string]bool{}
	for i := range 5 {
		got := MustAllocate(t, eng, fmt.Sprint(i))
		if seen[got.IP] {
			t.Errorf("%s twice", got.IP)
		}
		seen[got.IP] = true
	}
	_, err := Allocate(eng, "more", nil)
	wantKind(t, err, errdefs.KindUnavailable, "no available ip addresses on network")
	release(t, eng, "3")
	MustAllocate(t, eng, "more")
}

func testFixedCIDR(t *testing.T, factory Factory) {
	eng := Start(t, factory, map[string]string{"BridgeIP": "10.66.0.1/16", "FixedCIDR": "10.66.7.0/24"})
	i := MustAllocate(t, eng, "a")
	if !strings.HasPrefix(i.IP, "10.66.7.") || i.IPPrefixLen != 16 || i.Gateway != "10.66.0.1" {
		t.Errorf("got %+v", i)
	}
	fresh := enginetest.New(t)
	env := map[string]string{}
	factory(t, fresh, env)
	env["BridgeIP"], env["FixedCIDR"] = "10.66.0.1/16", "10.67.0.0/24"
	wantKind(t, With(fresh.Job("init_networkdriver"), env).Run(), errdefs.KindInvalidArgument, "does not contain")
}

func testPorts(t *testing.T, factory Factory) {
	eng := Start(t, factory, nil)
	MustAllocate(t, eng, "a")
	MustAllocate(t, eng, "b")
	p, err := Publish(eng, "a", map[string]string{"HostPort": "18080", "ContainerPort": "80"})
	if err != nil || p != (networkdriver.PublishedPort{HostIP: "0.0.0.0", HostPort: 18080}) {
		t.Fatalf("got %+v, %v", p, err)
	}
	_, err = Publish(eng, "b", map[string]string{"HostPort": "18080", "ContainerPort": "80"})
	wantKind(t, err, errdefs.KindConflict, "Bind for 0.0.0.0:18080 failed: port is already allocated")
	for _, want := range []int{18081, 18082} {
		p, err := Publish(eng, "b", map[string]string{"HostPort": "18080-18082", "ContainerPort": "80", "Proto": "tcp"})
		if err != nil || p.HostPort != want {
			t.Errorf("range: %+v, %v", p, err)
		}
	}
	p, err = Publish(eng, "b", map[string]string{"HostPort": "18080", "ContainerPort": "53", "Proto": "udp", "HostIP": "127.0.0.1"})
	if err != nil || p.HostIP != "127.0.0.1" {
		t.Errorf("udp: %+v, %v", p, err)
	}
	p, err = Publish(eng, "b", map[string]string{"ContainerPort": "80"})
	if err != nil || p.HostPort < 1024 {
		t.Errorf("any port: %+v, %v", p, err)
	}
	release(t, eng, "a")
	if _, err := Publish(eng, "b", map[string]string{"HostPort": "18080", "ContainerPort": "81"}); err != nil {
		t.Errorf("the port did not come back: %v", err)
	}
	_, err = Publish(eng, "a", map[string]string{"ContainerPort": "80"})
	wantKind(t, err, errdefs.KindNotFound, "a")
}

func testPortErrors(t *testing.T, factory Factory) {
	eng := Start(t, factory, nil)
	MustAllocate(t, eng, "a")
	for text, env := range map[string]map[string]string{
		"invalid host ip":          {"HostIP": "x", "ContainerPort": "80"},
		"unsupported address type": {"Proto": "icmp", "ContainerPort": "80"},
		"ends before it begins":    {"HostPort": "90-80", "ContainerPort": "80"},
		"invalid port range":       {"HostPort": "70000", "ContainerPort": "80"},
		"invalid ContainerPort":    {"HostPort": "80"},
	} {
		_, err := Publish(eng, "a", env)
		wantKind(t, err, errdefs.KindInvalidArgument, text)
	}
}

func testLink(t *testing.T, factory Factory) {
	for _, icc := range []string{"1", "0"} {
		eng := Start(t, factory, map[string]string{"InterContainerCommunication": icc})
		parent, child := MustAllocate(t, eng, "a"), MustAllocate(t, eng, "b")
		run := func(action string, env map[string]string) error {
			all := map[string]string{"ParentIP": parent.IP, "ChildIP": child.IP, "Ports": `["80/tcp","53/udp"]`}
			for k, v := range env {
				all[k] = v
			}
			return With(eng.Job("link", action), all).Run()
		}
		for _, action := range []string{"-A", "-I", "-D", "-D", "-A"} {
			if err := run(action, nil); err != nil {
				t.Errorf("icc=%s: link %s: %v", icc, action, err)
			}
		}
		wantKind(t, run("-X", nil), errdefs.KindInvalidArgument, "Invalid action '-X' specified")
		wantKind(t, run("-A", map[string]string{"ParentIP": ""}), errdefs.KindInvalidArgument, "parent IP '' is invalid")
		wantKind(t, run("-A", map[string]string{"ChildIP": "x"}), errdefs.KindInvalidArgument, "child IP 'x' is invalid")
		wantKind(t, run("-A", map[string]string{"Ports": `["80/icmp"]`}), errdefs.KindInvalidArgument, "")
		release(t, eng, "b") // takes the link along
		if err := run("-D", map[string]string{"IgnoreErrors": "1"}); err != nil {
			t.Error(err)
		}
	}
}

func testTwoEngines(t *testing.T, factory Factory) {
	one := Start(t, factory, map[string]string{"BridgeIP": "10.66.0.1/24"})
	two := Start(t, factory, map[string]string{"BridgeIP": "10.67.0.1/24"})
	a, b := MustAllocate(t, one, "same"), MustAllocate(t, two, "same")
	if !strings.HasPrefix(a.IP, "10.66.0.") || !strings.HasPrefix(b.IP, "10.67.0.") {
		t.Errorf("%s and %s", a.IP, b.IP)
	}
	release(t, one, "same")
	release(t, two, "same")
}

func testConcurrent(t *testing.T, factory Factory) {
	eng := Start(t, factory, nil)
	var mu sync.Mutex
	ips, ports := map[string]bool{}, map[int]bool{}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 4 {
				id := fmt.Sprintf("%d-%d", n, i)
				got, err := Allocate(eng, id, nil)
				p, err2 := Publish(eng, id, map[string]string{"ContainerPort": "80"})
				mu.Lock()
				if err := errors.Join(err, err2); err != nil || ips[got.IP] || ports[p.HostPort] {
					t.Errorf("%s: %v, %v, %v", id, got.IP, p, err)
				}
				ips[got.IP], ports[p.HostPort] = true, true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for id := range 8 {
		for i := range 4 {
			wg.Go(func() { release(t, eng, fmt.Sprintf("%d-%d", id, i)) })
		}
	}
	wg.Wait()
}
