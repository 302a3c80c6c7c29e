//go:build linux

package userlandproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/testutil"
)

// descriptors counts those of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestManyConnections: 2,000 at once, all of them served, none of them costs
// more than its sockets while it rests.
func TestManyConnections(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	const many = 2000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 5*many {
		t.Skipf("too few descriptors: %d, %v", limit.Cur, err)
	}
	p := proxyTCP(t, backendTCP(t, func(c *net.TCPConn) { _, _ = io.Copy(struct{ io.Writer }{c}, c) }))
	before := descriptors(t)
	conns := make([]net.Conn, many)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 200) // the backlog is shorter
	for i := range conns {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			c, err := net.DialTimeout("tcp4", p.Addr().String(), 20*time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = c
			text := bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 500)
			got := make([]byte, len(text))
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			if _, err := c.Write(text); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, text) {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if per := float64(descriptors(t)-before) / many; per > 4.05 { // ours, the proxy's two, the backend's
		t.Errorf("%.2f descriptors for a connection at rest", per)
	}
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
}

// TestEarlyAnswer: a backend that answers and resets while the client still
// sends is heard.
func TestEarlyAnswer(t *testing.T) {
	p := proxyTCP(t, backendTCP(t, func(c *net.TCPConn) {
		_, _ = io.ReadFull(c, make([]byte, 10))
		_, _ = c.Write([]byte("too large"))
		_ = c.CloseWrite()
		time.Sleep(100 * time.Millisecond)
		_ = c.SetLinger(0)
	}))
	c, err := net.Dial("tcp4", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = c.SetWriteDeadline(time.Now().Add(2 * time.Second))
		block := make([]byte, 64<<10)
		for range 100 {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	})
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, 9)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "too large" {
		t.Errorf("got %q, %v", got, err)
	}
	c.Close()
	wg.Wait()
}

// TestReset: a connection that is broken off on one side is on the other.
func TestReset(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	seen := make(chan error, 1)
	p := proxyTCP(t, backendTCP(t, func(c *net.TCPConn) {
		_, err := io.ReadAll(c)
		seen <- err
	}))
	c, err := net.Dial("tcp4", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
	select {
	case err := <-seen:
		if !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("the backend saw %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the backend saw nothing")
	}
}

// TestSlowReader: what a client does not take stays in buffers of a bounded
// size, and arrives whole in the end.
func TestSlowReader(t *testing.T) {
	const size = 32 << 20
	var sent sync.WaitGroup
	sent.Add(1)
	p := proxyTCP(t, backendTCP(t, func(c *net.TCPConn) {
		defer sent.Done()
		_, _ = c.Write(make([]byte, size))
	}))
	c, err := net.Dial("tcp4", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	time.Sleep(100 * time.Millisecond)
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	if n, err := io.Copy(io.Discard, c); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	sent.Wait()
}

// TestWithoutPipes: a process that may have no more descriptors carries bytes
// through memory.
func TestWithoutPipes(t *testing.T) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ends := func() (*net.TCPConn, *net.TCPConn) {
		a, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Close(); b.Close() })
		return a.(*net.TCPConn), b
	}
	client, ours := ends()
	theirs, backend := ends()
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 3, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	pass(theirs, ours, make(pipes, 1))
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(backend); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestLargestDatagrams: of both families, whole.
func TestLargestDatagrams(t *testing.T) {
	for _, c := range []struct {
		network, ip string
		size        int
	}{{"udp4", "127.0.0.1", 65507}, {"udp6", "::1", 65527}} {
		backend, err := net.ListenUDP(c.network, &net.UDPAddr{IP: net.ParseIP(c.ip)})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			buf := make([]byte, maxDatagram)
			n, from, err := backend.ReadFromUDP(buf)
			if err == nil {
				_, _ = backend.WriteToUDP(buf[:n], from)
			}
		})
		p, err := ListenUDP(netip.AddrPortFrom(netip.MustParseAddr(c.ip), 0), addrPort(t, backend.LocalAddr()))
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, p.Addr(), bytes.Repeat([]byte{7}, c.size))
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		backend.Close()
		wg.Wait()
	}
}

// TestUDPSourcePort: a backend sees one source port for all datagrams of a
// client, also of one that came back with the same port, and another one once
// the client was forgotten.
func TestUDPSourcePort(t *testing.T) {
	backend, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	const idle = 150 * time.Millisecond
	p, err := listenUDP(anyPort, addrPort(t, backend.LocalAddr()), idle, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	own := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	seen := func() (from netip.AddrPort) {
		t.Helper()
		c, err := net.DialUDP("udp4", own, net.UDPAddrFromAddrPort(addrPort(t, p.Addr())))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		own.Port = int(addrPort(t, c.LocalAddr()).Port())
		for range 3 {
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			_ = backend.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, at, err := backend.ReadFromUDPAddrPort(make([]byte, 8))
			if err != nil || from.IsValid() && at != from {
				t.Errorf("from %s, before from %s, %v", at, from, err)
			}
			from = at
		}
		return from
	}
	first := seen()
	if again := seen(); again != first {
		t.Errorf("the client that came back at once is at %s, was at %s", again, first)
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		n := len(p.sessions)
		p.mu.Unlock()
		if n == 0 {
			seen() // works again
			return
		}
	}
	t.Error("the client is still remembered")
}

// FuzzLocalAddress: control messages are the kernel's, yet nothing is out of
// bounds for any.
func FuzzLocalAddress(f *testing.F) {
	f.Add(sourceAddress(netip.MustParseAddr("127.0.0.1")))
	f.Add(sourceAddress(netip.MustParseAddr("fe80::1%3")))
	f.Fuzz(func(_ *testing.T, oob []byte) {
		sourceAddress(localAddress(oob))
	})
}

func TestLocalAddress(t *testing.T) {
	for _, text := range []string{"127.0.0.2", "::1", "fe80::1%3"} {
		if got := localAddress(sourceAddress(netip.MustParseAddr(text))); got.String() != text {
			t.Errorf("got %s, want %s", got, text)
		}
	}
	if sourceAddress(netip.MustParseAddr("ff02::1")) != nil || sourceAddress(netip.Addr{}) != nil {
		t.Error("answers from no address of ours")
	}
}
