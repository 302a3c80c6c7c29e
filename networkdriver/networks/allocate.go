package networks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/resolver"
	"github.com/enginejobs/docker/pkg/netns"
)

// Request asks for an endpoint of a container on a network.
type Request struct {
	networkdriver.InterfaceRequest
	Network  string            // name or id; empty: that of those who ask for none
	Sandbox  string            // path of the namespace of a container that runs
	Priority int               // the endpoint with the greatest leads to the outside
	Names    []string          // under which others on the network find it
	Links    map[string]string // alias → name, for this container alone
	Resolver resolver.Config   // for its name server
	Sysctls  []string          // net.X.Y.IFNAME.Z=V, of the interface
	Keep     bool              // the addresses are those of an earlier run, which others will do for
}

// Endpoint is a place on a network.
type Endpoint struct {
	networkdriver.Interface
	NetworkID, NetworkName string
	InterfaceName          string // in the container
}

// endpoint is what a container has of one network.
type endpoint struct {
	network  *network
	iface    networkdriver.Interface
	name     string
	priority int
	links    map[string]string
}

// Allocate puts a container on a network.
func (m *Manager) Allocate(ctx context.Context, req Request) (*Endpoint, error) {
	if req.Network == "" {
		req.Network = Bridge
	}
	n, err := m.find(req.Network)
	if err != nil {
		return nil, err
	}
	if !n.bridged() {
		return nil, errdefs.InvalidArgument("containers do not get an interface of network %s", n.def.Name)
	}
	if err := n.fixed(req); err != nil {
		return nil, err
	}
	e := &endpoint{network: n, priority: req.Priority, links: req.Links}
	s, err := m.begin(n, req.ID, e)
	if err != nil {
		return nil, err
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := m.join(ctx, s, e, req); err != nil {
		m.forget(n, req.ID)
		return nil, err
	}
	return &Endpoint{Interface: e.iface, NetworkID: n.def.ID, NetworkName: n.def.Name, InterfaceName: e.name}, nil
}

// fixed refuses an address of the user's choice on a network whose own he did
// not choose.
func (n *network) fixed(req Request) error {
	if req.Restore || req.Keep || n.standard() {
		return nil
	}
	for _, wish := range []netip.Addr{req.IP, req.IPv6} {
		if !wish.IsValid() {
			continue
		}
		for _, p := range n.def.IPAM.Config {
			if own, err := netip.ParsePrefix(p.Subnet); err == nil && own.Contains(wish) && p.Chosen {
				return errdefs.InvalidArgument("user specified IP address is supported only when connecting to networks with user configured subnets")
			}
		}
	}
	return nil
}

// begin notes the endpoint, and the container if it is its first.
func (m *Manager) begin(n *network, id string, e *endpoint) (*sandbox, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return nil, errdefs.Unavailable("the networks are shut down")
	case m.networks[n.def.ID] != n: // it was removed meanwhile
		return nil, networkdriver.NoNetwork(n.def.Name)
	case n.busy:
		return nil, errdefs.Conflict("network %s is being made or removed", n.def.Name)
	case n.users[id] != nil:
		return nil, errdefs.Conflict("container %s has an interface already on network %s", id, n.def.Name)
	}
	s := m.sandboxes[id]
	if s == nil {
		s = &sandbox{id: id}
		m.sandboxes[id] = s
	}
	s.begun++
	n.users[id] = e
	return s, nil
}

// forget undoes begin.
func (m *Manager) forget(n *network, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(n.users, id)
	s := m.sandboxes[id]
	if s.begun--; s.begun == 0 {
		delete(m.sandboxes, id)
	}
}

// join makes the endpoint.
func (m *Manager) join(ctx context.Context, s *sandbox, e *endpoint, req Request) (err error) {
	real, err := e.network.open(ctx, m.driver)
	if err != nil {
		return err
	}
	if req.Sandbox != "" && s.ns == nil {
		if s.ns, err = netns.Open(req.Sandbox); err != nil {
			return err
		}
	}
	ask := req.InterfaceRequest
	if err := s.nameInterface(e, &ask); err != nil {
		s.closeIfEmpty(true)
		return err
	}
	first := s.ns == nil && len(s.endpoints) == 0
	ask.Namespace = s.ns
	if ask.Restore {
		ask.Namespace = nil
	}
	ask.Gateway = first && !e.network.def.Internal
	iface, err := real.Allocate(ctx, ask)
	if req.Keep && !req.Restore && (errdefs.IsConflict(err) || errdefs.Is(err, errdefs.KindInvalidArgument)) {
		ask.IP, ask.IPv6 = netip.Addr{}, netip.Addr{} // somebody else has it now
		iface, err = real.Allocate(ctx, ask)
	}
	if err != nil {
		s.closeIfEmpty(!first)
		return e.network.exhausted(err)
	}
	e.iface, e.name = *iface, ask.Name
	if iface.Namespace != nil {
		s.ns = iface.Namespace
	}
	e.iface.Namespace = nil
	s.endpoints = append(s.endpoints, e)
	switch {
	case ask.Restore: // the routes are as they were
		s.out = s.best()
	case ask.Gateway:
		s.out = e.out()
	}
	if len(s.ports) > 0 {
		m.moving.Lock()
		defer m.moving.Unlock()
	}
	if err := m.settle(ctx, s, e, req); err != nil {
		undo := errors.Join(m.leave(ctx, s, e, !first), s.choose(ctx))
		s.closeIfEmpty(!first)
		return errors.Join(err, undo)
	}
	return nil
}

// settle does what comes behind the interface: the way out, names, name server.
func (m *Manager) settle(ctx context.Context, s *sandbox, e *endpoint, req Request) error {
	if !req.Restore {
		if err := setSysctls(s.ns, e.name, req.Sysctls); err != nil {
			return err
		}
		if err := s.choose(ctx); err != nil {
			return err
		}
	}
	if z := e.network.zone; z != nil {
		v4, _ := netip.ParseAddr(e.iface.IP)
		v6, _ := netip.ParseAddr(e.iface.GlobalIPv6)
		z.Set(req.ID, req.Names, v4, v6)
	}
	return s.serveNames(req.Resolver)
}

// Rename gives a container other names on a network.
func (m *Manager) Rename(ref, id string, names []string) error {
	n, err := m.find(ref)
	if err != nil {
		return err
	}
	m.mu.Lock()
	s, e := m.sandboxes[id], n.users[id]
	m.mu.Unlock()
	if e == nil {
		return errdefs.NotFound("container %s is not on network %s", id, n.def.Name)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if !slices.Contains(s.endpoints, e) { // it came or went meanwhile
		return errdefs.NotFound("container %s is not on network %s", id, n.def.Name)
	}
	if n.zone != nil {
		v4, _ := netip.ParseAddr(e.iface.IP)
		v6, _ := netip.ParseAddr(e.iface.GlobalIPv6)
		n.zone.Set(id, names, v4, v6)
	}
	return nil
}

// Release takes a container off a network, or off all when ref is empty. running
// tells that it goes on without it, so that its interface has to go.
func (m *Manager) Release(ctx context.Context, ref, id string, running bool) error {
	m.mu.Lock()
	s := m.sandboxes[id]
	m.mu.Unlock()
	if s == nil {
		return networkdriver.NoInterface(id)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	var list []*endpoint
	if ref == "" {
		list = slices.Clone(s.endpoints)
	} else {
		n, err := m.find(ref)
		if err != nil {
			return err
		}
		for _, e := range s.endpoints {
			if e.network == n {
				list = append(list, e)
			}
		}
	}
	if len(list) == 0 {
		return networkdriver.NoInterface(id)
	}
	if running && len(s.ports) > 0 {
		m.moving.Lock()
		defer m.moving.Unlock()
	}
	var errs []error
	for _, e := range list {
		errs = append(errs, m.leave(ctx, s, e, running))
		m.forget(e.network, id)
	}
	if running {
		errs = append(errs, s.choose(ctx))
	}
	if s.out.ports() == nil {
		s.ports = nil // who publishes them again asks for them again
	}
	s.closeIfEmpty(running)
	return errors.Join(errs...)
}

// leave undoes join.
func (m *Manager) leave(ctx context.Context, s *sandbox, e *endpoint, running bool) error {
	if z := e.network.zone; z != nil {
		z.Remove(s.id)
	}
	s.endpoints = slices.DeleteFunc(s.endpoints, func(other *endpoint) bool { return other == e })
	s.out = s.out.without(e)
	s.tellZones()
	req := networkdriver.ReleaseRequest{ID: s.id, Name: e.name}
	if running {
		req.Namespace = s.ns
	}
	if err := e.network.real.Release(ctx, req); err != nil {
		return fmt.Errorf("leaving network %s: %w", e.network.def.Name, err)
	}
	return nil
}
