//go:build linux

package userlandproxy

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestFamilies: a host address of either family leads to a container of either,
// and both families can have the same port.
func TestFamilies(t *testing.T) {
	echo := func(c *net.TCPConn) { _, _ = io.Copy(c, c) }
	v4 := backendTCP(t, echo)
	all := netip.MustParseAddrPort("[::]:0")
	p, err := ListenTCP(all, v4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	port := addrPort(t, p.Addr()).Port()
	beside, err := ListenTCP(netip.AddrPortFrom(netip.IPv4Unspecified(), port), v4)
	if err != nil {
		t.Fatalf("0.0.0.0 beside [::]: %v", err)
	}
	defer beside.Close()
	six, err := ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"), netip.AddrPortFrom(netip.IPv6Loopback(), port))
	if err != nil {
		t.Fatal(err)
	}
	defer six.Close()
	for _, at := range []netip.AddrPort{
		netip.AddrPortFrom(netip.IPv6Loopback(), port), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), addrPort(t, six.Addr()),
	} {
		c, err := net.DialTimeout("tcp", at.String(), time.Second)
		if err != nil {
			t.Errorf("%s: %v", at, err)
			continue
		}
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Error(err)
		}
		_ = c.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
			t.Errorf("%s: %q, %v", at, got, err)
		}
		c.Close()
	}
}

// TestUDPFamilies: answers come from the address that was asked.
func TestUDPFamilies(t *testing.T) {
	backend, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	go func() { // ends with the socket
		buf := make([]byte, 100)
		for {
			n, from, err := backend.ReadFromUDP(buf)
			if err != nil {
				return
			}
			_, _ = backend.WriteToUDP(buf[:n], from)
		}
	}()
	p, err := ListenUDP(netip.MustParseAddrPort("[::]:0"), addrPort(t, backend.LocalAddr()))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, err := net.Dial("udp", netip.AddrPortFrom(netip.IPv6Loopback(), addrPort(t, p.Addr()).Port()).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

func TestReserveFamilies(t *testing.T) {
	for _, proto := range []string{"tcp", "udp"} {
		first, err := Reserve(proto, netip.MustParseAddrPort("[::]:28999"))
		if err != nil {
			t.Fatal(err)
		}
		second, err := Reserve(proto, netip.MustParseAddrPort("0.0.0.0:28999"))
		if err != nil {
			t.Errorf("%s: 0.0.0.0 beside [::]: %v", proto, err)
		} else {
			second.Close()
		}
		first.Close()
	}
}
