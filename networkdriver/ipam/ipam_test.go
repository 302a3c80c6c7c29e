package ipam

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

var prefix, addr = netip.MustParsePrefix, netip.MustParseAddr

func nothing() ([]netip.Prefix, []netip.Addr, error) { return nil, nil, nil }

func pools(t testing.TB, texts ...string) *Pools {
	t.Helper()
	list, err := ParsePools(texts)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantKind(t *testing.T, err error, kind errdefs.Kind, text string) {
	t.Helper()
	if !errdefs.Is(err, kind) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v (%v), want %v with %q", err, errdefs.KindOf(err), kind, text)
	}
}

func TestDefaults(t *testing.T) {
	p := pools(t)
	host := func() ([]netip.Prefix, []netip.Addr, error) {
		return []netip.Prefix{prefix("0.0.0.0/0"), prefix("172.18.3.0/24")}, []netip.Addr{addr("172.19.0.53")}, nil
	}
	var got []string
	for range 3 {
		s, err := p.Request(Config{}, false, host)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.Config().Subnet.String()+" "+s.Config().Gateway.String())
	}
	if want := "172.17.0.0/16 172.17.0.1,172.20.0.0/16 172.20.0.1,172.21.0.0/16 172.21.0.1"; strings.Join(got, ",") != want {
		t.Errorf("got %v", got)
	}
	s, err := p.Request(Config{}, true, host)
	if err != nil || s.Config().Subnet.Bits() != 64 || s.Config().Subnet.Addr().As16()[0] != 0xfd {
		t.Errorf("%v, %v", s, err)
	}
}

func TestPoolsRunOut(t *testing.T) {
	p := pools(t, "base=10.9.0.0/24,size=26")
	var list []*Subnet
	for range 4 {
		s, err := p.Request(Config{}, false, nothing)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	_, err := p.Request(Config{}, false, nothing)
	wantKind(t, err, errdefs.KindUnavailable, "could not find an available, non-overlapping IPv4 address pool")
	list[2].Close()
	s, err := p.Request(Config{}, false, nothing)
	if err != nil || s.Config().Subnet != prefix("10.9.0.128/26") {
		t.Errorf("%v, %v", s, err)
	}
}

// A large neighbour is stepped over at once.
func TestFreeStepsOver(t *testing.T) {
	p := Pool{prefix("10.0.0.0/8"), 28}
	if got, ok := p.free([]netip.Prefix{prefix("10.0.0.0/9"), prefix("10.128.0.0/10")}); !ok || got != prefix("10.192.0.0/28") {
		t.Errorf("%v, %v", got, ok)
	}
	if got, ok := p.free([]netip.Prefix{prefix("0.0.0.0/1")}); ok {
		t.Errorf("%v", got)
	}
	if got, ok := (Pool{prefix("255.255.255.0/24"), 24}).free([]netip.Prefix{prefix("255.255.255.255/32")}); ok {
		t.Errorf("%v", got)
	}
}

func TestParsePools(t *testing.T) {
	for _, bad := range []string{"", "base=10.0.0.0/8", "size=24", "base=x,size=24", "base=10.0.0.0/16,size=8", "base=10.0.0.0/16,size=31", "base=10.0.0.0/16,size=x", "what=1"} {
		if got, err := ParsePools([]string{bad}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}

func TestWishes(t *testing.T) {
	p := pools(t)
	taken, err := p.Request(Config{Subnet: prefix("10.1.2.3/16")}, false, nothing)
	if err != nil || taken.Config().Subnet != prefix("10.1.0.0/16") {
		t.Fatalf("%v, %v", taken, err)
	}
	for _, c := range []struct {
		wish Config
		kind errdefs.Kind
		text string
	}{
		{Config{Subnet: prefix("10.1.9.0/24")}, errdefs.KindForbidden, "Pool overlaps with other one on this address space"},
		{Config{Subnet: prefix("10.0.0.0/8")}, errdefs.KindForbidden, "Pool overlaps"},
		{Config{Subnet: prefix("10.2.0.0/31")}, errdefs.KindInvalidArgument, "it has no room"},
		{Config{Subnet: prefix("fd00::/127")}, errdefs.KindInvalidArgument, "it has no room"},
		{Config{Subnet: prefix("10.2.0.0/16"), Gateway: addr("10.3.0.1")}, errdefs.KindInvalidArgument, "invalid gateway 10.3.0.1: parent subnet 10.2.0.0/16 doesn't contain this address"},
		{Config{Subnet: prefix("10.2.0.0/16"), Gateway: addr("10.2.255.255")}, errdefs.KindInvalidArgument, "invalid gateway 10.2.255.255: it stands for all"},
		{Config{Subnet: prefix("10.2.0.0/16"), Range: prefix("10.3.0.0/24")}, errdefs.KindInvalidArgument, "invalid ip-range 10.3.0.0/24: parent subnet 10.2.0.0/16 doesn't contain ip-range"},
		{Config{Subnet: prefix("10.2.0.0/16"), Range: prefix("10.0.0.0/8")}, errdefs.KindInvalidArgument, "invalid ip-range 10.0.0.0/8: CIDR block is bigger than its parent subnet 10.2.0.0/16"},
		{Config{Subnet: prefix("10.2.0.0/16"), Aux: map[string]netip.Addr{"x": addr("10.9.9.9")}}, errdefs.KindInvalidArgument, "invalid auxiliary address x: 10.9.9.9: parent subnet"},
		{Config{Subnet: prefix("10.2.0.0/16"), Range: prefix("fd00::/64")}, errdefs.KindInvalidArgument, "invalid ip-range fd00::/64: parent subnet is an IPv4 block"},
		{Config{Subnet: prefix("fd00:2::/64"), Gateway: addr("10.2.0.1")}, errdefs.KindInvalidArgument, "invalid gateway 10.2.0.1: parent subnet is an IPv6 block"},
		{Config{Subnet: prefix("fd00:2::/64"), Gateway: addr("fd00:2::1%eth0")}, errdefs.KindInvalidArgument, "invalid address"},
		{Config{Subnet: prefix("10.2.0.0/16"), Aux: map[string]netip.Addr{"x": addr("10.2.0.1")}}, errdefs.KindInvalidArgument, "10.2.0.1 is the gateway"},
		{Config{Subnet: prefix("10.2.0.0/16"), Range: prefix("10.2.0.0/32")}, errdefs.KindInvalidArgument, "invalid ip-range 10.2.0.0/32: none of its addresses"},
		{Config{Subnet: prefix("10.2.0.0/16"), Range: prefix("10.2.255.255/32")}, errdefs.KindInvalidArgument, "none of its addresses"},
		{Config{Subnet: prefix("127.0.0.0/16")}, errdefs.KindInvalidArgument, "cannot be those of containers"},
		{Config{Subnet: prefix("ff02::/64")}, errdefs.KindInvalidArgument, "cannot be those of containers"},
		{Config{Subnet: prefix("0.0.0.0/0")}, errdefs.KindInvalidArgument, "cannot be those of containers"},
		{Config{Subnet: prefix("::ffff:10.2.0.0/112")}, errdefs.KindInvalidArgument, "write the IPv4 network"},
		{Config{Gateway: addr("10.3.0.1")}, errdefs.KindInvalidArgument, "needs a subnet"},
	} {
		_, err := p.Request(c.wish, false, nothing)
		wantKind(t, err, c.kind, c.text)
	}
	if _, err := p.Adopt(Config{Subnet: prefix("10.1.0.0/24")}); !errdefs.IsConflict(err) {
		t.Errorf("%v", err)
	}
	taken.Close()
	if _, err := p.Adopt(Config{Subnet: prefix("10.1.0.0/24")}); err != nil {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	s, err := pools(t).Request(Config{
		Subnet: prefix("10.5.0.0/24"), Range: prefix("10.5.0.8/30"), Gateway: addr("10.5.0.9"), Aux: map[string]netip.Addr{"router": addr("10.5.0.10")},
	}, false, nothing)
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.Next()
	second, err2 := s.Next()
	if err != nil || err2 != nil || first != addr("10.5.0.8") || second != addr("10.5.0.11") {
		t.Errorf("%v, %v: %v, %v", first, second, err, err2)
	}
	_, err = s.Next()
	wantKind(t, err, errdefs.KindUnavailable, "no available ip addresses on network 10.5.0.0/24")
	for text, kind := range map[string]errdefs.Kind{
		"10.5.0.11": errdefs.KindConflict, "10.5.0.9": errdefs.KindConflict, "10.5.0.10": errdefs.KindConflict,
		"10.5.0.0": errdefs.KindInvalidArgument, "10.5.0.255": errdefs.KindInvalidArgument, "10.6.0.1": errdefs.KindInvalidArgument, "fd00::1": errdefs.KindInvalidArgument,
	} {
		wantKind(t, s.Reserve(addr(text)), kind, text)
	}
	if err := s.Reserve(addr("10.5.0.77")); err != nil { // outside the range
		t.Error(err)
	}
	for _, ip := range []string{"10.5.0.77", "10.5.0.9", "10.5.0.10", "10.5.0.11", "10.5.0.200"} {
		s.Release(addr(ip))
	}
	if got, err := s.Next(); err != nil || got != addr("10.5.0.11") {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := s.Next(); err == nil {
		t.Errorf("%v although gateway and router stay", got)
	}
}

func TestNextTakesTurns(t *testing.T) {
	s, err := pools(t).Request(Config{Subnet: prefix("fd00:5::/64")}, true, nothing)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := s.Next()
	s.Release(one)
	two, _ := s.Next()
	if one != addr("fd00:5::2") || two != addr("fd00:5::3") || s.Config().Gateway != addr("fd00:5::1") {
		t.Errorf("%v, %v", one, two)
	}
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		first, last string
		want        uint64
	}{
		{"10.0.0.1", "10.0.0.254", 254}, {"10.0.0.255", "10.0.1.0", 2}, {"10.0.0.1", "10.255.255.254", 1<<24 - 2},
		{"fd00::1", "fd00::ffff", 65535}, {"fd00::1", "fd00::ffff:ffff:ffff:ffff", 1 << 40}, {"fd00::1", "fd00::1", 1},
	} {
		if got := count(addr(c.first), addr(c.last)); got != c.want {
			t.Errorf("%s-%s: %d, want %d", c.first, c.last, got, c.want)
		}
	}
}

func TestConcurrent(t *testing.T) {
	p := pools(t, "base=10.0.0.0/12,size=22")
	var mu sync.Mutex
	subnets, ips := map[netip.Prefix]bool{}, map[netip.Addr]bool{}
	shared, err := p.Request(Config{}, false, nothing)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			s, err := p.Request(Config{}, false, nothing)
			ip, ierr := shared.Next()
			mu.Lock()
			defer mu.Unlock()
			if err != nil || ierr != nil || subnets[s.Config().Subnet] || ips[ip] {
				t.Errorf("%d: %v, %v, %v, %v", i, s, err, ip, ierr)
				return
			}
			subnets[s.Config().Subnet], ips[ip] = true, true
		})
	}
	wg.Wait()
}

func FuzzParsePools(f *testing.F) {
	f.Add("base=10.0.0.0/8,size=24")
	f.Add("base=fd00::/8,size=64")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParsePools([]string{text})
		if err != nil {
			return
		}
		p, err := New(list)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := p.Request(Config{}, list[0].Base.Addr().Is6(), nothing); err == nil {
			if ip, err := s.Next(); err == nil && !s.Config().Subnet.Contains(ip) {
				t.Errorf("%s: %s is not in %s", text, ip, fmt.Sprint(s.Config().Subnet))
			}
		}
	})
}
