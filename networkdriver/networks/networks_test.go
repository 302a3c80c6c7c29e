package networks_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/networks"
	"github.com/enginejobs/docker/networkdriver/null"
)

// world is a manager whose driver keeps books only.
type world struct {
	*networks.Manager
	t    testing.TB
	root string

	mu       sync.Mutex // guards warnings
	warnings []string
}

func (w *world) warn(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.warnings = append(w.warnings, fmt.Sprintf(format, args...))
}

// warned tells whether a warning holds all of the words.
func (w *world) warned(words ...string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.warnings {
		missing := false
		for _, word := range words {
			missing = missing || !strings.Contains(text, word)
		}
		if !missing {
			return true
		}
	}
	return false
}

// open starts a manager on a directory. The pools are ones that no host has.
func open(t testing.TB, root string, kind networks.Kind) *world {
	t.Helper()
	w := &world{t: t, root: root}
	cfg := networkdriver.Config{
		Root: root, Bridge: "ejtnull", BridgeIP: netip.MustParsePrefix("10.201.0.1/24"), InterContainerCommunication: true,
		AddressPools: []string{"base=10.202.0.0/16,size=24"}, DefaultBind: netip.IPv4Unspecified(),
	}
	var err error
	if w.Manager, err = networks.Open(t.Context(), cfg, kind, w.warn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close(context.WithoutCancel(t.Context())) }) // most tests have looked at it already
	return w
}

// crash leaves a manager as a killed process would and opens its successor: what
// is closed here never touches the definitions.
func (w *world) crash() *world {
	w.t.Helper()
	if err := w.Close(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	return open(w.t, w.root, null.Kind{})
}

func (w *world) create(name string, change func(*networkdriver.Definition)) networkdriver.Definition {
	w.t.Helper()
	def := networkdriver.Definition{Name: name, EnableIPv4: true}
	if change != nil {
		change(&def)
	}
	def, err := w.Create(w.t.Context(), def)
	if err != nil {
		w.t.Fatal(err)
	}
	return def
}

func (w *world) join(id, network string, change func(*networks.Request)) *networks.Endpoint {
	w.t.Helper()
	e, err := w.tryJoin(id, network, change)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) tryJoin(id, network string, change func(*networks.Request)) (*networks.Endpoint, error) {
	req := networks.Request{Network: network, InterfaceRequest: networkdriver.InterfaceRequest{ID: id}, Names: []string{id}}
	if change != nil {
		change(&req)
	}
	return w.Allocate(w.t.Context(), req)
}

func (w *world) names() (list []string) {
	for _, def := range w.List() {
		list = append(list, def.Name)
	}
	return list
}

// files lists the definitions that are stored.
func (w *world) files() []string {
	w.t.Helper()
	list, err := filepath.Glob(filepath.Join(w.root, "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func wantKind(t testing.TB, err error, kind errdefs.Kind, text string) {
	t.Helper()
	if !errdefs.Is(err, kind) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %v with %q", err, kind, text)
	}
}

func subnets(list ...string) func(*networkdriver.Definition) {
	return func(def *networkdriver.Definition) {
		for _, s := range list {
			def.IPAM.Config = append(def.IPAM.Config, networkdriver.Pool{Subnet: s})
			def.EnableIPv6 = def.EnableIPv6 || strings.Contains(s, ":")
		}
	}
}

func TestCreateAndRemove(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	before := w.files()
	def := w.create("front", nil)
	if len(def.ID) != 64 || def.Driver != "bridge" || def.IPAM.Config[0].Subnet != "10.202.0.0/24" || def.IPAM.Config[0].Gateway != "10.202.0.1" {
		t.Errorf("made %+v", def)
	}
	for _, ref := range []string{"front", def.ID, def.ID[:12]} {
		if got, err := w.Find(ref); err != nil || got.ID != def.ID {
			t.Errorf("%s: %+v, %v", ref, got, err)
		}
	}
	if got := fmt.Sprint(w.names()); got != "[bridge front host none]" {
		t.Errorf("list: %s", got)
	}
	_, err := w.Create(t.Context(), networkdriver.Definition{Name: "front", EnableIPv4: true})
	wantKind(t, err, errdefs.KindConflict, "network with name front already exists")
	w.join("c1", "front", nil)
	_, err = w.Remove(t.Context(), "front")
	wantKind(t, err, errdefs.KindForbidden, "has active endpoints")
	if err := w.Release(t.Context(), "", "c1", false); err != nil {
		t.Error(err)
	}
	if _, err = w.Remove(t.Context(), def.ID[:12]); err != nil {
		t.Error(err)
	}
	_, err = w.Remove(t.Context(), "front")
	wantKind(t, err, errdefs.KindNotFound, "network front not found")
	if after := w.files(); len(after) != len(before) {
		t.Errorf("files %q, before %q", after, before)
	}
	// The subnet is free again.
	if again := w.create("again", subnets("10.202.0.0/24")); again.ID == def.ID {
		t.Error("two networks of one id")
	}
	_, err = w.Remove(t.Context(), "")
	wantKind(t, err, errdefs.KindNotFound, "")
}

func TestRefused(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	w.create("taken", subnets("10.202.9.0/24"))
	for _, tc := range []struct {
		kind errdefs.Kind
		text string
		def  networkdriver.Definition
	}{
		{errdefs.KindInvalidArgument, "invalid network name", networkdriver.Definition{Name: "no/slash"}},
		{errdefs.KindInvalidArgument, "invalid network name", networkdriver.Definition{}},
		{errdefs.KindForbidden, "predefined", networkdriver.Definition{Name: "host"}},
		{errdefs.KindForbidden, "predefined", networkdriver.Definition{Name: "bridge"}},
		{errdefs.KindForbidden, "only one instance", networkdriver.Definition{Name: "x", Driver: "host"}},
		{errdefs.KindForbidden, "only one instance", networkdriver.Definition{Name: "x", Driver: "null"}},
		{errdefs.KindNotFound, "could not find plugin weave", networkdriver.Definition{Name: "x", Driver: "weave"}},
		{errdefs.KindNotFound, "could not find plugin dhcp", networkdriver.Definition{Name: "x", IPAM: networkdriver.IPAM{Driver: "dhcp"}}},
		{errdefs.KindInvalidArgument, "swarm", networkdriver.Definition{Name: "x", Ingress: true}},
		{errdefs.KindInvalidArgument, "enable IPv6", networkdriver.Definition{Name: "x", IPAM: pool("fd77::/64", "", "")}},
		{errdefs.KindInvalidArgument, "invalid subnet", networkdriver.Definition{Name: "x", IPAM: pool("10.202.8.0", "", "")}},
		{errdefs.KindInvalidArgument, "invalid ip-range", networkdriver.Definition{Name: "x", IPAM: pool("10.202.8.0/24", "oops", "")}},
		{errdefs.KindInvalidArgument, "invalid gateway", networkdriver.Definition{Name: "x", IPAM: pool("10.202.8.0/24", "", "here")}},
		{errdefs.KindForbidden, "Pool overlaps", networkdriver.Definition{Name: "x", IPAM: pool("10.202.9.128/25", "", "")}},
		{errdefs.KindNotFound, "network nothing not found", networkdriver.Definition{Name: "x", ConfigFrom: "nothing"}},
		{errdefs.KindInvalidArgument, "is not a configuration network", networkdriver.Definition{Name: "x", ConfigFrom: "taken"}},
	} {
		tc.def.EnableIPv4 = true
		_, err := w.Create(t.Context(), tc.def)
		wantKind(t, err, tc.kind, tc.text)
	}
	_, err := w.Create(t.Context(), networkdriver.Definition{Name: "x"})
	wantKind(t, err, errdefs.KindInvalidArgument, "IPv4 or IPv6 must be enabled")
	for _, name := range []string{"bridge", "host", "none"} {
		_, err := w.Remove(t.Context(), name)
		wantKind(t, err, errdefs.KindForbidden, "is a pre-defined network and cannot be removed")
	}
	if got := fmt.Sprint(w.names()); got != "[bridge host none taken]" {
		t.Errorf("left: %s", got)
	}
	if n := len(w.files()); n != 4 {
		t.Errorf("%d definitions are stored", n)
	}
	// What was refused holds no subnet and no name.
	w.create("x", subnets("10.202.8.0/24"))
}

func pool(subnet, part, gateway string) networkdriver.IPAM {
	return networkdriver.IPAM{Config: []networkdriver.Pool{{Subnet: subnet, IPRange: part, Gateway: gateway}}}
}

func TestTemplates(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	w.create("shape", func(def *networkdriver.Definition) {
		subnets("10.202.20.0/24")(def)
		def.ConfigOnly, def.Internal, def.Options = true, true, map[string]string{"com.docker.network.driver.mtu": "1300"}
	})
	real := w.create("real", func(def *networkdriver.Definition) { def.ConfigFrom = "shape" })
	if mtu, err := real.MTU(); err != nil || mtu != 1300 || !real.Internal || real.IPAM.Config[0].Subnet != "10.202.20.0/24" {
		t.Errorf("made %+v, %v", real, err)
	}
	_, err := w.tryJoin("c", "shape", nil)
	wantKind(t, err, errdefs.KindInvalidArgument, "shape")
	_, err = w.Remove(t.Context(), "shape")
	wantKind(t, err, errdefs.KindForbidden, `configuration network "shape" is in use`)
	w = w.crash()
	if got := fmt.Sprint(w.names()); got != "[bridge host none real shape]" {
		t.Errorf("list: %s", got)
	}
	for _, name := range []string{"real", "shape"} {
		if _, err := w.Remove(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
}

func TestAdoptedFromDisk(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	before := map[string]networkdriver.Definition{}
	w.create("six", subnets("10.202.30.0/24", "fd77:1::/64"))
	w.create("chosen", func(def *networkdriver.Definition) {
		def.EnableIPv6, def.Labels = true, map[string]string{"who": "me"}
	})
	for _, def := range w.List() {
		before[def.Name] = def
	}
	for range 2 {
		w = w.crash()
		for _, def := range w.List() {
			if b := before[def.Name]; fmt.Sprint(def) != fmt.Sprint(b) {
				t.Errorf("%s was\n%+v and is\n%+v", def.Name, b, def)
			}
		}
		if len(w.List()) != len(before) {
			t.Errorf("list: %v", w.names())
		}
	}
	// A container that runs keeps its addresses, nobody else gets them.
	kept := func(r *networks.Request) {
		r.Restore, r.IP, r.IPv6 = true, netip.MustParseAddr("10.202.30.2"), netip.MustParseAddr("fd77:1::2")
	}
	if e := w.join("old", "six", kept); e.IP != "10.202.30.2" || e.GlobalIPv6 != "fd77:1::2" {
		t.Errorf("restored %+v", e)
	}
	if e := w.join("new", "six", nil); e.IP == "10.202.30.2" || e.GlobalIPv6 == "fd77:1::2" {
		t.Errorf("given twice: %+v", e)
	}
	// One that does not run any more may have them, or others.
	wish := func(r *networks.Request) { r.Keep, r.IP = true, netip.MustParseAddr("10.202.30.2") }
	if e := w.join("late", "six", wish); e.IP == "10.202.30.2" {
		t.Errorf("given twice: %+v", e)
	}
	if len(w.warnings) > 0 {
		t.Errorf("warned %q", w.warnings)
	}
}

func TestBrokenDefinitions(t *testing.T) {
	w := open(t, t.TempDir(), null.Kind{})
	good := w.create("good", nil)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(w.root, good.ID+".json"))
	if err != nil {
		t.Fatal(err)
	}
	id := func(c string) string { return strings.Repeat(c, 64) }
	write := map[string]string{
		id("a") + ".json": "",
		id("b") + ".json": string(text[:len(text)/2]),
		id("c") + ".json": string(text), // a copy under another name
		id("d") + ".json": strings.ReplaceAll(string(text), good.ID, id("d")),
		id("e") + ".json": strings.ReplaceAll(strings.ReplaceAll(string(text), good.ID, id("e")), `"good"`, `"overlapping"`),
		id("f") + ".json": strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(string(text), good.ID, id("f")), `"good"`, `"odd"`), "10.202.0.0/24", "ten"),
		"notes.txt":       "not ours",
	}
	for name, text := range write {
		if err := os.WriteFile(filepath.Join(w.root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w = open(t, w.root, null.Kind{})
	for _, words := range [][]string{{id("a")}, {id("b")}, {id("c"), "another network"}, {"overlapping"}, {"odd", "subnet"}} {
		if !w.warned(words...) {
			t.Errorf("no warning with %q: %q", words, w.warnings)
		}
	}
	// Of two networks with one subnet or name, one is there.
	if n := len(w.List()); n != 4 {
		t.Errorf("list: %v\n%q", w.names(), w.warnings)
	}
	for name, text := range write {
		if got, err := os.ReadFile(filepath.Join(w.root, name)); err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
