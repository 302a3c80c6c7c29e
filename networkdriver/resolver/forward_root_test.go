//go:build linux

package resolver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// TestForward: what no zone knows is asked of a server that listens on a loopback
// address of the host.
func TestForward(t *testing.T) {
	far := newOther(t, nil, "127.0.0.1:0", nil)
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: far.Addr}}}, twoTier())
	for _, proto := range []string{"+notcp", "+tcp"} {
		expect(t, "A", c.dig(proto, "www.example.com"), "198.51.100.7")
		expect(t, "MX", c.dig(proto, "example.com", "MX"), "10 mail.example.com.")
		expect(t, "SRV", c.dig(proto, "_sip._udp.example.com", "SRV"), "1 2 5060 sip._sip._udp.example.com.")
		expect(t, "PTR", c.dig(proto, "-x", "192.0.2.77"), "far.example.")
		expect(t, "PTR of IPv6", c.dig(proto, "-x", "2001:db8::77"), "far.example.")
		contains(t, "no such name", c.digWhole(proto, "nx.example.com"), "status: NXDOMAIN")
		contains(t, "nothing of the type", c.digWhole(proto, "example.com", "AAAA"), "status: NOERROR", "ANSWER: 0")
		contains(t, "the bits of the client", c.digWhole(proto, "+dnssec", "+cdflag", "example.com"), "flags: do; udp: 1400", "status: NOERROR")
		contains(t, "the case of the client", c.digWhole(proto, "wWw.ExAmPlE.com"), "wWw.ExAmPlE.com.\t60")
	}
	if far.overTCP.Load() != far.asked.Load()/2 {
		t.Errorf("%d questions, %d of them over TCP", far.asked.Load(), far.overTCP.Load())
	}
	far.mu.Lock()
	defer far.mu.Unlock()
	if !far.question.RecursionDesired || far.question.IsEdns0() == nil {
		t.Errorf("asked: %s", &far.question)
	}
}

// TestTruncated: a long answer of others is truncated by them, and whole when the
// client comes again over TCP.
func TestTruncated(t *testing.T) {
	far := newOther(t, nil, "127.0.0.1:0", nil)
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: far.Addr}}})
	contains(t, "small", c.digWhole("+noedns", "+ignore", "big.example.com", "TXT"), "flags: qr tc rd ra")
	contains(t, "EDNS", c.digWhole("+bufsize=1232", "+ignore", "big.example.com", "TXT"), "flags: qr tc rd ra")
	if far.overTCP.Load() != 0 {
		t.Error("TCP, though nobody wanted it")
	}
	contains(t, "EDNS of 4096", c.digWhole("+bufsize=4096", "+ignore", "big.example.com", "TXT"), "flags: qr rd ra;", "ANSWER: 60")
	if n := strings.Count(c.dig("big.example.com", "TXT"), "xxx "); n != 60 {
		t.Errorf("retried over TCP: %d records", n)
	}
	if far.overTCP.Load() != 1 {
		t.Errorf("%d questions over TCP", far.overTCP.Load())
	}
}

// TestIDsDiffer: the id of the client is not told, and the port is another each
// time.
func TestIDsDiffer(t *testing.T) {
	ids, ports := map[uint16]bool{}, map[string]bool{}
	var mu sync.Mutex
	testutil.RequiresRoot(t)
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		mu.Lock()
		ids[q.Id], ports[w.RemoteAddr().String()] = true, true
		mu.Unlock()
		_ = w.WriteMsg(new(dns.Msg).SetReply(q))
	})}
	go func() { _ = s.ActivateAndServe() }()
	defer func() { _ = s.Shutdown() }()
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: netip.MustParseAddrPort(packets.LocalAddr().String())}}})
	for range 20 {
		q := question("example.com.", dns.TypeA)
		q.Id = 77
		if r, err := c.ask("udp", q); err != nil || r.Id != 77 {
			t.Fatal(r, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ids) < 19 || len(ports) < 15 {
		t.Errorf("20 questions: %d ids, %d ports", len(ids), len(ports))
	}
}

// TestInside: a server that the user named is asked from the container's
// namespace, where the host's are not.
func TestInside(t *testing.T) {
	ns := newNamespace(t)
	inside := newOther(t, ns, "127.0.0.1:5353", func(o *other) { o.address = "10.9.9.9" })
	host := newOther(t, nil, "127.0.0.1:5353", func(o *other) { o.address = "192.0.2.99" })
	for where, want := range map[bool]string{true: "10.9.9.9", false: "192.0.2.99"} {
		s, err := Serve(ns, Config{Upstreams: []Upstream{{Addr: host.Addr, Inside: where}}})
		if err != nil {
			t.Fatal(err)
		}
		c := &container{s, t, ns}
		expect(t, fmt.Sprint("inside ", where), c.dig("example.com"), want)
		expect(t, fmt.Sprint("inside over TCP ", where), c.dig("+tcp", "example.com"), want)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if inside.asked.Load() != 2 || host.asked.Load() != 2 {
		t.Errorf("asked inside %d times, on the host %d times", inside.asked.Load(), host.asked.Load())
	}
}

// TestUpstreamOfIPv6 asks servers on IPv6 addresses, one with a scope.
func TestUpstreamOfIPv6(t *testing.T) {
	ns := newNamespace(t)
	local := linkLocal(t, ns, "eth0")
	for _, listen := range []string{"[::1]:5300", "[fd00:20::2]:5300", "[" + local + "%eth0]:5300"} {
		far := newOther(t, ns, listen, nil)
		s, err := Serve(ns, Config{Upstreams: []Upstream{{Addr: netip.MustParseAddrPort(listen), Inside: true}}})
		if err != nil {
			t.Fatal(err)
		}
		c := &container{s, t, ns}
		expect(t, listen, c.dig("example.com"), "198.51.100.7")
		expect(t, listen, c.dig("+tcp", "example.com"), "198.51.100.7")
		if err := s.Close(); err != nil || far.asked.Load() != 2 {
			t.Error(err, far.asked.Load())
		}
	}
}

// TestInternal: nothing leaves.
func TestInternal(t *testing.T) {
	far := newOther(t, nil, "127.0.0.1:0", nil)
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: far.Addr}}}, twoTier())
	c.SetInternal(true)
	for _, proto := range []string{"+notcp", "+tcp"} {
		expect(t, "own names", c.dig(proto, "web"), "172.20.0.2")
		contains(t, "other names", c.digWhole(proto, "secret.example.com"), "status: SERVFAIL")
	}
	if far.asked.Load() != 0 {
		t.Error("something left")
	}
	c.SetInternal(false)
	expect(t, "connected to another network", c.dig("example.com"), "198.51.100.7")
}

// TestUpstreamsInTurn: another server is asked when one refuses, fails, is not
// there or does not answer, and the last is remembered.
func TestUpstreamsInTurn(t *testing.T) {
	good := newOther(t, nil, "127.0.0.1:0", nil)
	refuses := newOther(t, nil, "127.0.0.1:0", func(o *other) { o.code = dns.RcodeRefused })
	fails := newOther(t, nil, "127.0.0.1:0", func(o *other) { o.code = dns.RcodeServerFailure })
	nobody := netip.MustParseAddrPort("127.0.0.1:9")
	silent := newSilent(t)
	for name, first := range map[string]netip.AddrPort{"refuses": refuses.Addr, "fails": fails.Addr, "nobody": nobody, "silent": silent} {
		for _, proto := range []string{"+notcp", "+tcp"} {
			var log strings.Builder
			c := newContainer(t, Config{
				Upstreams: []Upstream{{Addr: first}, {Addr: good.Addr}}, Timeout: 2 * time.Second,
				Logf: func(f string, args ...any) { fmt.Fprintf(&log, f+"\n", args...) },
			})
			start := time.Now()
			expect(t, name+proto, c.dig(proto, "example.com"), "198.51.100.7")
			if took := time.Since(start); name == "silent" && took < 500*time.Millisecond || took > 1200*time.Millisecond {
				t.Errorf("%s %s: the first answer after %s", name, proto, took)
			}
			start = time.Now()
			expect(t, name+proto, c.dig(proto, "example.com"), "198.51.100.7")
			if took := time.Since(start); took > 450*time.Millisecond {
				t.Errorf("%s %s: the second answer after %s", name, proto, took)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if wrote := strings.Count(log.String(), "does not answer"); wrote != map[bool]int{true: 1}[name == "silent" || name == "nobody"] {
				t.Errorf("%s %s: log %q", name, proto, log.String())
			}
		}
	}
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: fails.Addr}, {Addr: refuses.Addr}}})
	contains(t, "all bad", c.digWhole("example.com"), "status: REFUSED")
}

// newSilent is a server that takes questions and says nothing.
func newSilent(t testing.TB) netip.AddrPort {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stream, err := net.Listen("tcp", packets.LocalAddr().String())
	if errors.Is(err, unix.EADDRINUSE) { // free for one protocol, taken for the other
		packets.Close()
		return newSilent(t)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { packets.Close(); stream.Close() })
	return netip.MustParseAddrPort(packets.LocalAddr().String())
}

// TestAllSilent: the client hears of it before it gives up, and names of the
// network are answered meanwhile.
func TestAllSilent(t *testing.T) {
	silent := newSilent(t)
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: silent}}, Timeout: time.Second}, twoTier())
	var wg sync.WaitGroup
	for _, proto := range []string{"+notcp", "+tcp"} {
		wg.Go(func() {
			start := time.Now()
			contains(t, "silent", c.digWhole(proto, "example.com"), "status: SERVFAIL")
			if took := time.Since(start); took < 900*time.Millisecond || took > 1900*time.Millisecond {
				t.Errorf("%s: gave up after %s", proto, took)
			}
		})
	}
	expect(t, "meanwhile", c.dig("web"), "172.20.0.2")
	wg.Wait()
}

// TestSlow: a server that is slow is not given up, and is asked again only after
// a while.
func TestSlow(t *testing.T) {
	slow := newOther(t, nil, "127.0.0.1:0", func(o *other) { o.slow = 600 * time.Millisecond })
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: slow.Addr}}, Timeout: time.Second})
	expect(t, "slow", c.dig("example.com"), "198.51.100.7")
	if asked := slow.asked.Load(); asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

// TestLost: a datagram that gets lost is sent once more.
func TestLost(t *testing.T) {
	testutil.RequiresRoot(t)
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	go func() {
		buf := make([]byte, 512)
		for n := 0; ; n++ {
			size, from, err := packets.ReadFrom(buf)
			if err != nil {
				return
			}
			if n == 0 {
				continue
			}
			buf[2] |= 0x80
			_, _ = packets.WriteTo(buf[:size], from)
		}
	}()
	at := netip.MustParseAddrPort(packets.LocalAddr().String())
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: at}}, Timeout: time.Second})
	contains(t, "lost", c.digWhole("example.com"), "status: NOERROR")
}

// TestHostile: packets that do not answer what was asked are passed over.
func TestHostile(t *testing.T) {
	testutil.RequiresRoot(t)
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := packets.ReadFrom(buf)
			q := new(dns.Msg)
			if err != nil || q.Unpack(buf[:n]) != nil {
				return
			}
			send := func(change func(r *dns.Msg)) {
				r := new(dns.Msg).SetReply(q)
				r.Answer = append(r.Answer, rr("%s 60 A 192.0.2.66", q.Question[0].Name))
				change(r)
				if out, err := r.Pack(); err == nil {
					_, _ = packets.WriteTo(out, from)
				}
			}
			_, _ = packets.WriteTo(nil, from)
			_, _ = packets.WriteTo([]byte{buf[0], buf[1], 0x80}, from)
			_, _ = packets.WriteTo(buf[:n], from)
			send(func(r *dns.Msg) { r.Id++ })
			send(func(r *dns.Msg) { r.Question[0].Name = "other.example." })
			send(func(r *dns.Msg) { r.Question[0].Qtype = dns.TypeMX })
			send(func(r *dns.Msg) { r.Question[0].Qclass = dns.ClassCHAOS })
			send(func(r *dns.Msg) { r.Question = nil })
			send(func(r *dns.Msg) { r.Question = append(r.Question, r.Question[0]) })
			send(func(r *dns.Msg) { r.Answer = []dns.RR{rr("example.com. 60 A 198.51.100.1")} })
		}
	}()
	at := netip.MustParseAddrPort(packets.LocalAddr().String())
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: at}}})
	expect(t, "the real one", c.dig("example.com"), "198.51.100.1")
}

// TestOddServers: a server that does not keep to the size makes a truncated
// answer, and one without a question is made to have it.
func TestOddServers(t *testing.T) {
	testutil.RequiresRoot(t)
	serve := func(handle dns.HandlerFunc) *container {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &dns.Server{PacketConn: packets, Handler: handle}
		go func() { _ = s.ActivateAndServe() }()
		t.Cleanup(func() { _ = s.Shutdown() })
		return newContainer(t, Config{Upstreams: []Upstream{{Addr: netip.MustParseAddrPort(packets.LocalAddr().String())}}})
	}
	c := serve(func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg).SetReply(q)
		for range 20 {
			r.Answer = append(r.Answer, rr("%s 60 TXT %s", q.Question[0].Name, strings.Repeat("y", 100)))
		}
		_ = w.WriteMsg(r)
	})
	contains(t, "too long", c.digWhole("+ignore", "+noedns", "example.com", "TXT"), "flags: qr tc rd ra", "ANSWER: 0")
	c = serve(func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg).SetRcode(q, dns.RcodeFormatError)
		r.Question = nil
		_ = w.WriteMsg(r)
	})
	contains(t, "no question", c.digWhole("example.com"), "status: FORMERR", ";example.com.")
}

// linkLocal is an address of the interface that is good for nothing beyond it.
func linkLocal(t *testing.T, ns *os.File, name string) string {
	t.Helper()
	local := "fe80::53"
	err := netns.Do(ns, func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		addr, err := netlink.ParseAddr(local + "/64")
		if err != nil {
			return err
		}
		addr.Flags = unix.IFA_F_NODAD
		return netlink.AddrAdd(link, addr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return local
}
