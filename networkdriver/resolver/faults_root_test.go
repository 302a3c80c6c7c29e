//go:build linux

package resolver

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// TestContainerWithNameServer: a container that listens on port 53 of all
// addresses is no obstacle, before or after, and is reached at its own addresses.
func TestContainerWithNameServer(t *testing.T) {
	for _, first := range []bool{true, false} {
		ns := newNamespace(t)
		var c *container
		start := func() {
			s, err := Serve(ns, Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			s.SetZones([]*Zone{twoTier()})
			c = &container{s, t, ns}
		}
		if !first {
			start()
		}
		newOther(t, ns, "0.0.0.0:53", nil)
		if first {
			start()
		}
		for _, proto := range []string{"+notcp", "+tcp"} {
			expect(t, "ours", c.dig(proto, "web"), "172.20.0.2")
			for _, at := range []string{"127.0.0.1", "172.20.0.2", "127.0.0.53"} {
				got := c.run("dig", "+short", "+tries=1", proto, "@"+at, "web")
				expect(t, "its own at "+at, got, "198.51.100.7")
			}
		}
	}
}

// TestFirewallOfContainer: what is tracked in the container looks right to its
// rules, which may drop what looks wrong.
func TestFirewallOfContainer(t *testing.T) {
	c := newContainer(t, Config{}, twoTier())
	c.run("nft", `add table ip own
		add chain ip own in { type filter hook input priority 0; policy drop; }
		add chain ip own out { type filter hook output priority 0; policy drop; }
		add rule ip own in ct state established accept
		add rule ip own out ct state established accept
		add rule ip own out ip daddr 127.0.0.11 ct state new accept
		add rule ip own in ip daddr 127.0.0.11 ct state new accept`)
	for _, proto := range []string{"+notcp", "+tcp"} {
		expect(t, proto, c.dig(proto, "web"), "172.20.0.2")
	}
}

// TestWithoutRules: where the kernel has no nftables port 53 itself is taken, and
// that it is taken already is told.
func TestWithoutRules(t *testing.T) {
	ns := newNamespace(t)
	none := func(uint16) error { return unix.EOPNOTSUPP }
	s, err := serve(ns, Config{}, none)
	if err != nil {
		t.Fatal(err)
	}
	s.SetZones([]*Zone{twoTier()})
	c := &container{s, t, ns}
	expect(t, "UDP", c.dig("web"), "172.20.0.2")
	expect(t, "TCP", c.dig("+tcp", "web"), "172.20.0.2")
	if s, err := serve(ns, Config{}, none); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("a second: %v, %v", s, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := c.run("nft", "list", "ruleset"); got != "" {
		t.Errorf("left: %s", got)
	}
}

// TestCloseLeavesNothing: no goroutine, descriptor or rule, even in the middle of
// questions, and the foreign rules are as before.
func TestCloseLeavesNothing(t *testing.T) {
	testutil.RequiresRoot(t)
	silent := newSilent(t)
	ns := newNamespace(t)
	plain := &container{nil, t, ns}
	plain.run("nft", "add table ip own")
	before := plain.run("nft", "list", "ruleset")
	descriptors := openFiles(t)
	testutil.NoGoroutineLeaks(t)
	for _, inside := range []bool{false, true} {
		s, err := Serve(ns, Config{Upstreams: []Upstream{{Addr: silent, Inside: inside}}})
		if err != nil {
			t.Fatal(err)
		}
		c := &container{s, t, ns}
		var clients []net.Conn
		for _, network := range []string{"udp", "tcp", "tcp"} {
			err := netns.Do(ns, func() error {
				conn, err := net.Dial(network, Address+":53")
				clients = append(clients, conn)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		packet, err := question("example.com.", dns.TypeA).Pack()
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if _, err := clients[0].Write(packet); err != nil {
				t.Fatal(err)
			}
		}
		if err := writeMessage(clients[1], packet); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("Close takes %s", took)
		}
		for _, conn := range clients {
			conn.Close()
		}
		if err := c.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
	}
	if now := plain.run("nft", "list", "ruleset"); now != before {
		t.Errorf("rules before: %s\nafter: %s", before, now)
	}
	sameFiles(t, descriptors)
}

// TestUpstreamIsItself: who names the server itself as a server asks nobody for
// ever; its own names are there.
func TestUpstreamIsItself(t *testing.T) {
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: netip.MustParseAddrPort(Address + ":53"), Inside: true}}}, twoTier())
	contains(t, "others", c.digWhole("example.com"), "status: SERVFAIL")
	expect(t, "own", c.dig("web"), "172.20.0.2")
	far := newOther(t, nil, "127.0.0.1:0", nil)
	if err := c.SetUpstreams([]Upstream{{Addr: far.Addr}}); err != nil {
		t.Fatal(err)
	}
	expect(t, "others named later", c.dig("example.com"), "198.51.100.7")
	if err := c.SetUpstreams([]Upstream{{}}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("no address: %v", err)
	}
	expect(t, "those stay", c.dig("example.com"), "198.51.100.7")
}

// sameFiles demands that no more descriptors are open than before. Threads that
// were elsewhere close theirs a moment after they have said what they found.
func sameFiles(t testing.TB, before int) {
	t.Helper()
	now := openFiles(t)
	for end := time.Now().Add(2 * time.Second); now > before && time.Now().Before(end); now = openFiles(t) {
		time.Sleep(5 * time.Millisecond)
	}
	if now > before {
		t.Errorf("%d descriptors before, %d after", before, now)
	}
}

func openFiles(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestRulesGone: somebody in the container removed all rules; Close does not mind.
func TestRulesGone(t *testing.T) {
	c := newContainer(t, Config{}, twoTier())
	c.run("nft", "flush", "ruleset")
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestAfterKill: what a killed engine left in the namespace of a container that
// runs on is replaced.
func TestAfterKill(t *testing.T) {
	ns := newNamespace(t)
	if err := netns.Do(ns, func() error { return redirect(firstPort + 7) }); err != nil {
		t.Fatal(err)
	}
	s, err := Serve(ns, Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.SetZones([]*Zone{twoTier()})
	c := &container{s, t, ns}
	expect(t, "UDP", c.dig("web"), "172.20.0.2")
	expect(t, "TCP", c.dig("+tcp", "web"), "172.20.0.2")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	expect(t, "rules", c.run("nft", "list", "ruleset"), "")
}

// TestPortTaken: the container has our port already.
func TestPortTaken(t *testing.T) {
	ns := newNamespace(t)
	newOther(t, ns, fmt.Sprintf("0.0.0.0:%d", firstPort), nil)
	s, err := Serve(ns, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.SetZones([]*Zone{twoTier()})
	c := &container{s, t, ns}
	expect(t, "UDP", c.dig("web"), "172.20.0.2")
	expect(t, "TCP", c.dig("+tcp", "web"), "172.20.0.2")
}

// TestBadServe: wrong arguments and namespaces are told, and leave nothing.
func TestBadServe(t *testing.T) {
	testutil.RequiresRoot(t)
	descriptors := openFiles(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Serve(null, Config{}); err == nil {
		t.Errorf("serving in %s: %v", os.DevNull, s)
	}
	null.Close()
	down, err := netns.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Serve(down, Config{}); !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("serving without a loopback interface: %v, %v", s, err)
	}
	down.Close()
	for _, bad := range []netip.AddrPort{{}, netip.AddrPortFrom(netip.Addr{}, 53), netip.MustParseAddrPort("1.2.3.4:0")} {
		if s, err := Serve(null, Config{Upstreams: []Upstream{{Addr: bad}}}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("upstream %v: %v, %v", bad, s, err)
		}
	}
	sameFiles(t, descriptors)
}

// TestGarbage: what is no question gets no answer or a short one, and the server
// goes on.
func TestGarbage(t *testing.T) {
	far := newOther(t, nil, "127.0.0.1:0", nil)
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: far.Addr}}}, twoTier())
	socket := c.socket("udp")
	for _, packet := range [][]byte{{}, {1}, bytes.Repeat([]byte{0xff}, 4000), make([]byte, 65000), bytes.Repeat([]byte{0xc0, 0x0c}, 30)} {
		if _, err := socket.Write(packet); err != nil {
			t.Fatal(err)
		}
		stream := c.socket("tcp")
		_, _ = stream.Write(packet)
		stream.Close()
	}
	cut := []byte{0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'e'}
	if _, err := socket.Write(cut); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 512)
	for {
		n, err := socket.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if buf[1] == 9 {
			if n != headerSize || code(buf) != dns.RcodeFormatError {
				t.Errorf("a question that is cut off: % x", buf[:n])
			}
			break
		}
	}
	expect(t, "goes on", c.dig("web"), "172.20.0.2")
	contains(t, "zone transfer", c.digWhole("+tcp", "example.com", "AXFR"), "Transfer failed")
	if far.asked.Load() != 0 {
		t.Errorf("%d pieces of garbage were forwarded", far.asked.Load())
	}
}
