package portmapper

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver/portallocator"
)

// world is a host: which ports other programs hold, which are held by us, and
// what the firewall was told.
type world struct {
	foreign map[uint16]bool
	bound   map[uint16]bool
	rules   []Mapping
	refuse  error
}

type socket struct {
	w    *world
	port uint16
}

func (s socket) Close() error { delete(s.w.bound, s.port); return nil }

func (w *world) hold(m Mapping) (io.Closer, error) {
	port := m.Host.Port()
	if w.foreign[port] {
		return nil, errors.New("address already in use")
	}
	w.bound[port] = true
	return socket{w, port}, nil
}

func (w *world) AddPort(m Mapping) error {
	if w.refuse == nil {
		w.rules = append(w.rules, m)
	}
	return w.refuse
}

func (w *world) RemovePorts(list []Mapping) error {
	w.rules = slices.DeleteFunc(w.rules, func(m Mapping) bool { return slices.Contains(list, m) })
	return nil
}

func setUp(t *testing.T, foreign ...uint16) (*Mapper, *world) {
	t.Helper()
	ports, err := portallocator.New(50000, 50030)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{foreign: map[uint16]bool{}, bound: map[uint16]bool{}}
	for _, p := range foreign {
		w.foreign[p] = true
	}
	return New(ports, w, w.hold), w
}

func request(first, last uint16) Request {
	return Request{"", "tcp", netip.IPv4Unspecified(), first, last, netip.MustParseAddrPort("10.0.0.2:80")}
}

func TestMapAndUnmap(t *testing.T) {
	m, w := setUp(t)
	ctx := context.Background()
	first, err := m.Map(ctx, request(8080, 8080))
	if err != nil || first.Host.String() != "0.0.0.0:8080" {
		t.Fatalf("got %v, %v", first, err)
	}
	_, err = m.Map(ctx, request(8080, 8080))
	if err == nil || err.Error() != "Bind for 0.0.0.0:8080 failed: port is already allocated" {
		t.Errorf("twice: %v", err)
	}
	second, err := m.Map(ctx, request(0, 0))
	if err != nil || second.Host.Port() != 50000 {
		t.Errorf("drawn: %v, %v", second, err)
	}
	if len(w.rules) != 2 || len(w.bound) != 2 {
		t.Errorf("the world: %+v", w)
	}
	if err := m.Unmap([]Mapping{first, second}); err != nil {
		t.Error(err)
	}
	if len(w.rules) != 0 || len(w.bound) != 0 {
		t.Errorf("left behind: %+v", w)
	}
	if err := m.Unmap([]Mapping{first}); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "port is not mapped") {
		t.Errorf("unmapped twice: %v", err)
	}
	if _, err := m.Map(ctx, request(8080, 8080)); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := m.Close(); err != nil || len(w.bound) != 0 || len(w.rules) != 1 {
		t.Errorf("close lets go of sockets only: %v, %+v", err, w)
	}
}

func TestForeignPrograms(t *testing.T) {
	m, w := setUp(t, 80, 50000, 50001, 8001)
	ctx := context.Background()
	if got, err := m.Map(ctx, request(0, 0)); err != nil || got.Host.Port() != 50002 {
		t.Errorf("drawn: %v, %v", got, err)
	}
	if got, err := m.Map(ctx, request(8001, 8003)); err != nil || got.Host.Port() != 8002 {
		t.Errorf("range: %v, %v", got, err)
	}
	_, err := m.Map(ctx, request(80, 80))
	if !errdefs.IsConflict(err) || err.Error() != "Bind for 0.0.0.0:80 failed: address already in use" {
		t.Errorf("explicit: %v", err)
	}
	delete(w.foreign, 80)
	if _, err := m.Map(ctx, request(80, 80)); err != nil {
		t.Errorf("the failed attempt kept the port: %v", err)
	}
	for p := uint16(50000); p <= 50030; p++ {
		w.foreign[p] = true
	}
	if _, err := m.Map(ctx, request(0, 0)); !errdefs.IsConflict(err) {
		t.Errorf("nothing to draw: %v", err)
	}
}

func TestFirewallRefuses(t *testing.T) {
	m, w := setUp(t)
	w.refuse = errors.New("no rules today")
	if _, err := m.Map(context.Background(), request(0, 0)); !errors.Is(err, w.refuse) {
		t.Errorf("got %v", err)
	}
	if len(w.bound) != 0 {
		t.Errorf("still bound: %v", w.bound)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Map(ctx, request(0, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
