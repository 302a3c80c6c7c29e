// Package portmapper publishes ports of containers at the host: it draws the
// host port, holds it against other programs, and has the firewall redirect
// it, all three or none. A Mapper is a value with its own lock; it owns the
// sockets that hold the ports. Start reading at Mapper.Map. What a held port
// does, and what a firewall is, its user says; it imports errdefs and
// portallocator only.
package portmapper

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver/portallocator"
)

// attempts is how often another port is drawn when other programs hold those
// drawn before.
const attempts = 10

// Mapping is one published port.
type Mapping struct {
	Network   string // where the container is, for the firewall
	Proto     string
	Host      netip.AddrPort
	Container netip.AddrPort
}

// Redirected tells whether the kernel can serve a mapping: one between families
// only a proxy can.
func (m Mapping) Redirected() bool { return m.Host.Addr().Is4() == m.Container.Addr().Is4() }

// Request asks for a mapping. First and Last are the host ports that will do;
// 0 and 0 leave the choice to the allocator.
type Request struct {
	Network     string
	Proto       string
	HostIP      netip.Addr
	First, Last uint16
	Container   netip.AddrPort
}

// Firewall redirects ports in the kernel.
type Firewall interface {
	AddPort(m Mapping) error
	RemovePorts(list []Mapping) error
}

// Mapper publishes ports.
type Mapper struct {
	ports    *portallocator.Allocator
	firewall Firewall
	hold     func(Mapping) (io.Closer, error)

	mu   sync.Mutex // guards held; not kept during calls
	held map[Mapping]io.Closer
}

// New makes a mapper. hold binds the host port of a mapping until the closer
// it returns is closed; it may return nil when there is nothing to hold.
func New(ports *portallocator.Allocator, firewall Firewall, hold func(Mapping) (io.Closer, error)) *Mapper {
	return &Mapper{ports: ports, firewall: firewall, hold: hold, held: make(map[Mapping]io.Closer)}
}

// Map publishes a port. A port that was asked for by number is tried once; of
// a range each one is tried; otherwise up to ten are drawn.
func (m *Mapper) Map(ctx context.Context, req Request) (Mapping, error) {
	tries := attempts
	if req.First != 0 {
		tries = int(req.Last) - int(req.First) + 1
	}
	from := req.First
	var failed error
	for range tries {
		if err := ctx.Err(); err != nil {
			return Mapping{}, err
		}
		port, err := m.draw(req, from)
		if err != nil {
			if failed != nil {
				return Mapping{}, failed
			}
			return Mapping{}, err
		}
		mapping := Mapping{req.Network, req.Proto, netip.AddrPortFrom(req.HostIP, port), req.Container}
		bound, err := m.publish(mapping)
		if err == nil {
			return mapping, nil
		}
		m.ports.Release(req.HostIP, req.Proto, port)
		if bound {
			return Mapping{}, err // the firewall refused: another port would not help
		}
		failed = errdefs.Conflict("Bind for %s failed: %w", mapping.Host, err)
		if from = port + 1; req.First != 0 && (from > req.Last || from == 0) {
			break
		}
	}
	return Mapping{}, failed
}

// draw takes one port out of the allocator.
func (m *Mapper) draw(req Request, from uint16) (uint16, error) {
	switch req.First {
	case 0:
		return m.ports.Next(req.HostIP, req.Proto)
	case req.Last:
		return req.First, m.ports.Reserve(req.HostIP, req.Proto, req.First)
	}
	return m.ports.NextIn(req.HostIP, req.Proto, from, req.Last)
}

// publish holds and redirects a port; bound tells how far it came.
func (m *Mapper) publish(mapping Mapping) (bound bool, err error) {
	socket, err := m.hold(mapping)
	if err != nil {
		return false, err
	}
	if err := m.firewall.AddPort(mapping); err != nil {
		if socket != nil {
			err = errors.Join(err, socket.Close())
		}
		return true, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held[mapping] = socket
	return true, nil
}

// Unmap takes ports back, all their rules in one transaction. Everything is
// attempted; the first errors do not keep the rest.
func (m *Mapper) Unmap(list []Mapping) error {
	if len(list) == 0 {
		return nil
	}
	errs := []error{m.firewall.RemovePorts(list)}
	for _, mapping := range list {
		m.mu.Lock()
		socket, ok := m.held[mapping]
		delete(m.held, mapping)
		m.mu.Unlock()
		if !ok {
			errs = append(errs, errdefs.NotFound("port is not mapped: %s/%s", mapping.Host, mapping.Proto))
			continue
		}
		if socket != nil {
			errs = append(errs, socket.Close())
		}
		m.ports.Release(mapping.Host.Addr(), mapping.Proto, mapping.Host.Port())
	}
	return errors.Join(errs...)
}

// Close lets go of the sockets. The redirections stay: containers that outlive
// the engine stay reachable through the kernel.
func (m *Mapper) Close() error {
	m.mu.Lock()
	held := m.held
	m.held = make(map[Mapping]io.Closer)
	m.mu.Unlock()
	var errs []error
	for _, socket := range held {
		if socket != nil {
			errs = append(errs, socket.Close())
		}
	}
	return errors.Join(errs...)
}
