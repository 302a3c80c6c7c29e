//go:build linux

package firewall

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/nft"
)

// kernel is a backend that has sets in memory, as nftables has them: what is
// taken out must be there.
type kernel struct {
	none
	t      testing.TB
	sets   map[string]string // family, set and key : value
	left   []Port            // of a predecessor
	fails  int               // how many calls from now on are refused
	writes int
}

func (k *kernel) refuse() error {
	if k.fails > 0 {
		k.fails--
		return errors.New("refused")
	}
	return nil
}

func families() []nft.Family { return []nft.Family{nft.IPv4, nft.IPv6} }

func id(f nft.Family, set string, e nft.Element) string {
	return fmt.Sprintf("%d %s %x %t", f, set, e.Key, e.End)
}

func full(s *state) map[string]string {
	all := make(map[string]string)
	for _, f := range families() {
		for set, list := range elements(f, s) {
			for _, e := range list {
				all[id(f, set, e)] = string(e.Value)
			}
		}
	}
	return all
}

func (k *kernel) inherited() ([]Port, error) { return k.left, nil }

func (k *kernel) write(s *state) error {
	if err := k.refuse(); err != nil {
		return err
	}
	k.writes++
	k.sets = full(s)
	return nil
}

func (k *kernel) apply(c *change, s *state) error {
	if overlapping(c, s) {
		return k.write(s)
	}
	if err := k.refuse(); err != nil {
		return err
	}
	next := maps.Clone(k.sets)
	for _, f := range families() {
		gone, come := delta(f, c, s)
		for set, list := range gone {
			for _, e := range list {
				if _, ok := next[id(f, set, e)]; !ok {
					k.t.Errorf("%s: %v was not there", set, e)
				}
				delete(next, id(f, set, e))
			}
		}
		for set, list := range come {
			for _, e := range list {
				next[id(f, set, e)] = string(e.Value)
			}
		}
	}
	k.sets = next
	return nil
}

func (k *kernel) verify(s *state) (bool, error) { return maps.Equal(k.sets, full(s)), nil }

// boot makes a firewall on such a kernel.
func boot(t testing.TB, left ...Port) (*Firewall, *kernel) {
	t.Helper()
	k := &kernel{t: t, left: left}
	f := &Firewall{opts: Options{IPv6: true, Warn: t.Logf}, state: newState()}
	f.state.networks["br0"] = net(0)
	if err := f.use(k, nil); err != nil {
		t.Fatal(err)
	}
	return f, k
}

func net(n int) Network {
	return Network{
		Bridge: fmt.Sprint("br", n), Isolated: n%2 == 0, Proxied: n%3 == 0, Masquerade: n != 4, Internal: n == 5,
		Subnets: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n)}), 16), netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, byte(n)}), 64)},
	}
}

func tcp(n int, host, container string) Port {
	return Port{Bridge: fmt.Sprint("br", n), Proto: "tcp", Host: netip.MustParseAddrPort(host), Container: netip.MustParseAddrPort(container)}
}

// TestRandomChanges: whatever happened, the kernel has what would be written
// anew, and a change that fails leaves everything as it was.
func TestRandomChanges(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable
		f, k := boot(t, tcp(0, "0.0.0.0:8003", "10.0.0.3:80"), tcp(0, "[::]:8003", "[fd00::3]:80"), tcp(0, "10.0.0.1:8004", "10.9.0.3:80"))
		for step := range 120 {
			if random.IntN(10) == 0 {
				k.fails = 1 + random.IntN(2)
			}
			before, doomed := maps.Clone(k.sets), k.fails > 0
			what, adds, err := randomChange(f, random)
			k.fails = 0
			if doomed && err != nil && adds && !maps.Equal(before, full(&f.state)) {
				t.Fatalf("seed %d, step %d: %s failed (%v) and is noted all the same", seed, step, what, err)
			}
			if err != nil && !doomed && errdefs.KindOf(err) == errdefs.KindInternal {
				t.Fatalf("seed %d, step %d: %s: %v", seed, step, what, err)
			}
			if doomed && err != nil { // what was to be closed is closed by the next one
				if _, err := f.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if repaired, err := f.Check(t.Context()); repaired || err != nil {
				t.Fatalf("seed %d, step %d: after %s: %v, %v", seed, step, what, repaired, err)
			}
		}
	}
}

// randomChange does one, and tells whether it was to add something.
func randomChange(f *Firewall, random *rand.Rand) (what string, adds bool, err error) {
	n := random.IntN(6)
	network := net(n)
	if random.IntN(8) == 0 {
		network.Subnets = append(network.Subnets, net((n+1)%6).Subnets...)
	}
	host := "0.0.0.0"
	container := fmt.Sprintf("10.%d.0.%d:80", n, random.IntN(3)+2)
	if random.IntN(2) == 0 {
		host = "[::]"
		container = fmt.Sprintf("[fd%02x::%d]:80", n, random.IntN(3)+2)
	} else if random.IntN(2) == 0 {
		host = "127.0.0.1"
	}
	var ports []Port
	for range random.IntN(3) + 1 {
		ports = append(ports, tcp(n, fmt.Sprintf("%s:%d", host, 8000+random.IntN(6)), container))
	}
	links := []Link{{network.Bridge, netip.AddrFrom4([4]byte{10, byte(n), 0, 2}), netip.AddrFrom4([4]byte{10, byte(n), 0, byte(random.IntN(3))}), "udp", uint16(random.IntN(2) + 1)}}
	switch random.IntN(9) {
	case 0, 1:
		return fmt.Sprintf("AddNetwork %+v", network), true, f.AddNetwork(network)
	case 2:
		return "RemoveNetwork " + network.Bridge, false, f.RemoveNetwork(network.Bridge)
	case 3, 4:
		return fmt.Sprintf("AddPorts %+v", ports), true, f.AddPorts(ports)
	case 5:
		return fmt.Sprintf("RemovePorts %+v", ports), false, f.RemovePorts(ports)
	case 6:
		return fmt.Sprintf("AddLinks %+v", links), true, f.AddLinks(links)
	case 7:
		return fmt.Sprintf("RemoveLinks %+v", links), false, f.RemoveLinks(links)
	}
	if random.IntN(4) == 0 {
		return "DropInherited", false, f.DropInherited()
	}
	return fmt.Sprint("DropAddress ", links[0].Child), false, f.DropAddress(network.Bridge, links[0].Child)
}

// TestFailedChange: a change that the kernel refuses twice is an error and
// leaves everything as it was; once, and all was written anew.
func TestFailedChange(t *testing.T) {
	old := tcp(0, "0.0.0.0:8003", "10.0.0.3:80")
	f, k := boot(t, old)
	before := maps.Clone(k.sets)
	again := tcp(0, "0.0.0.0:8003", "10.0.0.4:80") // in the place of the inherited one
	k.fails = 2
	if err := f.AddPorts([]Port{tcp(0, "0.0.0.0:8001", "10.0.0.4:80"), again}); err == nil {
		t.Error("a refused change succeeded")
	}
	if !maps.Equal(before, full(&f.state)) || !maps.Equal(before, k.sets) {
		t.Error("a refused change left something")
	}
	k.fails = 1
	if err := f.AddPorts([]Port{again}); err != nil {
		t.Error(err)
	}
	if k.writes != 2 {
		t.Errorf("written %d times", k.writes)
	}
	if repaired, err := f.Check(t.Context()); repaired || err != nil {
		t.Error(repaired, err)
	}
	if err := f.DropInherited(); err != nil || len(f.state.ports) != 1 {
		t.Error(f.state.ports, err)
	}
}

// TestConcurrentChanges runs under the race detector.
func TestConcurrentChanges(t *testing.T) {
	f, _ := boot(t)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 2)) //nolint:gosec // repeatable
			for range 50 {
				_, _, _ = randomChange(f, random)
			}
		})
	}
	wg.Wait()
	if repaired, err := f.Check(t.Context()); repaired || err != nil {
		t.Error(repaired, err)
	}
}

// TestWithoutIPv6: a host that cannot write rules for it goes on without, unless
// a network needs it.
func TestWithoutIPv6(t *testing.T) {
	four := Network{Bridge: "br0", Subnets: net(0).Subnets[:1]}
	for _, known := range []Network{four, net(1)} {
		f := &Firewall{opts: Options{IPv6: true, Warn: t.Logf}, state: newState()}
		f.state.networks[known.Bridge] = known
		err := f.try(func(ipv6 bool) (backend, error) {
			if ipv6 {
				return nil, errdefs.Unavailable("ip6tables-restore was not found")
			}
			return &kernel{t: t}, nil
		})
		if len(known.Subnets) == 2 {
			if !errdefs.Is(err, errdefs.KindUnavailable) {
				t.Error(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.AddNetwork(net(2)); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Error(err)
		}
		if err := f.AddPorts([]Port{{Bridge: "br0", Proto: "tcp", Host: netip.MustParseAddrPort("[::]:1"), Container: netip.MustParseAddrPort("[fd00::2]:1")}}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Error(err)
		}
	}
}
