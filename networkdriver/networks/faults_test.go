package networks_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/networks"
	"github.com/enginejobs/docker/networkdriver/null"
)

// spy is the null driver with eyes and faults: it counts ports, and does not
// open networks of a name.
type spy struct {
	null.Kind
	refuse string
	onOpen func(name string)

	mu    sync.Mutex // guards what follows
	where map[string]map[string]int
	gone  []string // deleted networks
}

type spyDriver struct {
	networkdriver.Driver
	spy *spy
}

type spyNetwork struct {
	networkdriver.Network
	spy  *spy
	name string
}

func (s *spy) New(ctx context.Context, cfg networkdriver.Config, known []networkdriver.Spec, warn networkdriver.Warn) (networkdriver.Driver, error) {
	d, err := s.Kind.New(ctx, cfg, known, warn)
	return &spyDriver{d, s}, err
}

func (d *spyDriver) Open(ctx context.Context, spec networkdriver.Spec) (networkdriver.Network, error) {
	if d.spy.refuse != "" && strings.HasPrefix(spec.Name, d.spy.refuse) {
		return nil, errdefs.Internal("no bridge for %s today", spec.Name)
	}
	if d.spy.onOpen != nil {
		d.spy.onOpen(spec.Name)
	}
	n, err := d.Driver.Open(ctx, spec)
	return &spyNetwork{n, d.spy, spec.Name}, err
}

func (n *spyNetwork) count(id string, by int) {
	n.spy.mu.Lock()
	defer n.spy.mu.Unlock()
	if n.spy.where == nil {
		return
	}
	if n.spy.where[n.name] == nil {
		n.spy.where[n.name] = map[string]int{}
	}
	if by == 0 {
		delete(n.spy.where[n.name], id)
	}
	n.spy.where[n.name][id] += by
}

func (n *spyNetwork) AllocatePort(ctx context.Context, req networkdriver.PortRequest) (networkdriver.PublishedPort, error) {
	p, err := n.Network.AllocatePort(ctx, req)
	if err == nil {
		n.count(req.ID, 1)
	}
	return p, err
}

func (n *spyNetwork) ReleasePorts(ctx context.Context, id string) error {
	n.count(id, 0)
	return n.Network.ReleasePorts(ctx, id)
}

func (n *spyNetwork) Release(ctx context.Context, req networkdriver.ReleaseRequest) error {
	n.count(req.ID, 0)
	return n.Network.Release(ctx, req)
}

func (n *spyNetwork) Delete(ctx context.Context) error {
	n.spy.mu.Lock()
	n.spy.gone = append(n.spy.gone, n.name)
	n.spy.mu.Unlock()
	return n.Network.Delete(ctx)
}

var _ networks.Kind = (*spy)(nil)

// TestBridgeThatCannotBe makes networks whose bridge cannot be: nothing of them
// stays, neither the name nor the subnet nor the definition.
func TestBridgeThatCannotBe(t *testing.T) {
	w := open(t, t.TempDir(), &spy{refuse: "bad"})
	before := len(w.files())
	for range 3 {
		def := networkdriver.Definition{Name: "bad", EnableIPv4: true}
		subnets("10.203.0.0/24")(&def)
		_, err := w.Create(t.Context(), def)
		wantKind(t, err, errdefs.KindInternal, "no bridge for bad today")
		_, err = w.Find("bad")
		wantKind(t, err, errdefs.KindNotFound, "network bad not found")
	}
	if got := w.files(); len(got) != before {
		t.Errorf("stored: %q", got)
	}
	w.create("good", subnets("10.203.0.0/24"))
}

// TestAdoptedBridgeThatCannotBe has a network that was there and whose bridge
// cannot be made now: it is named, and the others work.
func TestAdoptedBridgeThatCannotBe(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	w.create("bad", nil)
	w.create("good", nil)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := open(t, w.root, &spy{refuse: "bad"})
	_, err := again.tryJoin("c", "bad", nil)
	wantKind(t, err, errdefs.KindInternal, "no bridge for bad today")
	wantKind(t, again.Release(t.Context(), "", "c", false), errdefs.KindNotFound, "")
	again.join("c", "good", nil)
	for end := time.Now().Add(10 * time.Second); !again.warned("bad", "no bridge") && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // it is opened behind the scenes
	}
	if !again.warned("bad", "no bridge") {
		t.Errorf("warned %q", again.warnings)
	}
}

// TestCrashBeforeTheBridge stops a create between its definition and its
// bridge, as a killed process does: the successor has the network, with the
// bridge, under the same id, and removes all of it.
func TestCrashBeforeTheBridge(t *testing.T) {
	s := &spy{}
	var w *world
	var during []string
	s.onOpen = func(name string) {
		if name == "half" {
			during = w.files()
		}
	}
	w = open(t, t.TempDir(), s)
	def := w.create("half", nil)
	found := ""
	for _, file := range during {
		if strings.Contains(file, def.ID) {
			found = file
		}
	}
	if found == "" {
		t.Fatalf("the bridge was made before its definition was stored: %q", during)
	}
	next := &spy{}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w = open(t, w.root, next)
	if got, err := w.Find("half"); err != nil || got.ID != def.ID {
		t.Errorf("found %+v, %v", got, err)
	}
	if _, err := w.Remove(t.Context(), "half"); err != nil {
		t.Error(err)
	}
	if len(next.gone) != 1 || next.gone[0] != "half" {
		t.Errorf("deleted %q", next.gone)
	}
}

func TestClosed(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	w.create("n", nil)
	w.join("c", "n", nil)
	for range 2 {
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	_, err := w.Create(t.Context(), networkdriver.Definition{Name: "late", EnableIPv4: true})
	wantKind(t, err, errdefs.KindUnavailable, "shut down")
	_, err = w.tryJoin("late", "n", nil)
	wantKind(t, err, errdefs.KindUnavailable, "shut down")
	if err := w.Release(t.Context(), "", "c", false); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("releasing after the end: %v", err)
	}
}
