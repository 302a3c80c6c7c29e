//go:build linux

package resolver

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/enginejobs/docker/pkg/testutil"
)

// twoTier is a network with a web server and two databases that share an alias.
func twoTier() *Zone {
	z := NewZone("App_Net")
	z.Set("1", []string{"web", "0a1b2c3d4e5f", "www"}, addr("172.20.0.2"), addr("fd00:20::2"))
	z.Set("2", []string{"Db1", "db"}, addr("172.20.0.3"), netip.Addr{})
	z.Set("3", []string{"db2", "db"}, addr("172.20.0.4"), netip.Addr{})
	return z
}

func TestNames(t *testing.T) {
	c := newContainer(t, Config{}, twoTier())
	for _, proto := range []string{"+notcp", "+tcp"} {
		for question, want := range map[string]string{
			"web": "172.20.0.2", "WEB": "172.20.0.2", "www": "172.20.0.2", "0a1b2c3d4e5f": "172.20.0.2",
			"web.app_net": "172.20.0.2", "wWw.App_NET": "172.20.0.2", "db1": "172.20.0.3", "DB2.": "172.20.0.4",
		} {
			expect(t, proto+" "+question, c.dig(proto, question), want)
		}
		expect(t, "AAAA", c.dig(proto, "web", "AAAA"), "fd00:20::2")
		expect(t, "reverse", c.dig(proto, "-x", "172.20.0.3"), "Db1.App_Net.")
		expect(t, "reverse IPv6", c.dig(proto, "-x", "fd00:20::2"), "web.App_Net.")
		none := c.digWhole(proto, "db1", "AAAA")
		contains(t, "a name without IPv6", none, "status: NOERROR", "ANSWER: 0")
		contains(t, "a name without mail", c.digWhole(proto, "db1", "MX"), "status: NOERROR", "ANSWER: 0")
		contains(t, "unknown, nobody to ask", c.digWhole(proto, "nobody"), "status: SERVFAIL")
		contains(t, "unknown address", c.digWhole(proto, "-x", "172.20.0.99"), "status: SERVFAIL")
	}
	whole := c.digWhole("WeB")
	contains(t, "the question comes back as it was", whole, ";WeB.", "WeB.\t\t\t600\tIN\tA\t172.20.0.2", "flags: qr rd ra", "EDNS: version: 0")
	contains(t, "without EDNS", c.digWhole("+noedns", "web"), "status: NOERROR", "ADDITIONAL: 0")
	contains(t, "EDNS of the future", c.digWhole("+edns=7", "+noednsnegotiation", "web"), "status: BADVERS")
	contains(t, "another operation", c.digWhole("+opcode=notify", "web"), "status: NOTIMP")
	got := strings.Split(c.dig("web", "ANY"), "\n")
	slices.Sort(got)
	expect(t, "ANY", strings.Join(got, "\n"), "172.20.0.2", "fd00:20::2")
}

// TestRotation: who asks for IPv4 and IPv6 at a time gets another first each time.
func TestRotation(t *testing.T) {
	c := newContainer(t, Config{}, twoTier())
	first := map[string]int{}
	for range 6 {
		list := strings.Split(c.dig("db"), "\n")
		if len(list) != 2 {
			t.Fatalf("db: %v", list)
		}
		first[list[0]]++
		c.dig("db", "AAAA")
	}
	if first["172.20.0.3"] != 3 || first["172.20.0.4"] != 3 {
		t.Errorf("the first of six answers each: %v", first)
	}
}

// TestChanges: names come, move and go.
func TestChanges(t *testing.T) {
	z := twoTier()
	c := newContainer(t, Config{}, z)
	z.Set("1", []string{"web"}, addr("172.20.0.9"), netip.Addr{})
	expect(t, "moved", c.dig("web"), "172.20.0.9")
	contains(t, "an alias taken back", c.digWhole("www"), "status: SERVFAIL")
	contains(t, "an address given back", c.digWhole("-x", "172.20.0.2"), "status: SERVFAIL")
	z.Remove("2")
	z.Remove("2")
	expect(t, "one of two left", c.dig("db"), "172.20.0.4")
	c.SetZones(nil)
	contains(t, "disconnected", c.digWhole("db"), "status: SERVFAIL")
}

// TestPreference: of two networks the first that knows a name answers.
func TestPreference(t *testing.T) {
	front, back := NewZone("front"), NewZone("back")
	front.Set("1", []string{"web"}, addr("10.1.0.2"), netip.Addr{})
	back.Set("1", []string{"web"}, addr("10.2.0.2"), addr("fd00:2::2"))
	back.Set("2", []string{"db"}, addr("10.2.0.3"), netip.Addr{})
	c := newContainer(t, Config{}, front, back)
	expect(t, "both know it", c.dig("web"), "10.1.0.2")
	expect(t, "of one network there is one truth", c.dig("web", "AAAA"), "")
	expect(t, "the other by its network", c.dig("web.back"), "10.2.0.2")
	expect(t, "only the second knows it", c.dig("db"), "10.2.0.3")
	c.SetZones([]*Zone{back, front})
	expect(t, "the other way round", c.dig("web"), "10.2.0.2")
	expect(t, "the other way round", c.dig("web", "AAAA"), "fd00:2::2")
}

// TestAliases: what one container calls others is nobody else's business.
func TestAliases(t *testing.T) {
	z := twoTier()
	a, b := newContainer(t, Config{}, z), newContainer(t, Config{}, z)
	a.SetAliases(z, map[string]string{"Database": "DB1", "web": "db2"})
	expect(t, "alias", a.dig("database"), "172.20.0.3")
	expect(t, "alias with the network", a.dig("DATABASE.app_net"), "172.20.0.3")
	expect(t, "an alias hides a name", a.dig("web"), "172.20.0.4")
	contains(t, "in the other container", b.digWhole("database"), "status: SERVFAIL")
	z.Set("2", []string{"db1"}, addr("172.20.0.33"), netip.Addr{})
	expect(t, "the target moved", a.dig("database"), "172.20.0.33")
	a.SetAliases(z, nil)
	contains(t, "taken back", a.digWhole("database"), "status: SERVFAIL")
	expect(t, "not hidden any more", a.dig("web"), "172.20.0.2")
}

// TestManyAnswers: a name that many have is truncated for datagrams, whole over
// TCP, where clients of all sorts go by themselves.
func TestManyAnswers(t *testing.T) {
	z := NewZone("big")
	for i := range 250 {
		z.Set(fmt.Sprint(i), []string{"crowd"}, addr(fmt.Sprintf("10.0.0.%d", i+1)), netip.Addr{})
	}
	c := newContainer(t, Config{}, z)
	contains(t, "truncated", c.digWhole("+noedns", "+ignore", "crowd"), "flags: qr tc rd ra")
	contains(t, "of a size", c.digWhole("+bufsize=1232", "+ignore", "crowd"), "flags: qr tc rd ra", "ANSWER: 7")
	if n := strings.Count(c.dig("crowd"), "10.0.0."); n != 250 {
		t.Errorf("dig retried over TCP: %d addresses", n)
	}
	if n := strings.Count(c.glibc("options use-vc", "getent", "ahostsv4", "crowd"), "STREAM"); n != 250 {
		t.Errorf("glibc over TCP: %d addresses", n)
	}
	if n := strings.Count(c.glibc("", "getent", "ahostsv4", "crowd"), "STREAM"); n != 250 {
		t.Errorf("glibc over UDP, then TCP: %d addresses", n)
	}
}

// glibc runs a program whose /etc/resolv.conf leads here.
func (c *container) glibc(more, name string, args ...string) string {
	c.t.Helper()
	conf := filepath.Join(c.t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver "+Address+"\n"+more+"\n"), 0o644); err != nil {
		c.t.Fatal(err)
	}
	script := `mount --bind "$0" /etc/resolv.conf && exec "$@"`
	return c.run("unshare", append([]string{"--mount", "sh", "-c", script, conf, name}, args...)...)
}

// TestClients: resolvers of several makes find names by themselves.
func TestClients(t *testing.T) {
	far := newOther(t, nil, "127.0.0.1:0", nil)
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: far.Addr}}}, twoTier())
	for _, options := range []string{"options ndots:0", "options ndots:0 edns0", "options use-vc ndots:0", "options edns0 trust-ad single-request", "options rotate timeout:1"} {
		got := c.glibc(options, "getent", "ahosts", "web")
		contains(t, "glibc with "+options, got, "172.20.0.2", "fd00:20::2")
		got = c.glibc(options, "getent", "hosts", "172.20.0.3")
		contains(t, "glibc in reverse with "+options, got, "Db1.App_Net")
	}
	contains(t, "busybox", c.glibc("", "busybox", "nslookup", "web"), "172.20.0.2", "fd00:20::2")
	contains(t, "busybox in reverse", c.glibc("", "busybox", "nslookup", "172.20.0.2"), "web.App_Net")
	contains(t, "a search domain is the client's", c.glibc("search corp.example app_net\noptions ndots:0", "getent", "ahostsv4", "db1"), "172.20.0.3")
	before := far.asked.Load()
	contains(t, "the network as a search domain", c.glibc("search app_net\noptions ndots:1", "getent", "ahostsv4", "db1"), "172.20.0.3")
	if far.asked.Load() != before {
		t.Error("a name in the zone was asked of others")
	}
	contains(t, "a search domain of others", c.glibc("search corp.example\noptions ndots:1", "getent", "ahostsv4", "intranet"), "198.51.100.7")
	far.mu.Lock()
	defer far.mu.Unlock()
	if got := far.question.Question[0].Name; got != "intranet.corp.example." {
		t.Errorf("asked for %s", got)
	}
}

// TestMusl: the resolver of musl asks for both families at a time, and takes a
// failure of one for one of both.
func TestMusl(t *testing.T) {
	testutil.RequiresRoot(t)
	lookup := filepath.Join(t.TempDir(), "lookup")
	if out, err := exec.Command("musl-gcc", "-static", "-o", lookup, "testdata/lookup.c").CombinedOutput(); err != nil {
		t.Fatalf("musl-gcc: %v\n%s", err, out)
	}
	z := twoTier()
	for i := range 40 {
		z.Set(fmt.Sprint("c", i), []string{"crowd"}, netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), netip.Addr{})
	}
	far := newOther(t, nil, "127.0.0.1:0", nil)
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: far.Addr}}}, z)
	got := c.glibc("search corp.example\noptions ndots:0", lookup, "web", "db1", "www.example.com", "nx.example.com")
	contains(t, "musl", got, "web 172.20.0.2 web.App_Net", "web fd00:20::2 web.App_Net", "db1 172.20.0.3 Db1.App_Net",
		"www.example.com 198.51.100.7 far.example", "nx.example.com: Name does not resolve")
	// Before version 1.2.4 it takes what a truncated answer has.
	if n := strings.Count(c.glibc("", lookup, "crowd"), "crowd 10.0.0."); n < 29 {
		t.Errorf("a long answer: %d addresses", n)
	}
	c.SetInternal(true)
	contains(t, "internal", c.glibc("options timeout:1 attempts:1", lookup, "web", "www.example.com"), "web 172.20.0.2", "www.example.com: Try again")
}

// TestNamesChangeWhileAsked: an answer is that before or that after a change.
func TestNamesChangeWhileAsked(t *testing.T) {
	z := NewZone("busy")
	c := newContainer(t, Config{}, z)
	z.Set("1", []string{"web"}, addr("10.0.0.1"), netip.Addr{})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 2 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				ip := addr(fmt.Sprintf("10.0.%d.%d", n%200, i+1))
				z.Set(fmt.Sprint(i+1), []string{"web", fmt.Sprint("other", n%7)}, ip, netip.Addr{})
				c.SetAliases(z, map[string]string{"alias": fmt.Sprint("other", n%7)})
				c.SetZones([]*Zone{z})
			}
		})
	}
	for i := range 300 {
		r, err := c.ask([]string{"udp", "tcp"}[i%2], question([]string{"web.", "WEB.busy.", "alias.", "1.0.0.10.in-addr.arpa."}[i%4], dns.TypeA))
		if err != nil {
			t.Fatal(err)
		}
		if i%4 < 2 && (r.Rcode != dns.RcodeSuccess || len(r.Answer) == 0) {
			t.Fatalf("in the middle of a change:\n%s", r)
		}
	}
	close(stop)
	wg.Wait()
}
