package networkdriver

import (
	"net/netip"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestChoose(t *testing.T) {
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	for _, tc := range []struct {
		name  string
		inUse []netip.Prefix
		dns   []netip.Addr
		want  string
	}{
		{"nothing in use", nil, nil, "172.17.42.1/16"},
		{"default route", []netip.Prefix{p("0.0.0.0/0")}, nil, "172.17.42.1/16"},
		{"another engine", []netip.Prefix{p("172.17.0.0/16")}, nil, "10.0.42.1/16"},
		{"part of it", []netip.Prefix{p("172.17.9.0/24"), p("10.0.0.1/32")}, nil, "10.1.42.1/16"},
		{"around it", []netip.Prefix{p("172.16.0.0/12"), p("10.0.0.0/8")}, nil, "192.168.42.1/24"},
		{"nameserver", nil, []netip.Addr{a("172.17.0.53"), a("::ffff:10.0.0.53")}, "10.1.42.1/16"},
		{"all", []netip.Prefix{p("172.16.0.0/12"), p("10.0.0.0/8"), p("192.168.0.0/16")}, nil, ""},
	} {
		got, ok := Choose(Candidates(), tc.inUse, tc.dns)
		if ok != (tc.want != "") || ok && got.String() != tc.want {
			t.Errorf("%s: got %v", tc.name, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	mac := MAC(netip.MustParseAddr("172.17.0.5"))
	i := Describe("docker0", netip.MustParsePrefix("172.17.0.5/16"), netip.Prefix{}, netip.MustParseAddr("172.17.42.1"), netip.Addr{}, mac)
	want := Interface{IP: "172.17.0.5", Mask: "ffff0000", Gateway: "172.17.42.1", Bridge: "docker0",
		IPPrefixLen: 16, MacAddress: "02:42:ac:11:00:05", LinkLocalIPv6: "fe80::42:acff:fe11:5"}
	if *i != want {
		t.Errorf("got %+v", *i)
	}
	for text, ok := range map[string]bool{
		"02:42:ac:11:00:05": true, "92:d0:c6:0a:29:33": true, "01:00:5e:00:00:01": false,
		"00:00:00:00:00:00": false, "nonsense": false, "": false, "02:42:ac:11:00:05:06:07": false,
	} {
		if _, err := ParseMAC(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"10.0.0.1/24": "10.0.0.1/24", "": "invalid Prefix", "10.0.0.0/24": "", "10.0.0.255/24": "", "10.0.0.1": "", "x/24": "", "fd00::1/64": "fd00::1/64", "fd00::/64": "",
	} {
		got, err := ParseBridgeIP(text)
		if (err != nil) != (want == "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if got, err := ParseSubnet("10.0.0.9/24"); err != nil || got.String() != "10.0.0.0/24" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestPorts(t *testing.T) {
	for text, want := range map[string]string{
		"80/tcp": "80/tcp", "53/UDP": "53/udp", "9/sctp": "9/sctp", "80": "80/tcp",
		"": "", "/tcp": "", "0/tcp": "", "65536/tcp": "", "80/icmp": "", "80/": "", "-1/tcp": "", "+1/tcp": "", "1 /tcp": "",
	} {
		got, err := ParsePort(text)
		if (err != nil) != (want == "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if err != nil && !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%q: kind of %v", text, err)
		}
	}
	for text, want := range map[string]PortRange{
		"": {}, "0": {}, "80": {80, 80}, "8000-8010": {8000, 8010}, "9-9": {9, 9},
	} {
		if got, err := ParsePortRange(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"10-9", "0-9", "9-", "-9", "a", "1-2-3", "70000", "1-70000", " 80"} {
		if got, err := ParsePortRange(text); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzParsers(f *testing.F) {
	for _, s := range []string{"80/tcp", "8000-8010", "10.0.0.1/24", "02:42:ac:11:00:05", "0", "1-2-3/udp"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := ParsePort(text); err == nil {
			if again, err := ParsePort(p.String()); err != nil || again != p {
				t.Errorf("port %q: %v, then %v, %v", text, p, again, err)
			}
		}
		if r, err := ParsePortRange(text); err == nil && r != (PortRange{}) {
			if again, err := ParsePortRange(r.String()); err != nil || again != r || r.First == 0 {
				t.Errorf("range %q: %v, then %v, %v", text, r, again, err)
			}
		}
		if p, err := ParseBridgeIP(text); err == nil && p.IsValid() && !p.Addr().Is4() {
			t.Errorf("bridge address %q: %v", text, p)
		}
		if m, err := ParseMAC(text); err == nil && !LinkLocal(m).IsLinkLocalUnicast() {
			t.Errorf("MAC %q: %v", text, m)
		}
	})
}
