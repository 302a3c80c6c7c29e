//go:build linux

package resolver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// container is a namespace with a server in it.
type container struct {
	*Server
	t  testing.TB
	ns *os.File
}

func newNamespace(t testing.TB) *os.File {
	t.Helper()
	testutil.RequiresRoot(t)
	ns, err := netns.New(interfaceUp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	return ns
}

func newContainer(t testing.TB, cfg Config, zones ...*Zone) *container {
	t.Helper()
	ns := newNamespace(t)
	s, err := Serve(ns, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.SetZones(zones)
	return &container{s, t, ns}
}

// run runs a program inside and gives what it printed.
func (c *container) run(name string, args ...string) string {
	c.t.Helper()
	out, err := c.try(name, args...)
	if err != nil {
		c.t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func (c *container) try(name string, args ...string) (string, error) {
	var out []byte
	err := netns.Do(c.ns, func() (err error) {
		out, err = exec.Command(name, args...).CombinedOutput()
		return err
	})
	return strings.TrimSpace(string(out)), err
}

// dig gives the short answers, in order, one a line.
func (c *container) dig(args ...string) string {
	c.t.Helper()
	return c.run("dig", append([]string{"@" + Address, "+short", "+tries=1", "+time=8"}, args...)...)
}

// digWhole gives all that dig says.
func (c *container) digWhole(args ...string) string {
	c.t.Helper()
	return c.run("dig", append([]string{"@" + Address, "+tries=1", "+time=8"}, args...)...)
}

// ask sends one question from inside.
func (c *container) ask(network string, q *dns.Msg) (*dns.Msg, error) {
	var conn net.Conn
	err := netns.Do(c.ns, func() (err error) {
		conn, err = net.Dial(network, Address+":53")
		return err
	})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := dns.Client{Net: network, Timeout: 10 * time.Second, UDPSize: dns.MaxMsgSize}
	r, _, err := client.ExchangeWithConn(q, &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize})
	return r, err
}

func question(name string, kind uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, kind) }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// expect compares what was said, line by line.
func expect(t testing.TB, what, got string, want ...string) {
	t.Helper()
	if got != strings.Join(want, "\n") {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func contains(t testing.TB, what, got string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(got, p) {
			t.Errorf("%s: %q is not in\n%s", what, p, got)
		}
	}
}

// other is a name server that containers' questions are forwarded to.
type other struct {
	Addr     netip.AddrPort
	asked    atomic.Int64
	overTCP  atomic.Int64
	slow     time.Duration
	address  string // what it answers for A
	code     int    // what it answers with always
	mu       sync.Mutex
	question dns.Msg // the last
}

// newOther starts one in the namespace of the calling thread, or in another.
func newOther(t testing.TB, ns *os.File, listen string, set func(*other)) *other {
	t.Helper()
	o := &other{address: "198.51.100.7"}
	if set != nil {
		set(o)
	}
	var packets net.PacketConn
	var stream net.Listener
	open := func() (err error) {
		if packets, err = net.ListenPacket("udp", listen); err != nil {
			return err
		}
		if stream, err = net.Listen("tcp", packets.LocalAddr().String()); err != nil {
			packets.Close()
		}
		return err
	}
	do := open
	if ns != nil {
		do = func() error { return netns.Do(ns, open) }
	}
	err := do()
	for range 10 { // a port that is free for one protocol may be taken for the other
		if errors.Is(err, unix.EADDRINUSE) {
			err = do()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	o.Addr = netip.MustParseAddrPort(packets.LocalAddr().String())
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: o, UDPSize: 4096}, {Listener: stream, Handler: o}} {
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go func() { _ = s.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return o
}

// ServeDNS answers by what the name says.
func (o *other) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	o.asked.Add(1)
	o.mu.Lock()
	o.question = *q.Copy()
	o.mu.Unlock()
	udp := w.LocalAddr().Network() == "udp"
	if !udp {
		o.overTCP.Add(1)
	}
	time.Sleep(o.slow)
	r := new(dns.Msg).SetReply(q)
	r.RecursionAvailable, r.Rcode = true, o.code
	name := q.Question[0].Name
	switch {
	case o.code != 0:
	case strings.HasPrefix(name, "nx."):
		r.Rcode = dns.RcodeNameError
	case strings.HasPrefix(name, "big."):
		for i := range 60 {
			r.Answer = append(r.Answer, rr("%s 60 TXT \"%s %d\"", name, strings.Repeat("x", 30), i))
		}
	case q.Question[0].Qtype == dns.TypeA:
		r.Answer = append(r.Answer, rr("%s 60 A %s", name, o.address))
	case q.Question[0].Qtype == dns.TypeMX:
		r.Answer = append(r.Answer, rr("%s 60 MX 10 mail.%s", name, name))
	case q.Question[0].Qtype == dns.TypeSRV:
		r.Answer = append(r.Answer, rr("%s 60 SRV 1 2 5060 sip.%s", name, name))
	case q.Question[0].Qtype == dns.TypePTR:
		r.Answer = append(r.Answer, rr("%s 60 PTR far.example.", name))
	}
	size := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		r.SetEdns0(1400, opt.Do())
		size = int(opt.UDPSize())
	}
	if udp {
		r.Truncate(size)
	}
	_ = w.WriteMsg(r)
}

func rr(format string, args ...any) dns.RR {
	r, err := dns.NewRR(fmt.Sprintf(format, args...))
	if err != nil {
		panic(err)
	}
	return r
}
