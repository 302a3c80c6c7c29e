// Package null is a network driver without a kernel: it gives out addresses and
// ports like the bridge driver and makes neither links nor rules. It is for
// daemons without a bridge and for tests without privileges. A network owns who
// has which address. Start reading at Install. It must not import the bridge
// driver.
package null

import (
	"context"
	"io"
	"net/netip"
	"sync"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/netjobs"
	"github.com/enginejobs/docker/networkdriver/portallocator"
	"github.com/enginejobs/docker/networkdriver/portmapper"
)

// Install declares the network jobs.
func Install(eng *engine.Engine) error { return netjobs.Install(eng, Kind{}) }

// Kind makes the driver, for the manager of networks.
type Kind struct{}

// Default is the network of containers that ask for none: the wished one, or the
// first that a bridge would have.
func (Kind) Default(_ context.Context, cfg networkdriver.Config, _ networkdriver.Warn) (networkdriver.Definition, error) {
	address := cfg.BridgeIP
	if !address.IsValid() {
		address = networkdriver.Candidates()[0]
	}
	p := networkdriver.Pool{Subnet: address.Masked().String(), Gateway: address.Addr().String()}
	if cfg.FixedCIDR.IsValid() {
		p.IPRange = cfg.FixedCIDR.String()
	}
	return networkdriver.Definition{
		Name: "bridge", Driver: "bridge", EnableIPv4: true, EnableIPv6: cfg.IPv6,
		IPAM:    networkdriver.IPAM{Config: []networkdriver.Pool{p}},
		Options: map[string]string{networkdriver.OptionBridgeName: cfg.Bridge},
	}, nil
}

// New makes the driver.
func (Kind) New(_ context.Context, cfg networkdriver.Config, _ []networkdriver.Spec, _ networkdriver.Warn) (networkdriver.Driver, error) {
	ports, err := portallocator.New(portallocator.DefaultFirst, portallocator.DefaultLast)
	if err != nil {
		return nil, err
	}
	hold := func(portmapper.Mapping) (io.Closer, error) { return nil, nil }
	return &driver{cfg, portmapper.New(ports, noFirewall{}, hold)}, nil
}

type noFirewall struct{}

func (noFirewall) AddPort(portmapper.Mapping) error       { return nil }
func (noFirewall) RemovePorts([]portmapper.Mapping) error { return nil }

// driver keeps books and nothing else.
type driver struct {
	cfg    networkdriver.Config
	mapper *portmapper.Mapper
}

// Settle refuses nothing.
func (*driver) Settle(*networkdriver.Definition) error { return nil }

// Open makes a network of books.
func (d *driver) Open(_ context.Context, spec networkdriver.Spec) (networkdriver.Network, error) {
	return &network{drv: d, spec: spec, given: make(map[string]*grant)}, nil
}

// Close has nothing to end.
func (*driver) Close(context.Context) error { return nil }

// network is the books of one.
type network struct {
	drv  *driver
	spec networkdriver.Spec

	mu    sync.Mutex // guards given
	given map[string]*grant
}

// grant is what a container was given.
type grant struct {
	v4, v6 netip.Addr
	ports  []portmapper.Mapping
}

// Allocate gives addresses; SandboxKey stays empty.
func (n *network) Allocate(_ context.Context, req networkdriver.InterfaceRequest) (*networkdriver.Interface, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.given[req.ID] != nil {
		return nil, errdefs.Conflict("container %s has an interface already", req.ID)
	}
	g := &grant{}
	var err error
	if g.v4, err = take(n.spec.V4, req.IP); err != nil {
		return nil, err
	}
	if g.v6, err = take(n.spec.V6, req.IPv6); err != nil {
		n.giveBack(g)
		return nil, err
	}
	n.given[req.ID] = g
	mac := req.MAC
	if mac == nil && g.v4.IsValid() {
		mac = networkdriver.MAC(g.v4)
	}
	v4, way4 := place(n.spec.V4, g.v4)
	v6, way6 := place(n.spec.V6, g.v6)
	return networkdriver.Describe(n.spec.Options[networkdriver.OptionBridgeName], v4, v6, way4, way6, mac), nil
}

func take(from *networkdriver.Subnet, wish netip.Addr) (netip.Addr, error) {
	switch {
	case from == nil:
		return netip.Addr{}, nil
	case wish.IsValid():
		return wish, from.Reserve(wish)
	}
	return from.Next()
}

func place(in *networkdriver.Subnet, ip netip.Addr) (address netip.Prefix, gateway netip.Addr) {
	if in == nil {
		return address, gateway
	}
	return netip.PrefixFrom(ip, in.Network.Bits()), in.Gateway
}

func (n *network) giveBack(g *grant) {
	if g.v4.IsValid() {
		n.spec.V4.Release(g.v4)
	}
	if g.v6.IsValid() {
		n.spec.V6.Release(g.v6)
	}
}

// Release takes everything back.
func (n *network) Release(_ context.Context, req networkdriver.ReleaseRequest) error {
	n.mu.Lock()
	g := n.given[req.ID]
	delete(n.given, req.ID)
	n.mu.Unlock()
	if g == nil {
		return networkdriver.NoInterface(req.ID)
	}
	err := n.drv.mapper.Unmap(g.ports)
	n.giveBack(g)
	return err
}

// AllocatePort notes a published port.
func (n *network) AllocatePort(ctx context.Context, req networkdriver.PortRequest) (p networkdriver.PublishedPort, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	g := n.given[req.ID]
	if g == nil {
		return p, errdefs.NotFound("No network information to publish a port for %s", req.ID)
	}
	if !req.HostIP.IsValid() {
		req.HostIP = n.drv.cfg.DefaultBind
	}
	m, err := n.drv.mapper.Map(ctx, portmapper.Request{
		Network: n.spec.ID, Proto: req.Proto, HostIP: req.HostIP, First: req.HostPorts.First, Last: req.HostPorts.Last,
		Container: netip.AddrPortFrom(g.v4, req.ContainerPort),
	})
	if err != nil {
		return p, err
	}
	g.ports = append(g.ports, m)
	return networkdriver.PublishedPort{HostIP: m.Host.Addr().String(), HostPort: int(m.Host.Port())}, nil
}

// ReleasePorts forgets the ports of a container.
func (n *network) ReleasePorts(_ context.Context, id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	g := n.given[id]
	if g == nil {
		return networkdriver.NoInterface(id)
	}
	ports := g.ports
	g.ports = nil
	return n.drv.mapper.Unmap(ports)
}

// Link has nothing to open.
func (*network) Link(context.Context, networkdriver.LinkRequest) error { return nil }

// Delete has nothing to take away.
func (*network) Delete(context.Context) error { return nil }

// Close has nothing to let go of.
func (*network) Close(context.Context) error { return nil }
