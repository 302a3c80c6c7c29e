//go:build linux

package resolver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNamespace tells the test binary that it runs in a namespace of its own.
const inNamespace = "RESOLVER_TEST_IN_NAMESPACE"

// TestMain runs the tests in a fresh network namespace, so that the host's ports
// and rules are never touched. Without privileges there is none, and the tests
// that need one skip themselves.
func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		os.Exit(m.Run())
	}
	if os.Getenv(inNamespace) != "" {
		if err := loopbackUp(); err != nil {
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

// loopbackUp sets up a namespace that the calling thread is in.
func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}

// interfaceUp is loopbackUp with an address of each family that is not the
// loopback's: without, C libraries leave families out.
func interfaceUp() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "eth0"
	eth0 := &netlink.Veth{LinkAttrs: attrs, PeerName: "peer0"}
	if err := errors.Join(loopbackUp(), netlink.LinkAdd(eth0), netlink.LinkSetUp(eth0)); err != nil {
		return err
	}
	for _, cidr := range []string{"172.20.0.2/16", "fd00:20::2/64"} {
		addr, err := netlink.ParseAddr(cidr)
		if err != nil {
			return err
		}
		addr.Flags = unix.IFA_F_NODAD
		if err := netlink.AddrAdd(eth0, addr); err != nil {
			return err
		}
	}
	return nil
}
