package networks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// leads tells whether an endpoint should lead to the outside rather than the one
// that does: by priority, then by name, as clients expect.
func (s *sandbox) leads(e *endpoint) bool {
	if e.network.def.Internal {
		return false
	}
	now := s.gateway
	if now == nil || now == e || e.priority != now.priority {
		return now == nil || now == e || e.priority > now.priority
	}
	return strings.Compare(e.network.def.Name, now.network.def.Name) < 0
}

// choose makes the best endpoint the one that leads to the outside, with the
// default routes and the published ports.
func (s *sandbox) choose(ctx context.Context) error {
	before := s.gateway
	for _, e := range s.endpoints {
		if s.leads(e) {
			s.gateway = e
		}
	}
	if s.gateway == before || s.gateway == nil {
		return nil
	}
	if e := s.gateway; s.ns == nil {
		// Without a namespace there are no routes, but there may be ports.
	} else if err := routeBy(s.ns, e.name, e.iface.Gateway, e.iface.IPv6Gateway); err != nil {
		return fmt.Errorf("leading %s out by network %s: %w", s.id, e.network.def.Name, err)
	}
	return s.movePorts(ctx, before)
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
		_, err := s.gateway.network.real.AllocatePort(ctx, p)
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
	if s.gateway == nil {
		return networkdriver.PublishedPort{}, nil
	}
	m.moving.RLock()
	p, err := s.gateway.network.real.AllocatePort(ctx, req)
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
