package networks

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/resolver"
)

// sandbox is the network namespace of a container with all that is in it.
type sandbox struct {
	id    string
	begun int // endpoints, those that come and go included; guarded by Manager.mu

	turn      sync.Mutex // calls for one container wait for each other, drivers included; guards what follows
	ns        *os.File   // nil: nobody needs it
	endpoints []*endpoint
	out       wayOut
	ports     []networkdriver.PortRequest
	server    *resolver.Server
}

// prefix begins the names of interfaces.
func (n *network) prefix() string {
	if p := n.def.Options[networkdriver.OptionBridgePrefix]; p != "" {
		return p
	}
	return "eth"
}

// nameInterface says what the interface of an endpoint is called: what was asked
// for, the first free name, or the one that the interface of a restored endpoint
// has. That one may be missing: a daemon was killed before it had made it, or
// somebody has deleted it.
func (s *sandbox) nameInterface(e *endpoint, ask *networkdriver.InterfaceRequest) (err error) {
	switch {
	case ask.Restore && s.ns != nil:
		ask.Name, err = interfaceWith(s.ns, ask.IP, ask.IPv6)
		if err == nil && ask.Name == "" {
			err = errdefs.NotFound("container %s has no interface on network %s any more", s.id, e.network.def.Name)
		}
	case ask.Name == "":
		ask.Name = s.freeName(e.network.prefix())
	case s.has(ask.Name):
		err = errdefs.Conflict("container %s has an interface %s already", s.id, ask.Name)
	}
	return err
}

func (s *sandbox) has(name string) bool {
	return slices.ContainsFunc(s.endpoints, func(e *endpoint) bool { return e.name == name })
}

// freeName is the first name that no endpoint has.
func (s *sandbox) freeName(prefix string) string {
	for i := 0; ; i++ {
		name := prefix + strconv.Itoa(i)
		if !s.has(name) {
			return name
		}
	}
}

// serveNames starts the name server when the container comes to a network with
// names, and tells it of them.
func (s *sandbox) serveNames(cfg resolver.Config) (err error) {
	if !slices.ContainsFunc(s.endpoints, func(e *endpoint) bool { return e.network.zone != nil }) || s.ns == nil {
		return nil
	}
	if s.server == nil {
		if s.server, err = resolver.Serve(s.ns, cfg); err != nil {
			return err
		}
	}
	s.tellZones()
	return nil
}

// tellZones gives the name server the networks of the container.
func (s *sandbox) tellZones() {
	if s.server == nil {
		return
	}
	var zones []*resolver.Zone
	internal := true
	for _, e := range s.endpoints {
		internal = internal && e.network.def.Internal
		if e.network.zone == nil {
			continue
		}
		zones = append(zones, e.network.zone)
		s.server.SetAliases(e.network.zone, e.links)
	}
	s.server.SetZones(zones)
	s.server.SetInternal(internal)
}

// close lets go of the namespace, which lives as long as the container does, and
// with it the rules that lead to the name server.
func (s *sandbox) close() error {
	var errs []error
	if s.server != nil {
		errs = append(errs, s.server.Abandon())
	}
	if s.ns != nil {
		errs = append(errs, s.ns.Close())
	}
	s.server, s.ns, s.ports = nil, nil, nil
	return errors.Join(errs...)
}

// closeIfEmpty does so when the container is on no network any more. One that
// goes on without does so without the rules.
func (s *sandbox) closeIfEmpty(running bool) {
	if len(s.endpoints) > 0 {
		return
	}
	if running && s.server != nil {
		_ = s.server.Close() // they lead nowhere then
	}
	_ = s.close() // of descriptors that nobody writes to
}
