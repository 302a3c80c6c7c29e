//go:build linux

package userlandproxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/pkg/testutil"
)

var anyPort = netip.MustParseAddrPort("127.0.0.1:0")

func addrPort(t testing.TB, a net.Addr) netip.AddrPort {
	t.Helper()
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// backendTCP serves each connection with f.
func backendTCP(t testing.TB, f func(*net.TCPConn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); f(c.(*net.TCPConn)) })
		}
	})
	return addrPort(t, l.Addr())
}

func proxyTCP(t testing.TB, backend netip.AddrPort) *TCP {
	t.Helper()
	p, err := ListenTCP(anyPort, backend)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestHalfCloseBothWays(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	// The backend answers only after the client has said all it has to say.
	p := proxyTCP(t, backendTCP(t, func(c *net.TCPConn) {
		all, _ := io.ReadAll(c)
		_, _ = c.Write(bytes.ToUpper(all))
	}))
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			c, err := net.Dial("tcp4", p.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			fmt.Fprintf(c, "hello %d", i)
			_ = c.(*net.TCPConn).CloseWrite()
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			got, err := io.ReadAll(c)
			if want := fmt.Sprintf("HELLO %d", i); err != nil || string(got) != want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	wg.Wait()
}

func TestBulk(t *testing.T) {
	const size = 8 << 20
	p := proxyTCP(t, backendTCP(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) }))
	c, err := net.Dial("tcp4", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		_, _ = c.Write(bytes.Repeat([]byte("0123456789abcdef"), size/16))
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	n, err := io.Copy(io.Discard, c)
	if n != size || err != nil {
		t.Errorf("%d of %d bytes, %v", n, size, err)
	}
}

func TestNobodyBehind(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := addrPort(t, l.Addr())
	l.Close()
	p := proxyTCP(t, dead)
	c, err := net.Dial("tcp4", p.Addr().String())
	if err != nil {
		return // reset before we looked: as good
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v; want a reset", n, err)
	}
}

func TestCloseEndsConnections(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	p := proxyTCP(t, backendTCP(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) }))
	c, err := net.Dial("tcp4", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection outlived its proxy")
	}
	if err := p.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if c, err := net.Dial("tcp4", p.Addr().String()); err == nil {
		c.Close()
		t.Error("still listening")
	}
}

func TestPortInUse(t *testing.T) {
	p := proxyTCP(t, anyPort)
	for _, f := range []func() (io.Closer, error){
		func() (io.Closer, error) { return Listen("tcp", addrPort(t, p.Addr()), anyPort) },
		func() (io.Closer, error) { return Reserve("tcp", addrPort(t, p.Addr())) },
		func() (io.Closer, error) { return Listen("sctp", anyPort, anyPort) },
		func() (io.Closer, error) { return Reserve("sctp", anyPort) },
	} {
		if c, err := f(); err == nil {
			c.Close()
			t.Error("no error")
		}
	}
	for _, proto := range []string{"tcp", "udp"} {
		c, err := Reserve(proto, anyPort)
		if err != nil {
			t.Error(err)
			continue
		}
		c.Close()
	}
}

// backendUDP echoes datagrams, prefixed with the port they came from.
func backendUDP(t testing.TB) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(anyPort))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { c.Close(); wg.Wait() })
	wg.Go(func() {
		buf := make([]byte, maxDatagram)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteToUDPAddrPort(buf[:n], from)
		}
	})
	return addrPort(t, c.LocalAddr())
}

func exchange(t *testing.T, to net.Addr, datagram []byte) {
	t.Helper()
	c, err := net.Dial("udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write(datagram); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, maxDatagram)
	n, err := c.Read(buf) // connected: an answer from another address would not arrive
	if err != nil || !bytes.Equal(buf[:n], datagram) {
		t.Errorf("%d bytes came back as %d, %v", len(datagram), n, err)
	}
}

func TestUDP(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	p, err := listenUDP(netip.MustParseAddrPort("0.0.0.0:0"), backendUDP(t), time.Minute, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	port := addrPort(t, p.Addr()).Port()
	for i := range 20 { // more clients than sessions
		exchange(t, &net.UDPAddr{IP: net.IPv4(127, 0, 0, byte(1+i%3)), Port: int(port)}, bytes.Repeat([]byte{byte(i)}, 1+i*3000))
	}
	exchange(t, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)}, make([]byte, 65507))
	p.mu.Lock()
	n := len(p.sessions)
	p.mu.Unlock()
	if n > 4 {
		t.Errorf("%d sessions, the bound is 4", n)
	}
}

func TestUDPForgetsSilentClients(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	p, err := listenUDP(anyPort, backendUDP(t), 30*time.Millisecond, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	exchange(t, p.Addr(), []byte("x"))
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		n := len(p.sessions)
		p.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the client is still remembered")
		}
	}
}

// TestUDPCloseUnderLoad closes proxies while answers are under way.
func TestUDPCloseUnderLoad(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	backend := backendUDP(t)
	for range 100 {
		p, err := listenUDP(anyPort, backend, time.Minute, 2)
		if err != nil {
			t.Fatal(err)
		}
		for range 8 { // evicts, too
			c, err := net.Dial("udp4", p.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			for range 4 {
				_, _ = c.Write([]byte("x"))
			}
			c.Close()
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}
