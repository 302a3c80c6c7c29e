//go:build linux

package resolver

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestReversed(t *testing.T) {
	for name, want := range map[string]string{
		"4.3.2.1.in-addr.arpa.": "1.2.3.4",
		"4.3.2.1.IN-ADDR.ARPA":  "1.2.3.4",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6.arpa.": "2001:db8::1",
		"3.2.1.in-addr.arpa.":     "",
		"5.4.3.2.1.in-addr.arpa.": "",
		"004.3.2.1.in-addr.arpa.": "",
		"x.3.2.1.in-addr.arpa.":   "",
		"256.3.2.1.in-addr.arpa.": "",
		"1.0.ip6.arpa.":           "",
		"10.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6.arpa.": "",
		"g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6.arpa.":  "",
		"web.": "", ".": "", "": "",
	} {
		ip, ok := reversed(name)
		if ok != (want != "") || ok && ip.String() != want {
			t.Errorf("%s: %s, %v; want %s", name, ip, ok, want)
		}
	}
}

// TestZoneLeavesNothing: after all endpoints went, however they changed, nothing
// is kept.
func TestZoneLeavesNothing(t *testing.T) {
	z := NewZone("n")
	for round := range 3 {
		for i := range 50 {
			z.Set(fmt.Sprint(i), []string{fmt.Sprint("c", (i+round)%7), "all", "", "ALL."}, netip.AddrFrom4([4]byte{10, 0, byte(round), byte(i)}), netip.Addr{})
		}
	}
	if e := z.find(nil, "all"); len(e.members) != 50 {
		t.Errorf("all is %d endpoints", len(e.members))
	}
	for i := range 50 {
		z.Remove(fmt.Sprint(i))
	}
	if len(z.endpoints)+len(z.names)+len(z.owners) != 0 {
		t.Errorf("left: %v %v %v", z.endpoints, z.names, z.owners)
	}
}

// TestAddressTaken: an address that went to another endpoint stays there when
// the one that had it goes.
func TestAddressTaken(t *testing.T) {
	z := NewZone("n")
	ip := netip.MustParseAddr("10.0.0.1")
	z.Set("old", []string{"before"}, ip, netip.Addr{})
	z.Set("new", []string{"After"}, ip, netip.Addr{})
	z.Remove("old")
	if name, ok := z.owner(ip); !ok || name != "After.n." {
		t.Errorf("%q, %v", name, ok)
	}
}

func TestRotationOfMembersWithout(t *testing.T) {
	z := NewZone("n")
	six := netip.MustParseAddr("fd00::1")
	z.Set("1", []string{"x"}, netip.MustParseAddr("10.0.0.1"), netip.Addr{})
	z.Set("2", []string{"x"}, netip.Addr{}, six)
	z.Set("3", []string{"x"}, netip.MustParseAddr("::ffff:10.0.0.3"), netip.Addr{})
	e := z.find(nil, "x")
	var seen []string
	for range 4 {
		seen = append(seen, fmt.Sprint(e.addresses(false)))
		if got := e.addresses(true); !reflect.DeepEqual(got, []netip.Addr{six}) {
			t.Errorf("IPv6: %v", got)
		}
	}
	want := []string{"[10.0.0.1 10.0.0.3]", "[10.0.0.3 10.0.0.1]", "[10.0.0.1 10.0.0.3]", "[10.0.0.3 10.0.0.1]"}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("%v, want %v", seen, want)
	}
}

// TestLongNames: containers may have names that are none for DNS; another of
// theirs leads back then.
func TestLongNames(t *testing.T) {
	z := NewZone("n")
	long := strings.Repeat("x", 64)
	ip, other := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	z.Set("1", []string{long, "Short"}, ip, netip.Addr{})
	z.Set("2", []string{long}, other, netip.Addr{})
	v := &view{zones: []*Zone{z}}
	for question, want := range map[string]string{"1.0.0.10.in-addr.arpa.": "Short.n.", "2.0.0.10.in-addr.arpa.": ""} {
		list, known := v.answer(dns.Question{Name: question, Qtype: dns.TypePTR, Qclass: dns.ClassINET})
		if known != (want != "") || known && !strings.HasSuffix(list[0].String(), "\t"+want) {
			t.Errorf("%s: %v, want %q", question, list, want)
		}
	}
	q := new(dns.Msg).SetQuestion("a.", dns.TypePTR)
	r := reply(q)
	r.Answer = []dns.RR{&dns.PTR{Hdr: header("a.", dns.TypePTR), Ptr: long + "."}}
	back := new(dns.Msg)
	if err := back.Unpack(pack(r, 512)); err != nil || back.Rcode != dns.RcodeServerFailure {
		t.Errorf("%v\n%s", err, back)
	}
}
