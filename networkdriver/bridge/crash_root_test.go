//go:build linux

package bridge_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/bridge"
	"github.com/enginejobs/docker/networkdriver/nettest"
	"github.com/enginejobs/docker/pkg/testutil"
)

// crashBridge is the bridge of an engine that is killed.
const crashBridge = "ejtcrash"

// doomed plays a daemon that will be killed: it gives two containers their
// network, publishes a port of each, says so and waits for its end.
func doomed() error {
	eng := engine.New()
	if err := bridge.Install(eng); err != nil {
		return err
	}
	env := map[string]string{"BridgeIface": crashBridge, "BridgeIP": "10.72.0.1/24"}
	if err := nettest.With(eng.Job("init_networkdriver"), env).Run(); err != nil {
		return err
	}
	var list []networkdriver.Interface
	for i := range 2 {
		id := fmt.Sprint(i)
		iface, err := nettest.Allocate(eng, id, nil)
		if err != nil {
			return err
		}
		_, err = nettest.Publish(eng, id, map[string]string{"HostPort": fmt.Sprint(28090 + i), "ContainerPort": "80"})
		if err != nil {
			return err
		}
		list = append(list, iface)
	}
	time.Sleep(100 * time.Millisecond) // the pool is filled
	if err := json.NewEncoder(os.Stdout).Encode(list); err != nil {
		return err
	}
	select {}
}

// crash starts a doomed daemon in this namespace and gives what it gave. Kill
// ends it as a crash would.
func crash(t *testing.T) (list []networkdriver.Interface, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), isDoomed+"=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err := errors.Join(err, json.Unmarshal(line, &list)); err != nil {
		t.Fatal(err)
	}
	return list, kill
}

func portsOf(t *testing.T, name string) int {
	t.Helper()
	br, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		t.Fatal(err)
	}
	n := 0
	for _, l := range links {
		if l.Attrs().MasterIndex == br.Attrs().Index {
			n++
		}
	}
	return n
}

// TestKilledDaemon kills a daemon with one container that lives on and one
// that dies with it.
func TestKilledDaemon(t *testing.T) {
	testutil.RequiresRoot(t)
	list, kill := crash(t)
	alive, dead := list[0], list[1]
	ns := enter(t, alive.SandboxKey) // plays the container's process
	serve(t, ns, "tcp", alive.IP+":80")
	ask(t, ns, "tcp", dead.Gateway+":28090", true) // itself, by the proxy
	kill()
	ask(t, nil, "tcp", hostIP+":28090", true)
	ask(t, nil, "tcp", "127.0.0.1:28090", true)
	ask(t, ns, "tcp", dead.Gateway+":28090", false) // the proxy died
	for deadline := time.Now().Add(5 * time.Second); portsOf(t, crashBridge) != 1; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d interfaces on the bridge, one container lives", portsOf(t, crashBridge))
		}
	}

	eng := start(t, map[string]string{"BridgeIface": crashBridge})
	ask(t, nil, "tcp", hostIP+":28090", true) // without interruption
	// Nobody but its owner gets the address that lives.
	if _, err := nettest.Allocate(eng, "thief", map[string]string{"RequestedIP": alive.IP}); err == nil {
		t.Error("the address of a running container was given to another")
	}
	if _, err := nettest.Allocate(eng, "0", map[string]string{"RequestedIP": alive.IP, "Restore": "1"}); err != nil {
		t.Fatal(err)
	}
	publish(t, eng, "0", map[string]string{"HostPort": "28090", "ContainerPort": "80"})
	ask(t, nil, "tcp", "127.0.0.1:28090", true)
	ask(t, nil, "tcp", hostIP+":28090", true)
	for i := range 8 {
		if got := run(t, eng, fmt.Sprint("new", i)); got.IP == alive.IP {
			t.Fatal("the address of a running container was given away")
		}
	}
	if left := elements(t, crashBridge); left != 1 {
		t.Errorf("%d redirections, one container has a port", left)
	}
	ask(t, nil, "tcp", hostIP+":28090", true)
	if err := eng.Job("release_interface", "0").Run(); err != nil {
		t.Error(err)
	}
}
