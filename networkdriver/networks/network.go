package networks

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/ipam"
	"github.com/enginejobs/docker/networkdriver/resolver"
)

// network is one of them.
type network struct {
	def    networkdriver.Definition // never changes
	v4, v6 *ipam.Subnet             // nil: none of that family
	zone   *resolver.Zone           // nil: containers do not find each other by name

	opening sync.Mutex // one at a time makes or ends it
	real    networkdriver.Network
	gone    bool

	users map[string]*endpoint // by container, guarded by Manager.mu
	busy  bool                 // being made or removed, guarded by Manager.mu
	fresh bool                 // being made: nobody finds it yet, guarded by Manager.mu
}

// bridged tells whether a driver carries the network out.
func (n *network) bridged() bool { return n.def.Driver == Bridge && !n.def.ConfigOnly }

// standard tells whether it is the network of those that ask for none.
func (n *network) standard() bool { return n.def.Name == Bridge }

// names makes the network one whose containers find each other by name.
func (n *network) names() {
	if n.bridged() && !n.standard() {
		n.zone = resolver.NewZone(n.def.Name)
	}
}

func (n *network) add(s *ipam.Subnet) {
	if s.Config().Subnet.Addr().Is4() {
		n.v4 = s
	} else {
		n.v6 = s
	}
}

// free gives the pools back.
func (n *network) free() error {
	for _, s := range []*ipam.Subnet{n.v4, n.v6} {
		if s != nil {
			s.Close()
		}
	}
	return nil
}

// exhausted says in the words of clients that a network that users made has no
// address left.
func (n *network) exhausted(err error) error {
	if n.standard() || !errdefs.Is(err, errdefs.KindUnavailable) {
		return err
	}
	for family, s := range map[string]*ipam.Subnet{"IPv4": n.v4, "IPv6": n.v6} {
		if s != nil && s.Full() {
			return errdefs.Unavailable("no available %s addresses on this network's address pools: %s (%s)", family, n.def.Name, n.def.ID)
		}
	}
	return err
}

func (n *network) spec(warn networkdriver.Warn) networkdriver.Spec {
	return networkdriver.Spec{Definition: n.def, V4: subnet(n.v4), V6: subnet(n.v6), Warn: warn}
}

func subnet(s *ipam.Subnet) *networkdriver.Subnet {
	if s == nil {
		return nil
	}
	c := s.Config()
	return &networkdriver.Subnet{Network: c.Subnet, Gateway: c.Gateway, Addresses: s}
}

// open makes the network real, once.
func (n *network) open(ctx context.Context, driver networkdriver.Driver) (networkdriver.Network, error) {
	n.opening.Lock() // the one lock that waits for a driver: that is what it is for
	defer n.opening.Unlock()
	switch {
	case n.real != nil:
		return n.real, nil
	case n.gone:
		return nil, errdefs.Unavailable("network %s is being removed", n.def.Name)
	}
	real, err := driver.Open(ctx, n.spec(nil))
	if err == nil {
		n.real = real
	}
	return real, err
}

// end takes the network from the host.
func (n *network) end(ctx context.Context, driver networkdriver.Driver) error {
	if n.bridged() {
		if _, err := n.open(ctx, driver); err != nil { // so that there is something that can be deleted
			return err
		}
	}
	n.opening.Lock()
	defer n.opening.Unlock()
	if n.real != nil {
		if err := n.real.Delete(ctx); err != nil {
			return err
		}
	}
	n.real, n.gone = nil, true
	return nil
}

func (n *network) close(ctx context.Context) error {
	n.opening.Lock()
	defer n.opening.Unlock()
	n.gone = true
	if n.real == nil {
		return nil
	}
	return n.real.Close(ctx)
}

// poolConfig reads one subnet of a definition.
func poolConfig(p networkdriver.Pool) (c ipam.Config, err error) {
	var errs []error
	network := func(what, text string) (out netip.Prefix) {
		if text == "" {
			return out
		}
		out, err := netip.ParsePrefix(text)
		if err != nil {
			errs = append(errs, errdefs.InvalidArgument("invalid %s %s: invalid CIDR block notation", what, text))
		}
		return out
	}
	addr := func(what, text string) (out netip.Addr) {
		if text == "" {
			return out
		}
		out, err := netip.ParseAddr(text)
		if err != nil {
			errs = append(errs, errdefs.InvalidArgument("invalid %s %s: invalid address", what, text))
		}
		return out.Unmap()
	}
	c.Subnet, c.Range = network("subnet", p.Subnet), network("ip-range", p.IPRange)
	c.Gateway = addr("gateway address", p.Gateway)
	for name, text := range p.AuxAddress {
		if c.Aux == nil {
			c.Aux = make(map[string]netip.Addr, len(p.AuxAddress))
		}
		c.Aux[name] = addr("auxiliary address", text)
	}
	return c, errors.Join(errs...)
}

// settled is a wish with what was chosen.
func settled(s *ipam.Subnet, wish networkdriver.Pool) networkdriver.Pool {
	c := s.Config()
	wish.Chosen = wish.Chosen || wish.Subnet == ""
	wish.Subnet, wish.Gateway = c.Subnet.String(), c.Gateway.String()
	return wish
}
