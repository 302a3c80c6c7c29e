package networks

import (
	"context"
	"errors"
	"fmt"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// wayOut is the endpoints of a container that lead to the outside, of each family;
// nil where none does.
type wayOut struct{ v4, v6 *endpoint }

// ports is where ports are published.
func (w wayOut) ports() *endpoint {
	if w.v4 != nil {
		return w.v4
	}
	return w.v6
}

func (w wayOut) without(e *endpoint) wayOut {
	if w.v4 == e {
		w.v4 = nil
	}
	if w.v6 == e {
		w.v6 = nil
	}
	return w
}

// out is the way out by one endpoint alone.
func (e *endpoint) out() (w wayOut) {
	if e.network.def.Internal {
		return w
	}
	if e.iface.Gateway != "" {
		w.v4 = e
	}
	if e.iface.IPv6Gateway != "" {
		w.v6 = e
	}
	return w
}

// best is the way out that a container should have: in each family by the
// endpoint with the greatest priority, then by name, as clients expect.
func (s *sandbox) best() (w wayOut) {
	for _, e := range s.endpoints {
		one := e.out()
		if one.v4 != nil && one.v4.before(w.v4) {
			w.v4 = e
		}
		if one.v6 != nil && one.v6.before(w.v6) {
			w.v6 = e
		}
	}
	return w
}

func (e *endpoint) before(other *endpoint) bool {
	if other == nil || e.priority != other.priority {
		return other == nil || e.priority > other.priority
	}
	return e.network.def.Name < other.network.def.Name
}

// choose makes the best way out the one that there is, with the default routes
// and the published ports.
func (s *sandbox) choose(ctx context.Context) error {
	before := s.out
	s.out = s.best()
	for _, family := range []struct {
		was, is *endpoint
		gateway func(*endpoint) string
	}{
		{before.v4, s.out.v4, func(e *endpoint) string { return e.iface.Gateway }},
		{before.v6, s.out.v6, func(e *endpoint) string { return e.iface.IPv6Gateway }},
	} {
		e := family.is
		if e == nil || e == family.was || s.ns == nil { // without a namespace there are no routes
			continue
		}
		if err := routeBy(s.ns, e.name, family.gateway(e)); err != nil {
			return fmt.Errorf("leading %s out by network %s: %w", s.id, e.network.def.Name, err)
		}
	}
	if s.out.ports() == before.ports() || s.out.ports() == nil {
		return nil
	}
	return s.movePorts(ctx, before.ports())
}

// movePorts publishes at the endpoint that leads out what was published at
// another one.
func (s *sandbox) movePorts(ctx context.Context, before *endpoint) error {
	if len(s.ports) == 0 {
		return nil
	}
	var errs []error
	if before != nil {
		errs = append(errs, before.network.real.ReleasePorts(ctx, s.id))
	}
	for _, p := range s.ports {
		_, err := s.out.ports().network.real.AllocatePort(ctx, p)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// AllocatePort publishes a port of a container, at its endpoint that leads to the
// outside. One without any publishes nothing: the answer has port 0.
func (m *Manager) AllocatePort(ctx context.Context, req networkdriver.PortRequest) (networkdriver.PublishedPort, error) {
	m.mu.Lock()
	s := m.sandboxes[req.ID]
	m.mu.Unlock()
	if s == nil {
		return networkdriver.PublishedPort{}, errdefs.NotFound("No network information to publish a port for %s", req.ID)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if len(s.endpoints) == 0 {
		return networkdriver.PublishedPort{}, errdefs.NotFound("No network information to publish a port for %s", req.ID)
	}
	if s.out.ports() == nil {
		return networkdriver.PublishedPort{}, nil
	}
	m.moving.RLock()
	p, err := s.out.ports().network.real.AllocatePort(ctx, req)
	m.moving.RUnlock()
	if err != nil || p.HostPort == 0 {
		return p, err
	}
	got, err := req.Settled(p)
	if err != nil {
		return p, err
	}
	s.ports = append(s.ports, got)
	return p, nil
}

// Link opens or closes the way between two containers of the network of those
// that ask for none.
func (m *Manager) Link(ctx context.Context, req networkdriver.LinkRequest) error {
	n, err := m.find(Bridge)
	if err != nil {
		return err
	}
	real, err := n.open(ctx, m.driver)
	if err != nil {
		return err
	}
	return real.Link(ctx, req)
}
