package ipam

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// FuzzSubnet checks what a subnet gives out against a plain list.
func FuzzSubnet(f *testing.F) {
	f.Add(uint8(24), uint8(26), uint8(64), []byte{0, 0, 0x45, 0x85, 0, 0, 0xc5})
	f.Add(uint8(30), uint8(32), uint8(3), []byte{0, 0, 0, 0x40, 0x80})
	f.Add(uint8(24), uint8(32), uint8(255), []byte{0, 0x40})
	f.Fuzz(func(t *testing.T, size, inner, at uint8, ops []byte) {
		for _, base := range []string{"10.7.7.0", "fd00::7:700"} {
			ip := addr(base)
			wide := ip.BitLen() - 32
			subnet := netip.PrefixFrom(ip, wide+24+int(size%9)).Masked()
			b := ip.AsSlice()
			b[len(b)-1] = at
			start, _ := netip.AddrFromSlice(b)
			s, err := newSubnet(Config{Subnet: subnet, Range: netip.PrefixFrom(start, wide+24+int(inner%9))})
			if err != nil {
				continue
			}
			checkModel(t, s, ops)
		}
	})
}

func checkModel(t *testing.T, s *Subnet, ops []byte) {
	t.Helper()
	var drawn []netip.Addr // all that Next may give
	for ip := s.cfg.Range.Addr(); s.cfg.Range.Contains(ip); ip = ip.Next() {
		if s.usable(ip) && ip != s.cfg.Gateway && (ip.Is4() || ip != s.cfg.Subnet.Addr()) {
			drawn = append(drawn, ip)
		}
	}
	taken := map[netip.Addr]bool{s.cfg.Gateway: true}
	for _, op := range ops {
		b := s.cfg.Subnet.Addr().AsSlice()
		b[len(b)-1] |= op & 0x3f
		ip, _ := netip.AddrFromSlice(b)
		switch op >> 6 {
		case 0:
			left := slices.ContainsFunc(drawn, func(ip netip.Addr) bool { return !taken[ip] })
			got, err := s.Next()
			if (err == nil) != left || err == nil && (taken[got] || !slices.Contains(drawn, got)) || s.Full() && err == nil && left && !full(drawn, taken, got) {
				t.Fatalf("%+v: got %s, %v; taken %v", s.cfg, got, err, taken)
			}
			if err == nil {
				taken[got] = true
			}
		case 1, 2:
			err := s.Reserve(ip)
			if (err == nil) != (s.usable(ip) && !taken[ip]) {
				t.Fatalf("%+v: reserving %s: %v", s.cfg, ip, err)
			}
			if err == nil {
				taken[ip] = true
			}
		case 3:
			s.Release(ip)
			if ip != s.cfg.Gateway {
				delete(taken, ip)
			}
		}
	}
}

// full tells whether nothing is left once got is taken, too.
func full(drawn []netip.Addr, taken map[netip.Addr]bool, got netip.Addr) bool {
	return !slices.ContainsFunc(drawn, func(ip netip.Addr) bool { return !taken[ip] && ip != got })
}

// FuzzConfig: no wish of a user breaks anything; what is given is inside.
func FuzzConfig(f *testing.F) {
	f.Add("10.0.0.0/24", "10.0.0.128/25", "10.0.0.1", "10.0.0.9")
	f.Add("fd00::/64", "fd00::/80", "fd00::1", "")
	f.Add("0.0.0.0/1", "", "", "")
	f.Fuzz(func(t *testing.T, subnet, inner, gateway, aux string) {
		var c Config
		c.Subnet, _ = netip.ParsePrefix(subnet)
		c.Range, _ = netip.ParsePrefix(inner)
		c.Gateway, _ = netip.ParseAddr(gateway)
		if ip, err := netip.ParseAddr(aux); err == nil {
			c.Aux = map[string]netip.Addr{"x": ip}
		}
		p, err := New(nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Request(c, false, nothing)
		if err != nil {
			return
		}
		got := s.Config()
		if ip, err := s.Next(); err == nil && (!got.Subnet.Contains(ip) || got.Range.IsValid() && !got.Range.Contains(ip) || ip == got.Gateway || ip == c.Aux["x"]) {
			t.Errorf("%+v gave %s", got, ip)
		}
		if _, err := p.Adopt(got); err == nil {
			t.Errorf("%+v was taken twice", got)
		}
		s.Close()
		if _, err := p.Adopt(got); err != nil {
			t.Errorf("what was settled is not understood: %+v: %v", got, err)
		}
	})
}

// FuzzFree: what is found overlaps nothing, and nothing before it was free.
func FuzzFree(f *testing.F) {
	f.Add([]byte{0x10, 24, 0x20, 28, 0x80, 17})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var used []netip.Prefix
		for pair := range slices.Chunk(ops, 2) {
			if len(pair) == 2 {
				used = append(used, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, pair[0], 0}), int(pair[1]%33)).Masked())
			}
		}
		used = append(used, prefix("fd00::/8"))
		slices.SortFunc(used, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
		got, ok := Pool{prefix("10.0.0.0/16"), 24}.free(used)
		for third := range 256 {
			c := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(third), 0}), 24)
			if !slices.ContainsFunc(used, c.Overlaps) {
				if !ok || got != c {
					t.Fatalf("got %s, %t; want %s of %v", got, ok, c, used)
				}
				return
			}
		}
		if ok {
			t.Fatalf("got %s of %v", got, used)
		}
	})
}

// TestLastOfALargeSubnet: the 65,533rd address is found, and then there is none.
func TestLastOfALargeSubnet(t *testing.T) {
	s, err := newSubnet(Config{Subnet: prefix("10.8.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[netip.Addr]bool)
	for range 1<<16 - 3 {
		ip, err := s.Next()
		if err != nil || seen[ip] {
			t.Fatalf("%s after %d, %v", ip, len(seen), err)
		}
		seen[ip] = true
	}
	if _, err := s.Next(); err == nil {
		t.Error("one more")
	}
	s.Release(addr("10.8.3.3"))
	if ip, err := s.Next(); err != nil || ip != addr("10.8.3.3") {
		t.Errorf("%s, %v", ip, err)
	}
}

// BenchmarkNext takes and gives back one address among many that are taken.
func BenchmarkNext(b *testing.B) {
	for _, c := range []struct {
		subnet string
		taken  int
	}{{"10.8.0.0/16", 1}, {"10.8.0.0/16", 65000}, {"fd00::/64", 1}, {"fd00::/64", 65000}} {
		b.Run(fmt.Sprintf("%s/taken=%d", c.subnet, c.taken), func(b *testing.B) {
			s, err := newSubnet(Config{Subnet: prefix(c.subnet)})
			if err != nil {
				b.Fatal(err)
			}
			for range c.taken {
				if _, err := s.Next(); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				ip, err := s.Next()
				if err != nil {
					b.Fatal(err)
				}
				s.Release(ip)
			}
		})
	}
}

// BenchmarkRequest takes and gives back a subnet beside 1,000 networks, which
// are routes of the host as well.
func BenchmarkRequest(b *testing.B) {
	p := pools(b, "base=10.0.0.0/8,size=24")
	var routes []netip.Prefix
	host := func() ([]netip.Prefix, []netip.Addr, error) { return routes, nil, nil }
	for range 1000 {
		s, err := p.Request(Config{}, false, nothing)
		if err != nil {
			b.Fatal(err)
		}
		routes = append(routes, s.Config().Subnet)
	}
	for b.Loop() {
		s, err := p.Request(Config{}, false, host)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
