//go:build linux

package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver/bridge"
	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/networkdriver/nettest"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/nft"
	"github.com/enginejobs/docker/pkg/testutil"
)

var bridges atomic.Int32

// factory gives each engine a bridge of its own, and looks at the end whether
// anything is left of it.
func factory(t testing.TB, eng *engine.Engine, env map[string]string) {
	t.Helper()
	testutil.RequiresRoot(t)
	if env["BridgeIface"] == "" {
		env["BridgeIface"] = fmt.Sprintf("ejt%d", bridges.Add(1))
	}
	name := env["BridgeIface"]
	if err := bridge.Install(eng); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Containers that a test forgot keep their network at shutdown.
		if l, err := netlink.LinkByName(name); err == nil && l.Type() == "bridge" {
			_ = netlink.LinkDel(l)
		}
		dropTables(t, tables(t, name))
		if program := env["FirewallBackend"]; strings.HasPrefix(program, firewall.IPTables) {
			dropChains(t, name, program)
		}
	})
}

// dropChains takes away the rules of one bridge that iptables has written, which
// would hide the containers of the tests that follow.
func dropChains(t testing.TB, name, program string) {
	t.Helper()
	rules, err := firewall.Open(firewall.Options{Name: "enginejobs-" + name, Backend: program, IPv6: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(rules.Remove(), rules.Close()); err != nil {
		t.Error(err)
	}
	left, err := exec.Command(program + "-save").CombinedOutput()
	if err != nil || strings.Contains(string(left), "enginejobs-"+name+"-") {
		t.Errorf("left of %s: %v\n%s", name, err, left)
	}
}

// start makes an engine whose shutdown the test asks for itself.
func start(t testing.TB, env map[string]string) *engine.Engine {
	t.Helper()
	testutil.RequiresRoot(t)
	eng := engine.New()
	factory(t, eng, env)
	if err := nettest.With(eng.Job("init_networkdriver"), env).Run(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, eng) })
	return eng
}

func shutdown(t testing.TB, eng *engine.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := eng.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// tables lists our tables of one bridge.
func tables(t testing.TB, name string) []nft.Table {
	t.Helper()
	conn, err := nft.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	all, err := conn.Tables()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(x nft.Table) bool { return x.Name != "enginejobs-"+name })
}

// elements counts the redirections of one bridge.
func elements(t testing.TB, name string) int {
	t.Helper()
	conn, err := nft.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	list, err := conn.Elements(nft.Table{Family: nft.IPv4, Name: "enginejobs-" + name}, "published")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func dropTables(t testing.TB, list []nft.Table) {
	t.Helper()
	conn, err := nft.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Batch(func(b *nft.Batch) {
		for _, x := range list {
			b.Drop(x)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func exists(name string) bool {
	_, err := netlink.LinkByName(name)
	return err == nil
}

// enter opens the namespace of a container the way the exec driver does.
func enter(t testing.TB, key string) *os.File {
	t.Helper()
	ns, err := netns.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	return ns
}

func TestSuite(t *testing.T) {
	testutil.RequiresRoot(t)
	for _, warm := range []string{"0", "3"} {
		t.Run("warm="+warm, func(t *testing.T) { suite(t, map[string]string{"WarmSandboxes": warm}) })
	}
	for _, backend := range []string{firewall.IPTablesNFT, firewall.IPTablesLegacy} {
		t.Run(backend, func(t *testing.T) {
			if _, err := exec.LookPath(backend); err != nil {
				t.Skipf("needs the program: %v", err)
			}
			suite(t, map[string]string{"WarmSandboxes": "0", "FirewallBackend": backend})
		})
	}
}

// suite runs the contract's on engines with these keys, unless a test of it sets
// them.
func suite(t *testing.T, keys map[string]string) {
	nettest.Run(t, func(t testing.TB, eng *engine.Engine, env map[string]string) {
		for key, value := range keys {
			if env[key] == "" {
				env[key] = value
			}
		}
		factory(t, eng, env)
	})
}

func TestNothingIsLeft(t *testing.T) {
	testutil.RequiresRoot(t)
	before, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BridgeIface": "ejtgone", "InterContainerCommunication": "0"}
	eng := start(t, env)
	for i := range 5 {
		id := fmt.Sprint(i)
		nettest.MustAllocate(t, eng, id)
		if _, err := nettest.Publish(eng, id, map[string]string{"ContainerPort": "80"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := tables(t, "ejtgone"); len(got) != 2 || !exists("ejtgone") {
		t.Errorf("tables %v", got)
	}
	for i := range 5 {
		if err := eng.Job("release_interface", fmt.Sprint(i)).Run(); err != nil {
			t.Error(err)
		}
	}
	shutdown(t, eng)
	if got := tables(t, "ejtgone"); len(got) != 0 || exists("ejtgone") {
		t.Errorf("left: tables %v, bridge %v", got, exists("ejtgone"))
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		after, err := netlink.LinkList()
		if err != nil {
			t.Fatal(err)
		}
		if len(after) <= len(before) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d links before, %d after", len(before), len(after))
		}
	}
}

// TestSuccessor lets an engine end with a container, and a new one go on.
func TestSuccessor(t *testing.T) {
	testutil.RequiresRoot(t)
	env := map[string]string{"BridgeIface": "ejtnext", "BridgeIP": "10.70.0.1/24"}
	first := start(t, env)
	c := nettest.MustAllocate(t, first, "c")
	ns := enter(t, c.SandboxKey) // plays the container's process
	port := map[string]string{"HostPort": "28080", "ContainerPort": "80"}
	if _, err := nettest.Publish(first, "c", port); err != nil {
		t.Fatal(err)
	}
	serve(t, ns, "tcp", c.IP+":80")
	shutdown(t, first)
	if !exists("ejtnext") || len(tables(t, "ejtnext")) != 2 {
		t.Fatal("the container lost its network")
	}
	ask(t, nil, "tcp", hostIP+":28080", true) // by the rules alone

	second := start(t, map[string]string{"BridgeIface": "ejtnext"})
	got, err := nettest.Allocate(second, "c", map[string]string{"RequestedIP": c.IP, "Restore": "1"})
	if err != nil || got.IP != c.IP || got.Gateway != c.Gateway || got.IPPrefixLen != 24 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, err := nettest.Publish(second, "c", port); err != nil {
		t.Fatal(err)
	}
	ask(t, nil, "tcp", hostIP+":28080", true)
	ask(t, nil, "tcp", "127.0.0.1:28080", true)
	if other := nettest.MustAllocate(t, second, "d"); other.IP == c.IP {
		t.Error("the address was given away twice")
	}
	ns.Close()
	for _, id := range []string{"c", "d"} {
		if err := second.Job("release_interface", id).Run(); err != nil {
			t.Error(err)
		}
	}
}

func TestAdoption(t *testing.T) {
	testutil.RequiresRoot(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "ejtforeign"
	br := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(br); err != nil {
		t.Fatal(err)
	}
	addr, err := netlink.ParseAddr("10.71.3.1/24")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrAdd(br, addr); err != nil {
		t.Fatal(err)
	}
	eng := start(t, map[string]string{"BridgeIface": "ejtforeign"})
	if i := nettest.MustAllocate(t, eng, "a"); !strings.HasPrefix(i.IP, "10.71.3.") || i.Gateway != "10.71.3.1" {
		t.Errorf("got %+v", i)
	}
	if err := eng.Job("release_interface", "a").Run(); err != nil {
		t.Error(err)
	}
	shutdown(t, eng)
	if !exists("ejtforeign") {
		t.Error("a bridge that is not ours was removed")
	}

	for env, text := range map[[2]string]string{
		{"ejtforeign", "10.99.0.1/24"}: "bridge ip (10.71.3.1/24) does not match existing bridge configuration 10.99.0.1/24",
		{"uplink", ""}:                 "interface uplink is a veth, not a bridge",
	} {
		eng := engine.New()
		if err := bridge.Install(eng); err != nil {
			t.Fatal(err)
		}
		err := nettest.With(eng.Job("init_networkdriver"), map[string]string{"BridgeIface": env[0], "BridgeIP": env[1]}).Run()
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v: %v", env, err)
		}
		shutdown(t, eng)
	}
	if got := tables(t, "ejtforeign"); len(got) != 0 {
		t.Errorf("tables left: %v", got)
	}
}

func TestAddressIsChosenAroundTheHost(t *testing.T) {
	testutil.RequiresRoot(t)
	one := start(t, map[string]string{"BridgeIface": "ejtone"})
	two := start(t, map[string]string{"BridgeIface": "ejttwo"})
	a, b := nettest.MustAllocate(t, one, "a"), nettest.MustAllocate(t, two, "b")
	if a.Gateway == b.Gateway {
		t.Errorf("two bridges with the address %s", a.Gateway)
	}
	for id, eng := range map[string]*engine.Engine{"a": one, "b": two} {
		if err := eng.Job("release_interface", id).Run(); err != nil {
			t.Error(err)
		}
	}
}

func TestMTUFollowsTheDefaultRoute(t *testing.T) {
	for mtu, want := range map[string]int{"0": uplinkMTU, "1280": 1280} {
		eng := start(t, map[string]string{"Mtu": mtu})
		i := nettest.MustAllocate(t, eng, "a")
		err := netns.Do(enter(t, i.SandboxKey), func() error {
			l, err := netlink.LinkByName("eth0")
			if err == nil && (l.Attrs().MTU != want || l.Attrs().HardwareAddr.String() != i.MacAddress) {
				t.Errorf("Mtu=%s: eth0 has %d, %s", mtu, l.Attrs().MTU, l.Attrs().HardwareAddr)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if err := eng.Job("release_interface", "a").Run(); err != nil {
			t.Error(err)
		}
	}
}

// TestFailedInitLeavesNothing lets the last steps fail.
func TestFailedInitLeavesNothing(t *testing.T) {
	testutil.RequiresRoot(t)
	for _, env := range []map[string]string{
		{"BridgeIP": "10.73.0.1/24", "FixedCIDR": "10.73.0.0/32"},
		{"FixedCIDR": "10.99.0.0/24"},
		{"BridgeIP": "10.73.0.1/31"},
	} {
		eng := engine.New()
		if err := bridge.Install(eng); err != nil {
			t.Fatal(err)
		}
		env["BridgeIface"] = "ejtfail"
		err := nettest.With(eng.Job("init_networkdriver"), env).Run()
		if !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%v: %v", env, err)
		}
		if exists("ejtfail") || len(tables(t, "ejtfail")) != 0 || eng.Has("link") {
			t.Errorf("%v: something is left", env)
		}
		shutdown(t, eng)
	}
}

// TestWarnings: what the user should know is said, and stops nothing.
func TestWarnings(t *testing.T) {
	testutil.RequiresRoot(t)
	nftTool, err := exec.LookPath("nft")
	if err != nil {
		t.Skip("needs the nft tool to play another engine")
	}
	script := "add table ip other; add chain ip other FORWARD { type filter hook forward priority 0; policy drop; }"
	if out, err := exec.Command(nftTool, script).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	t.Cleanup(func() { _ = exec.Command(nftTool, "delete table ip other").Run() })
	eng := engine.New()
	factory(t, eng, map[string]string{"BridgeIface": "ejtwarn"})
	t.Cleanup(func() { shutdown(t, eng) })
	job := nettest.With(eng.Job("init_networkdriver"), map[string]string{"BridgeIface": "ejtwarn"})
	var warnings strings.Builder
	job.Stderr.Add(&warnings)
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"bridge ejtwarn did not exist and was created", `"other FORWARD" of another program drops`} {
		if !strings.Contains(warnings.String(), want) {
			t.Errorf("no %q in %q", want, warnings.String())
		}
	}
}

// TestRemovedBridgeIsMadeAnew lets somebody delete the bridge behind our back:
// the next container finds one, and those that run hang on it again.
func TestRemovedBridgeIsMadeAnew(t *testing.T) {
	testutil.RequiresRoot(t)
	for _, icc := range []string{"1", "0"} {
		eng := start(t, map[string]string{"BridgeIface": "ejtlost", "InterContainerCommunication": icc, "WarmSandboxes": "0"})
		web := run(t, eng, "web")
		serve(t, web.ns, "tcp", web.IP+":80")
		publish(t, eng, "web", map[string]string{"HostPort": "28080", "ContainerPort": "80"})
		l, err := netlink.LinkByName("ejtlost")
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkDel(l); err != nil {
			t.Fatal(err)
		}
		late := run(t, eng, "late")
		ask(t, nil, "tcp", web.IP+":80", true)
		ask(t, nil, "tcp", "127.0.0.1:28080", true)
		ask(t, late.ns, "tcp", web.IP+":80", icc == "1")
		for _, id := range []string{"web", "late"} {
			if err := eng.Job("release_interface", id).Run(); err != nil {
				t.Error(err)
			}
		}
		shutdown(t, eng)
	}
}

// TestWatch: what somebody takes away is made anew without anybody asking for it.
func TestWatch(t *testing.T) {
	testutil.RequiresRoot(t)
	eng := start(t, map[string]string{"BridgeIface": "ejtwatch"})
	web := run(t, eng, "web")
	serve(t, web.ns, "tcp", web.IP+":80")
	publish(t, eng, "web", map[string]string{"HostPort": "28080", "ContainerPort": "80"})
	l, err := netlink.LinkByName("ejtwatch")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkDel(l); err != nil {
		t.Fatal(err)
	}
	dropTables(t, tables(t, "ejtwatch"))
	for deadline := time.Now().Add(10 * time.Second); !exists("ejtwatch") || len(tables(t, "ejtwatch")) != 2; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("bridge or rules are still missing")
		}
	}
	ask(t, nil, "tcp", "127.0.0.1:28080", true)
	if err := eng.Job("release_interface", "web").Run(); err != nil {
		t.Error(err)
	}
}

// TestOverlapIsSaid: a subnet that the host knows another way to is the user's
// choice, and he is told.
func TestOverlapIsSaid(t *testing.T) {
	testutil.RequiresRoot(t)
	eng := start(t, map[string]string{})
	for subnet, want := range map[string]bool{"192.0.2.128/25": true, "198.51.100.0/24": false} {
		job := eng.Job("network_create", "risky")
		job.Setenv("Spec", `{"IPAM":{"Config":[{"Subnet":"`+subnet+`"}]}}`)
		var made api.NetworkCreated
		if err := job.OutputJSON(&made); err != nil || strings.Contains(made.Warning, "overlaps with 192.0.2.") != want {
			t.Errorf("%s: %+v, %v", subnet, made, err)
		}
		if err := eng.Job("network_rm", "risky").Run(); err != nil {
			t.Error(err)
		}
	}
}

// TestFullBridge: the kernel's limit is told, not its word for it, and nothing stays.
func TestFullBridge(t *testing.T) {
	testutil.RequiresRoot(t)
	eng := start(t, map[string]string{"BridgeIface": "ejtfull"})
	nettest.MustAllocate(t, eng, "a") // the bridge is there from now on
	br, err := netlink.LinkByName("ejtfull")
	if err != nil {
		t.Fatal(err)
	}
	others, err := netns.New(func() error { return nil }) // with it goes what fills the bridge
	if err != nil {
		t.Fatal(err)
	}
	defer others.Close()
	for n := 0; ; n++ {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MasterIndex = fmt.Sprint("filler", n), br.Attrs().Index
		veth := &netlink.Veth{LinkAttrs: attrs, PeerName: attrs.Name, PeerNamespace: netlink.NsFd(int(others.Fd()))}
		if err := netlink.LinkAdd(veth); errors.Is(err, unix.EXFULL) {
			break
		} else if err != nil || n > 2000 {
			t.Fatalf("%d links: %v", n, err)
		}
	}
	given := []string{"a"}
	for err = nil; err == nil && len(given) < 20; { // some are ready since before
		id := fmt.Sprint("b", len(given))
		if err = eng.Job("allocate_interface", id).Run(); err == nil {
			given = append(given, id)
		}
	}
	if !errdefs.Is(err, errdefs.KindUnavailable) || !strings.Contains(err.Error(), "as many containers as the kernel allows") {
		t.Errorf("one too many: %v", err)
	}
	for _, id := range given {
		if err := eng.Job("release_interface", id).Run(); err != nil {
			t.Error(err)
		}
	}
}
