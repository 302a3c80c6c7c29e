// Package networks keeps the networks of an engine: what each is (one document
// per network below its root), the driver that carries it out, which containers
// are on it and under which names they find each other.
//
// A Manager owns: the documents; the address pools; for every container with an
// interface a sandbox, which is its network namespace (an open file), its
// endpoints in the order they came, the one that leads to the outside, its
// published ports and its name server. Definitions outlive the process, all
// else is told again by Restore.
//
// Locks: Manager.mu guards maps and is never held while a driver, a file or a
// socket is at work. A network that is being made or removed has its name and is
// in nobody's way; calls for one container wait for each other at its sandbox,
// which is taken before Manager.mu.
//
// Start reading at Open, then create.go, allocate.go and gateway.go. It must not
// import a driver, the bus or the daemon, and knows containers by their id only.
package networks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/ipam"
)

// Kind is how a driver comes to be.
type Kind interface {
	// Default defines the network of containers that ask for none.
	Default(ctx context.Context, cfg networkdriver.Config, warn networkdriver.Warn) (networkdriver.Definition, error)
	// New makes the driver; known are the networks of its kind that exist.
	New(ctx context.Context, cfg networkdriver.Config, known []networkdriver.Spec, warn networkdriver.Warn) (networkdriver.Driver, error)
}

// The networks that are always there.
const (
	Bridge = "bridge"
	Host   = "host"
	None   = "none"
)

// Predefined tells whether nobody can make or remove a network of the name.
func Predefined(name string) bool { return name == Bridge || name == Host || name == None }

// Manager keeps networks.
type Manager struct {
	cfg    networkdriver.Config
	store  *store
	pools  *ipam.Pools
	driver networkdriver.Driver
	warn   networkdriver.Warn
	tasks  sync.WaitGroup
	stop   context.CancelFunc

	// moving is held by who takes ports from one network to another: meanwhile
	// nobody else publishes, who could be given one of them.
	moving sync.RWMutex

	mu        sync.Mutex // guards what follows
	networks  map[string]*network
	names     map[string]*network
	sandboxes map[string]*sandbox
	closed    bool
}

// Open reads the definitions, makes the predefined networks and gets the others
// ready behind the scenes: one that is used before is made at once.
func Open(ctx context.Context, cfg networkdriver.Config, kind Kind, warn networkdriver.Warn) (*Manager, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	pools, err := openPools(cfg)
	if err != nil {
		return nil, err
	}
	m := &Manager{
		cfg: cfg, pools: pools, warn: warn,
		networks: make(map[string]*network), names: make(map[string]*network), sandboxes: make(map[string]*sandbox),
	}
	stored, err := m.load()
	if err != nil {
		return nil, err
	}
	if err := m.predefine(ctx, kind, stored); err != nil {
		return nil, err
	}
	m.adopt(stored)
	if err := m.drive(ctx, kind); err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.stop = stop
	known := slices.Collect(maps.Values(m.networks)) // not those that are made meanwhile
	m.tasks.Go(func() { m.openAll(background, known) })
	return m, nil
}

// drive opens the driver and the default network.
func (m *Manager) drive(ctx context.Context, kind Kind) (err error) {
	known := m.specs()
	if m.cfg.NoDefault && len(known) == 0 {
		m.driver = &lazy{open: func(ctx context.Context) (networkdriver.Driver, error) { return kind.New(ctx, m.cfg, nil, m.warn) }}
		return nil
	}
	if m.driver, err = kind.New(ctx, m.cfg, known, m.warn); err != nil || m.cfg.NoDefault {
		return err
	}
	if _, err := m.names[Bridge].open(ctx, m.driver); err != nil {
		return errors.Join(err, m.driver.Close(ctx))
	}
	return nil
}

// Firewall names what writes the rules of the packet filter; "" while no network
// needs any.
func (m *Manager) Firewall() string {
	if d, ok := m.driver.(interface{ FirewallBackend() string }); ok {
		return d.FirewallBackend()
	}
	return ""
}

func openPools(cfg networkdriver.Config) (*ipam.Pools, error) {
	list, err := ipam.ParsePools(cfg.AddressPools)
	if err != nil {
		return nil, err
	}
	return ipam.New(list)
}

// load reads the stored definitions.
func (m *Manager) load() ([]networkdriver.Definition, error) {
	if m.cfg.Root == "" {
		return nil, nil
	}
	var err error
	if m.store, err = openStore(m.cfg.Root); err != nil {
		return nil, err
	}
	return m.store.load(m.warn)
}

// predefine makes the networks that are always there. They keep the ids that
// they once had.
func (m *Manager) predefine(ctx context.Context, kind Kind, stored []networkdriver.Definition) error {
	ids := make(map[string]networkdriver.Definition, len(stored))
	for _, def := range stored {
		ids[def.Name] = def
	}
	list := []networkdriver.Definition{{Name: Host, Driver: "host", EnableIPv4: true}, {Name: None, Driver: "null", EnableIPv4: true}}
	if !m.cfg.NoDefault {
		standard, err := kind.Default(ctx, m.cfg, m.warn)
		if err != nil {
			return err
		}
		list = append(list, standard)
	}
	for _, def := range list {
		before, known := ids[def.Name]
		def.ID, def.Created = before.ID, before.Created
		if !known {
			def.ID, def.Created = newID(), now()
		}
		n, err := m.take(def)
		if err != nil {
			return err
		}
		if !known {
			if err := m.store.write(n.def); err != nil {
				return err
			}
		}
		m.networks[n.def.ID], m.names[n.def.Name] = n, n
	}
	return nil
}

// take gives a network of a definition its addresses.
func (m *Manager) take(def networkdriver.Definition) (*network, error) {
	n := &network{def: def, users: make(map[string]*endpoint)}
	if !n.bridged() { // a template shares its subnet with those that are made from it
		return n, nil
	}
	var err error
	var config []networkdriver.Pool
	for _, p := range def.IPAM.Config {
		cfg, cerr := poolConfig(p)
		if cerr != nil {
			return nil, cerr
		}
		s, aerr := m.pools.Adopt(cfg)
		if aerr != nil {
			return nil, errors.Join(aerr, n.free())
		}
		n.add(s)
		config = append(config, settled(s, p))
	}
	if def.EnableIPv6 && n.v6 == nil {
		s, rerr := m.pools.Request(ipam.Config{}, true, m.hostNetworks)
		if rerr != nil {
			return nil, errors.Join(rerr, n.free())
		}
		n.add(s)
		config = append(config, settled(s, networkdriver.Pool{}))
	}
	n.def.IPAM.Config = config
	return n, err
}

// adopt takes over the networks that users made. One that cannot be is named
// and left alone: the others work.
func (m *Manager) adopt(stored []networkdriver.Definition) {
	for _, def := range stored {
		if Predefined(def.Name) {
			continue
		}
		n, err := m.take(def)
		switch {
		case err != nil:
			m.warn("network %s is not available: %v", def.Name, err)
		case m.names[def.Name] != nil:
			m.warn("network %s is there twice: %s is not available", def.Name, def.ID)
		default:
			n.names()
			m.networks[def.ID], m.names[def.Name] = n, n
		}
	}
}

// specs lists the bridges.
func (m *Manager) specs() []networkdriver.Spec {
	var list []networkdriver.Spec
	for _, n := range m.networks {
		if n.bridged() {
			list = append(list, n.spec(m.warn))
		}
	}
	return list
}

// openAll makes the networks that nobody has asked for yet.
func (m *Manager) openAll(ctx context.Context, list []*network) {
	for _, n := range list {
		if ctx.Err() != nil {
			return
		}
		if !n.bridged() {
			continue
		}
		if _, err := n.open(ctx, m.driver); err != nil && !errdefs.Is(err, errdefs.KindUnavailable) {
			m.warn("network %s: %v", n.def.Name, err)
		}
	}
}

// hostNetworks is what new networks must not overlap.
func (m *Manager) hostNetworks() ([]netip.Prefix, []netip.Addr, error) {
	routes, err := hostRoutes()
	return routes, m.cfg.Nameservers, err
}

// Close lets go of what no container needs. Those that run keep their networks.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	networks, sandboxes := maps.Clone(m.networks), maps.Clone(m.sandboxes)
	m.mu.Unlock()
	m.stop()
	m.tasks.Wait()
	var errs []error
	for _, s := range sandboxes {
		s.turn.Lock()
		errs = append(errs, s.close())
		s.turn.Unlock()
	}
	for _, n := range networks {
		if err := n.close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("closing network %s: %w", n.def.Name, err))
		}
	}
	return errors.Join(append(errs, m.driver.Close(ctx))...)
}
