package rtnl

import (
	"net/netip"
	"testing"
)

// FuzzParse: whatever a kernel sends, reading ends and nothing is out of bounds.
func FuzzParse(f *testing.F) {
	f.Add(attrString(ifinfo(3, 1, 1), 3, "eth0"))
	f.Add(address(3, netip.MustParsePrefix("10.0.0.1/8")))
	f.Add(address(3, netip.MustParsePrefix("fd00::1/64")))
	f.Add(Route{Index: 3, To: netip.MustParsePrefix("10.0.0.0/8"), Via: netip.MustParseAddr("10.0.0.1")}.body())
	f.Fuzz(func(t *testing.T, b []byte) {
		parseLink(b)
		if a, ok := parseAddr(b); ok && !a.Prefix.IsValid() {
			t.Errorf("%v", a)
		}
		if r, ok := parseRoute(b); ok && (!r.To.IsValid() || r.String() == "") {
			t.Errorf("%v", r)
		}
	})
}

// TestRoundTrip: what a request says is what is read.
func TestRoundTrip(t *testing.T) {
	for _, r := range []Route{
		{Index: 3, To: netip.MustParsePrefix("10.0.0.0/8"), Via: netip.MustParseAddr("10.0.0.1"), Metric: 5},
		{Index: 3, To: netip.MustParsePrefix("fd00::/64")},
		{Index: 3, To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("fe80::1")},
		{Index: 3, To: netip.MustParsePrefix("0.0.0.0/0")},
	} {
		if got, ok := parseRoute(r.body()); !ok || got != r {
			t.Errorf("got %+v, want %+v", got, r)
		}
	}
	for _, p := range []string{"10.0.0.1/8", "fd00::1/64", "127.0.0.1/32"} {
		want := Addr{Index: 9, Prefix: netip.MustParsePrefix(p)}
		if got, ok := parseAddr(address(9, want.Prefix)); !ok || got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}
