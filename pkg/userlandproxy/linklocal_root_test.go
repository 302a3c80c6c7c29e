//go:build linux

package userlandproxy

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// TestLinkLocalClient: an answer to a client on a link comes from the address of
// that link. The proxy listens in a namespace with two links that have the same
// address; its backend is outside.
func TestLinkLocalClient(t *testing.T) {
	testutil.RequiresRoot(t)
	backend := backendUDP(t)
	var p *UDP
	var client net.Conn
	ns, err := netns.New(func() (err error) {
		if err := netlink.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 1}}); err != nil {
			return err
		}
		for _, name := range []string{"ejtone", "ejttwo"} {
			link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
			if err := netlink.LinkAdd(link); err != nil {
				return err
			}
			if err := netlink.LinkSetUp(link); err != nil {
				return err
			}
			addr := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP("fe80::7"), Mask: net.CIDRMask(64, 128)}, Flags: unix.IFA_F_NODAD}
			if err := netlink.AddrAdd(link, addr); err != nil {
				return err
			}
		}
		if p, err = ListenUDP(netip.MustParseAddrPort("[::]:0"), backend); err != nil {
			return err
		}
		link, err := netlink.LinkByName("ejttwo")
		if err != nil {
			return err
		}
		// The names of zones are looked up on any thread: an index is given as it is.
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		to := &unix.SockaddrInet6{Port: int(addrPort(t, p.Addr()).Port()), ZoneId: uint32(link.Attrs().Index), Addr: netip.MustParseAddr("fe80::7").As16()}
		if err := unix.Connect(fd, to); err != nil {
			return err
		}
		client, err = fileConn(fd)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	defer p.Close()
	defer client.Close()
	if got, err := ask(client); err != nil || got != "hello" { // connected: only the answer of that address arrives
		t.Errorf("got %q, %v", got, err)
	}
}

// ask sends a word until it is answered: the kernel makes the route of a new
// address a moment after the address, and what is sent before is lost.
func ask(client net.Conn) (answer string, err error) {
	buf := make([]byte, 16)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if _, err := client.Write([]byte("hello")); err != nil {
			return "", err
		}
		if err := client.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			return "", err
		}
		n, err := client.Read(buf)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return string(buf[:n]), err
		}
	}
	return "", os.ErrDeadlineExceeded
}

func fileConn(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "client")
	defer f.Close()
	return net.FileConn(f)
}
