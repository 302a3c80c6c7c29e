package networks

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/ipam"
	"github.com/enginejobs/docker/pkg/names"
)

// Create makes a network; its definition is on disk before the bridge is there,
// so that nothing of it is ever without an owner.
func (m *Manager) Create(ctx context.Context, def networkdriver.Definition) (networkdriver.Definition, error) {
	if err := m.check(&def); err != nil {
		return def, err
	}
	def.ID, def.Created = newID(), now()
	n := &network{def: def, users: make(map[string]*endpoint), busy: true, fresh: true}
	if err := m.reserve(n); err != nil {
		return def, err
	}
	err := m.make(ctx, n)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		delete(m.networks, n.def.ID)
		delete(m.names, n.def.Name)
		return def, err
	}
	n.busy, n.fresh = false, false
	return n.def, nil
}

// reserve takes the name. Names are unique here, which they are not in every
// engine: two of one name are of no use to anybody.
func (m *Manager) reserve(n *network) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return errdefs.Unavailable("the networks are shut down")
	case m.names[n.def.Name] != nil:
		return errdefs.Conflict("network with name %s already exists", n.def.Name)
	}
	m.names[n.def.Name], m.networks[n.def.ID] = n, n
	return nil
}

// make completes the definition, stores it and makes the network real.
func (m *Manager) make(ctx context.Context, n *network) (err error) {
	if n.def.ConfigOnly {
		return m.store.write(n.def)
	}
	if err := m.addresses(n); err != nil {
		return errors.Join(err, n.free())
	}
	err = m.driver.Settle(&n.def)
	if err == nil {
		err = m.store.write(n.def)
	}
	if err == nil {
		n.names()
		_, err = n.open(ctx, m.driver)
	}
	if err != nil {
		return errors.Join(err, m.store.remove(n.def.ID), n.free())
	}
	return nil
}

// addresses chooses what the user left out: a subnet of each family, a gateway.
func (m *Manager) addresses(n *network) error {
	wishes := n.def.IPAM.Config
	if n.def.EnableIPv4 && !has(wishes, false) {
		wishes = append(wishes, networkdriver.Pool{})
	}
	n.def.IPAM.Config = nil
	for _, wish := range wishes {
		v6 := strings.Contains(wish.Subnet, ":")
		c, err := poolConfig(wish)
		if err != nil {
			return err
		}
		if v6 && n.v6 != nil || !v6 && n.v4 != nil {
			return errdefs.InvalidArgument("network %s: only one subnet of each family is supported", n.def.Name)
		}
		s, err := m.pools.Request(c, v6, m.hostNetworks)
		if err != nil {
			return err
		}
		n.add(s)
		n.def.IPAM.Config = append(n.def.IPAM.Config, settled(s, wish))
	}
	if !n.def.EnableIPv6 || n.v6 != nil {
		return nil
	}
	s, err := m.pools.Request(ipam.Config{}, true, m.hostNetworks)
	if err != nil {
		return err
	}
	n.add(s)
	n.def.IPAM.Config = append(n.def.IPAM.Config, settled(s, networkdriver.Pool{}))
	return nil
}

// has tells whether a subnet of the family is wished. One without a subnet is
// of IPv4.
func has(wishes []networkdriver.Pool, v6 bool) bool {
	for _, w := range wishes {
		if strings.Contains(w.Subnet, ":") == v6 {
			return true
		}
	}
	return false
}

// check refuses what no network can be, and takes over what a template says.
func (m *Manager) check(def *networkdriver.Definition) error {
	if def.Name == "" || !names.Only(def.Name[:1], "") || !names.Only(def.Name, "_.-") {
		return errdefs.InvalidArgument("invalid network name: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, not %q", def.Name)
	}
	if Predefined(def.Name) || def.Name == "default" {
		return errdefs.Forbidden("operation is not permitted on predefined %s network ", def.Name)
	}
	if err := m.template(def); err != nil {
		return err
	}
	if def.Driver == "" {
		def.Driver = Bridge
	}
	switch def.Driver {
	case Bridge:
	case "host", "null":
		return errdefs.Forbidden("only one instance of \"%s\" network is allowed", def.Driver)
	case "overlay":
		return errdefs.Unavailable(`This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`)
	default:
		return errdefs.NotFound("could not find plugin %s in v1 plugin registry: plugin not found", def.Driver)
	}
	if d := def.IPAM.Driver; d != "" && d != "default" {
		return errdefs.NotFound("could not find plugin %s in v1 plugin registry: plugin not found", d)
	}
	def.IPAM.Driver = "default"
	if def.Ingress {
		return errdefs.InvalidArgument("network %s: an ingress network needs a swarm", def.Name)
	}
	for _, p := range def.IPAM.Config {
		if strings.Contains(p.Subnet, ":") && !def.EnableIPv6 {
			return errdefs.InvalidArgument("invalid subnet %s: enable IPv6 for network %s", p.Subnet, def.Name)
		}
	}
	if !def.EnableIPv4 && !def.EnableIPv6 {
		return errdefs.InvalidArgument("IPv4 or IPv6 must be enabled")
	}
	return nil
}

// template copies the settings of a network that is there for that.
func (m *Manager) template(def *networkdriver.Definition) error {
	if def.ConfigFrom == "" {
		return nil
	}
	if def.ConfigOnly {
		return errdefs.InvalidArgument("a configuration network cannot be made from another one")
	}
	if len(def.IPAM.Config) > 0 || len(def.Options) > 0 || def.Internal {
		return errdefs.InvalidArgument("user specified configurations are not supported if the network depends on a configuration network")
	}
	from, err := m.find(def.ConfigFrom)
	if err != nil {
		return err
	}
	if !from.def.ConfigOnly {
		return errdefs.InvalidArgument("network %s is not a configuration network", def.ConfigFrom)
	}
	def.IPAM, def.Options, def.Internal = from.def.IPAM, from.def.Options, from.def.Internal
	def.EnableIPv4, def.EnableIPv6 = from.def.EnableIPv4, from.def.EnableIPv6
	return nil
}

// Remove deletes a network that nobody is on. Its definition goes last: a crash
// before leaves a network that can be removed again.
func (m *Manager) Remove(ctx context.Context, ref string) (networkdriver.Definition, error) {
	n, err := m.find(ref)
	if err != nil {
		return networkdriver.Definition{}, err
	}
	if Predefined(n.def.Name) {
		return n.def, errdefs.Forbidden("%s is a pre-defined network and cannot be removed", n.def.Name)
	}
	if err := m.claim(n); err != nil {
		return n.def, err
	}
	err = n.end(ctx, m.driver)
	if err == nil {
		err = errors.Join(m.store.remove(n.def.ID), n.free())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n.busy = false
	if err == nil {
		delete(m.networks, n.def.ID)
		delete(m.names, n.def.Name)
	}
	return n.def, err
}

// claim makes a network that nobody is on unavailable.
func (m *Manager) claim(n *network) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.networks[n.def.ID] != n: // it was removed meanwhile
		return networkdriver.NoNetwork(n.def.Name)
	case len(n.users) > 0:
		return errdefs.Forbidden("error while removing network: network %s id %s has active endpoints", n.def.Name, n.def.ID)
	case n.busy:
		return errdefs.Conflict("network %s is being made or removed", n.def.Name)
	}
	for _, other := range m.networks {
		if n.def.ConfigOnly && other.def.ConfigFrom == n.def.Name {
			return errdefs.Forbidden("configuration network %q is in use", n.def.Name)
		}
	}
	n.busy = true
	return nil
}

// Overlap tells which subnet of a definition the host knows another way to; empty
// when none. Where the user names a bridge, its own network is no surprise.
func (m *Manager) Overlap(def networkdriver.Definition) string {
	chosen := func(p networkdriver.Pool) bool { return p.Subnet != "" }
	if def.Options[networkdriver.OptionBridgeName] != "" || !slices.ContainsFunc(def.IPAM.Config, chosen) {
		return "" // what the manager chooses overlaps with nothing
	}
	routes, _, err := m.hostNetworks()
	if err != nil {
		return "" // nobody can tell
	}
	for _, p := range def.IPAM.Config {
		subnet, err := netip.ParsePrefix(p.Subnet)
		if err != nil {
			continue // said by Create
		}
		for _, r := range routes {
			if r.Bits() > 0 && r.Overlaps(subnet) {
				return "subnet " + p.Subnet + " overlaps with " + r.String() + ", which the host knows another way to: " +
					"what is there may be out of reach now"
			}
		}
	}
	return ""
}
