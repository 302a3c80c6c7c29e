//go:build linux

package bridge_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// inNamespace tells the test binary that it runs in a namespace of its own.
const inNamespace = "BRIDGE_TEST_IN_NAMESPACE"

// isDoomed tells it to play the daemon of TestKilledDaemon.
const isDoomed = "BRIDGE_TEST_IS_DOOMED"

// TestMain runs the tests in a fresh network namespace, so that the host's
// links and rules are never touched. Without privileges there is none, and the
// tests that need one skip themselves.
func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		os.Exit(m.Run())
	}
	if os.Getenv(isDoomed) != "" {
		fmt.Fprintln(os.Stderr, doomed())
		os.Exit(1)
	}
	if os.Getenv(inNamespace) != "" {
		if err := setUpHost(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// hostIP is the address of the host that the tests play, on its uplink.
const hostIP = "192.0.2.1"

// uplinkMTU is what container interfaces should get, too.
const uplinkMTU = 1400

// setUpHost makes loopback and an uplink with the default route.
func setUpHost() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = "uplink", uplinkMTU
	uplink := &netlink.Veth{LinkAttrs: attrs, PeerName: "cable"}
	if err := netlink.LinkAdd(uplink); err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(hostIP + "/24")
	if err != nil {
		return err
	}
	return errors.Join(netlink.LinkSetUp(lo), netlink.AddrAdd(uplink, addr), netlink.LinkSetUp(uplink),
		netlink.RouteAdd(&netlink.Route{LinkIndex: uplink.Attrs().Index, Gw: net.IPv4(192, 0, 2, 254)}))
}
