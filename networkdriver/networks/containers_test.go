package networks_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/networks"
	"github.com/enginejobs/docker/networkdriver/null"
)

func TestAllocateAndRelease(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	w.create("one", subnets("10.202.1.0/24"))
	w.create("two", nil)
	first := w.join("c", "", nil)
	if first.NetworkName != "bridge" || first.InterfaceName != "eth0" {
		t.Errorf("first: %+v", first)
	}
	if e := w.join("c", "one", nil); e.InterfaceName != "eth1" || e.IP != "10.202.1.2" {
		t.Errorf("second: %+v", e)
	}
	if e := w.join("c", "two", func(r *networks.Request) { r.Name = "lan" }); e.InterfaceName != "lan" {
		t.Errorf("named: %+v", e)
	}
	_, err := w.tryJoin("c", "one", nil)
	wantKind(t, err, errdefs.KindConflict, "has an interface already on network one")
	for ref, text := range map[string]string{"host": "network host", "none": "network none"} {
		_, err := w.tryJoin("c", ref, nil)
		wantKind(t, err, errdefs.KindInvalidArgument, text)
	}
	_, err = w.tryJoin("c", "nowhere", nil)
	wantKind(t, err, errdefs.KindNotFound, "network nowhere not found")
	if err := w.Release(t.Context(), "one", "c", true); err != nil {
		t.Error(err)
	}
	wantKind(t, w.Release(t.Context(), "one", "c", true), errdefs.KindNotFound, "No network information")
	if e := w.join("c", "one", nil); e.InterfaceName != "eth1" {
		t.Errorf("the name is not used again: %+v", e)
	}
	if err := w.Release(t.Context(), "", "c", false); err != nil {
		t.Error(err)
	}
	wantKind(t, w.Release(t.Context(), "", "c", false), errdefs.KindNotFound, "No network information")
	for _, def := range w.List() {
		if n := w.Used(def.ID); n != 0 {
			t.Errorf("%d on %s", n, def.Name)
		}
	}
}

func TestFixedAddresses(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	w.create("own", subnets("10.202.1.0/29"))
	w.create("any", nil)
	at := func(text string) func(*networks.Request) {
		return func(r *networks.Request) { r.IP = netip.MustParseAddr(text) }
	}
	_, err := w.tryJoin("a", "any", at("10.202.0.7"))
	wantKind(t, err, errdefs.KindInvalidArgument, "supported only when connecting to networks with user configured subnets")
	w.join("a", "own", at("10.202.1.5"))
	for text, kind := range map[string]errdefs.Kind{
		"10.202.1.5": errdefs.KindConflict, "10.202.1.1": errdefs.KindConflict, "10.202.7.5": errdefs.KindInvalidArgument,
	} {
		_, err := w.tryJoin("b", "own", at(text))
		wantKind(t, err, kind, "")
	}
	for i := range 4 { // 2, 3, 4 and 6
		w.join(fmt.Sprint(i), "own", nil)
	}
	_, err = w.tryJoin("b", "own", nil)
	wantKind(t, err, errdefs.KindUnavailable, "own")
	// Who failed is on no network.
	wantKind(t, w.Release(t.Context(), "", "b", false), errdefs.KindNotFound, "")
	w.join("b", "any", nil)
}

// TestPortsFollowTheWayOut lets networks of different priority and name come and
// go: ports are where the container leads out, and only there.
func TestPortsFollowTheWayOut(t *testing.T) {
	k := &spy{where: map[string]map[string]int{}}
	w := open(t, t.TempDir(), k)
	w.create("m", nil)
	w.create("a", nil)
	w.create("z", nil)
	w.create("inside", func(def *networkdriver.Definition) { def.Internal = true })
	where := func(want string) {
		t.Helper()
		k.mu.Lock()
		defer k.mu.Unlock()
		got := ""
		for network, ports := range k.where {
			if ports["c"] > 0 {
				got += fmt.Sprint(network, ports["c"])
			}
		}
		if got != want {
			t.Errorf("ports are at %q, want %q", got, want)
		}
	}
	weight := func(n int) func(*networks.Request) { return func(r *networks.Request) { r.Priority = n } }
	leave := func(name string) {
		t.Helper()
		if err := w.Release(t.Context(), name, "c", true); err != nil {
			t.Error(err)
		}
	}
	w.join("c", "inside", weight(100)) // an internal one leads nowhere
	if p, err := w.AllocatePort(t.Context(), networkdriver.PortRequest{ID: "c", ContainerPort: 80, Proto: "tcp"}); err != nil || p.HostPort != 0 {
		t.Errorf("published at %+v, %v", p, err)
	}
	publish := func() {
		t.Helper()
		for _, port := range []uint16{80, 81} {
			if _, err := w.AllocatePort(t.Context(), networkdriver.PortRequest{ID: "c", ContainerPort: port, Proto: "tcp"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.join("c", "m", nil)
	publish()
	where("m2")
	w.join("c", "z", nil)
	where("m2")
	w.join("c", "a", nil) // by name
	where("a2")
	leave("a")
	where("m2")
	leave("z")
	w.join("c", "z", weight(1)) // by priority
	where("z2")
	w.join("c", "a", weight(-1))
	where("z2")
	leave("m")
	where("z2")
	leave("z")
	where("a2")
	leave("a")
	where("") // nothing leads out any more, and the ports are forgotten
	w.join("c", "z", nil)
	where("")
	publish()
	where("z2")
	if err := w.Release(t.Context(), "", "c", false); err != nil {
		t.Error(err)
	}
	where("")
	// The host ports are free for others.
	w.join("d", "a", nil)
	for range 2 {
		if _, err := w.AllocatePort(t.Context(), networkdriver.PortRequest{ID: "d", ContainerPort: 80, Proto: "tcp"}); err != nil {
			t.Error(err)
		}
	}
	_, err := w.AllocatePort(t.Context(), networkdriver.PortRequest{ID: "c", ContainerPort: 80, Proto: "tcp"})
	wantKind(t, err, errdefs.KindNotFound, "No network information to publish a port")
}

// TestManyAtOnce lets 500 containers come and go on five networks, most of them
// on several at once, while networks are made and removed and listed.
func TestManyAtOnce(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	for i := range 5 {
		w.create(fmt.Sprint("n", i), subnets(fmt.Sprintf("10.203.%d.0/21", i*8)))
	}
	var (
		mu   sync.Mutex
		seen = map[string]string{}
		all  sync.WaitGroup
	)
	take := func(e *networks.Endpoint, id string) {
		mu.Lock()
		defer mu.Unlock()
		if other := seen[e.IP]; other != "" {
			t.Errorf("%s and %s both have %s", other, id, e.IP)
		}
		seen[e.IP] = id
	}
	for c := range 500 {
		id := fmt.Sprint("c", c)
		for n := range 3 { // callers of one container, at the same time
			all.Go(func() {
				name := fmt.Sprint("n", (c+n)%5)
				for range 3 {
					e, err := w.tryJoin(id, name, nil)
					if err != nil {
						t.Error(err)
						return
					}
					take(e, id)
					_, err = w.AllocatePort(t.Context(), networkdriver.PortRequest{ID: id, ContainerPort: 80, Proto: "tcp"})
					err = errors.Join(err, w.Rename(name, id, []string{id, "x"}))
					mu.Lock()
					delete(seen, e.IP)
					mu.Unlock()
					if err = errors.Join(err, w.Release(t.Context(), name, id, n%2 == 0)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	for i := range 20 {
		all.Go(func() {
			for range 5 {
				name := fmt.Sprint("short", i%4)
				_, err := w.Create(t.Context(), networkdriver.Definition{Name: name, EnableIPv4: true})
				if err != nil && !errdefs.IsConflict(err) {
					t.Error(err)
				}
				_, _ = w.Find(name)
				w.List()
				_, err = w.tryJoin(fmt.Sprint("s", i), name, nil)
				if err == nil {
					err = w.Release(t.Context(), name, fmt.Sprint("s", i), false)
				}
				if err != nil && !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
					t.Error(err)
				}
				_, err = w.Remove(t.Context(), name)
				if err != nil && !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) && !errdefs.Is(err, errdefs.KindForbidden) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	w.nothingLeft()
}

// nothingLeft removes all networks and makes them again with the same subnets.
func (w *world) nothingLeft() {
	w.t.Helper()
	for _, def := range w.List() {
		if n := w.Used(def.ID); n != 0 {
			w.t.Errorf("%d on %s", n, def.Name)
		}
		if networks.Predefined(def.Name) {
			continue
		}
		if _, err := w.Remove(w.t.Context(), def.Name); err != nil {
			w.t.Error(err)
		}
	}
	for i := range 256 { // every subnet of the pool
		w.create(fmt.Sprint("all", i), nil)
	}
	_, err := w.Create(w.t.Context(), networkdriver.Definition{Name: "more", EnableIPv4: true})
	wantKind(w.t, err, errdefs.KindUnavailable, "")
	e := w.join("last", fmt.Sprint("all", rand.IntN(256)), nil)
	if e.IPPrefixLen != 24 {
		w.t.Errorf("%+v", e)
	}
}

// TestAllAddressesComeBack fills a network, empties it and fills it again, from
// many callers at once.
func TestAllAddressesComeBack(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	w.create("small", subnets("10.203.0.0/25"))
	for range 4 {
		var all sync.WaitGroup
		for c := range 125 {
			all.Go(func() {
				if _, err := w.tryJoin(fmt.Sprint(c), "small", nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		_, err := w.tryJoin("more", "small", nil)
		wantKind(t, err, errdefs.KindUnavailable, "")
		for c := range 125 {
			all.Go(func() {
				if err := w.Release(t.Context(), "", fmt.Sprint(c), false); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
