// Package null is a network driver without a kernel: it gives out addresses
// and ports like the bridge driver and makes neither links nor rules. It is for
// daemons without a bridge and for tests without privileges. It owns its
// allocators. Start reading at Install. It must not import the bridge driver.
package null

import (
	"context"
	"io"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/ipallocator"
	"github.com/enginejobs/docker/networkdriver/netjobs"
	"github.com/enginejobs/docker/networkdriver/portallocator"
	"github.com/enginejobs/docker/networkdriver/portmapper"
)

// Install declares the network jobs.
func Install(eng *engine.Engine) error {
	return netjobs.Install(eng, func(_ context.Context, cfg networkdriver.Config, _ func(string, ...any)) (networkdriver.Driver, error) {
		return New(cfg)
	})
}

// Driver keeps books and nothing else.
type Driver struct {
	cfg     networkdriver.Config
	gateway netip.Prefix
	ips     *ipallocator.Allocator
	mapper  *portmapper.Mapper

	mu    sync.Mutex // guards given
	given map[string]*grant
}

// grant is what a container was given.
type grant struct {
	ip    netip.Addr
	ports []portmapper.Mapping
}

var _ networkdriver.Driver = (*Driver)(nil)

// New makes a driver. Of the configuration only addresses matter.
func New(cfg networkdriver.Config) (*Driver, error) {
	gateway := cfg.BridgeIP
	if !gateway.IsValid() {
		gateway = networkdriver.Candidates()[0]
	}
	ips, err := ipallocator.New(gateway, cfg.FixedCIDR)
	if err != nil {
		return nil, err
	}
	ips.Block(gateway.Addr())
	ports, err := portallocator.New(portallocator.DefaultFirst, portallocator.DefaultLast)
	if err != nil {
		return nil, err
	}
	if !cfg.DefaultBindingIP.IsValid() {
		cfg.DefaultBindingIP = netip.IPv4Unspecified()
	}
	hold := func(portmapper.Mapping) (io.Closer, error) { return nil, nil }
	return &Driver{
		cfg: cfg, gateway: gateway, ips: ips, mapper: portmapper.New(ports, noFirewall{}, hold),
		given: make(map[string]*grant),
	}, nil
}

type noFirewall struct{}

func (noFirewall) AddPort(portmapper.Mapping) error       { return nil }
func (noFirewall) RemovePorts([]portmapper.Mapping) error { return nil }

// Allocate gives an address; SandboxKey stays empty.
func (d *Driver) Allocate(_ context.Context, req networkdriver.InterfaceRequest) (*networkdriver.Interface, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.given[req.ID] != nil {
		return nil, errdefs.Conflict("container %s has an interface already", req.ID)
	}
	ip := req.IP
	var err error
	if ip.IsValid() {
		err = d.ips.Reserve(ip)
	} else {
		ip, err = d.ips.Next()
	}
	if err != nil {
		return nil, err
	}
	d.given[req.ID] = &grant{ip: ip}
	mac := req.MAC
	if mac == nil {
		mac = networkdriver.MAC(ip)
	}
	return networkdriver.Describe(d.cfg.Bridge, netip.PrefixFrom(ip, d.gateway.Bits()), d.gateway.Addr(), mac), nil
}

// Release takes everything back.
func (d *Driver) Release(_ context.Context, id string) error {
	d.mu.Lock()
	g := d.given[id]
	delete(d.given, id)
	d.mu.Unlock()
	if g == nil {
		return errdefs.NotFound("No network information to release for %s", id)
	}
	err := d.mapper.Unmap(g.ports)
	d.ips.Release(g.ip)
	return err
}

// AllocatePort notes a published port.
func (d *Driver) AllocatePort(ctx context.Context, req networkdriver.PortRequest) (networkdriver.PublishedPort, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.given[req.ID]
	if g == nil {
		return networkdriver.PublishedPort{}, errdefs.NotFound("No network information to publish a port for %s", req.ID)
	}
	if !req.HostIP.IsValid() {
		req.HostIP = d.cfg.DefaultBindingIP
	}
	m, err := d.mapper.Map(ctx, portmapper.Request{
		Proto: req.Proto, HostIP: req.HostIP, First: req.HostPorts.First, Last: req.HostPorts.Last,
		Container: netip.AddrPortFrom(g.ip, req.ContainerPort),
	})
	if err != nil {
		return networkdriver.PublishedPort{}, err
	}
	g.ports = append(g.ports, m)
	return networkdriver.PublishedPort{HostIP: m.Host.Addr().String(), HostPort: int(m.Host.Port())}, nil
}

// Link has nothing to open.
func (d *Driver) Link(context.Context, networkdriver.LinkRequest) error { return nil }

// Close forgets everything.
func (d *Driver) Close(ctx context.Context) error {
	d.mu.Lock()
	ids := slices.Collect(maps.Keys(d.given))
	d.mu.Unlock()
	for _, id := range ids {
		_ = d.Release(ctx, id) // released by another at the same moment: as good
	}
	return nil
}
