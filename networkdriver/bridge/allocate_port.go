//go:build linux

package bridge

import (
	"context"
	"net/netip"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/portmapper"
)

// AllocatePort publishes a port of a container that has an interface.
func (d *Driver) AllocatePort(ctx context.Context, req networkdriver.PortRequest) (networkdriver.PublishedPort, error) {
	g, ok := d.find(req.ID)
	if !ok {
		return networkdriver.PublishedPort{}, errdefs.NotFound("No network information to publish a port for %s", req.ID)
	}
	if !req.HostIP.IsValid() {
		req.HostIP = d.cfg.DefaultBindingIP
	}
	if req.Proto == "sctp" && !d.cfg.Firewall {
		return networkdriver.PublishedPort{}, errdefs.InvalidArgument("sctp ports cannot be published without firewall rules")
	}
	g.mu.Lock()
	ip := netip.Addr{}
	if g.sandbox != nil {
		ip = g.sandbox.ip
	}
	g.mu.Unlock()
	m, err := d.mapper.Map(ctx, portmapper.Request{
		Proto: req.Proto, HostIP: req.HostIP, First: req.HostPorts.First, Last: req.HostPorts.Last,
		Container: netip.AddrPortFrom(ip, req.ContainerPort),
	})
	if err != nil {
		return networkdriver.PublishedPort{}, err
	}
	if !g.addPort(m) { // released while we were at it
		_ = d.mapper.Unmap([]portmapper.Mapping{m})
		return networkdriver.PublishedPort{}, errdefs.NotFound("No network information to publish a port for %s", req.ID)
	}
	d.forgetFlows([]portmapper.Mapping{m}) // of the time when nobody redirected
	return networkdriver.PublishedPort{HostIP: m.Host.Addr().String(), HostPort: int(m.Host.Port())}, nil
}

func (g *grant) addPort(m portmapper.Mapping) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == ready {
		g.ports = append(g.ports, m)
	}
	return g.state == ready
}
