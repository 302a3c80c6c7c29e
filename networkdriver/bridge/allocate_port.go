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
func (n *Network) AllocatePort(ctx context.Context, req networkdriver.PortRequest) (p networkdriver.PublishedPort, err error) {
	g, ok := n.find(req.ID)
	if !ok {
		return p, errdefs.NotFound("No network information to publish a port for %s", req.ID)
	}
	if !req.HostIP.IsValid() {
		req.HostIP = n.set.bind
	}
	if req.Proto == "sctp" && !n.drv.cfg.Firewall {
		return p, errdefs.InvalidArgument("sctp ports cannot be published without firewall rules")
	}
	to, err := g.target(req.HostIP)
	if err != nil {
		return p, err
	}
	if to.Is4() != req.HostIP.Is4() && (!n.drv.cfg.UserlandProxy || req.Proto == "sctp") {
		return p, nil // between families only a proxy can lead
	}
	if err := n.localnet(req.HostIP); err != nil {
		n.drv.warn("published ports will not be reachable at loopback addresses: %v", err)
	}
	m, err := n.drv.mapper.Map(ctx, portmapper.Request{
		Network: n.set.bridge, Proto: req.Proto, HostIP: req.HostIP, First: req.HostPorts.First, Last: req.HostPorts.Last,
		Container: netip.AddrPortFrom(to, req.ContainerPort),
	})
	if err != nil {
		return p, err
	}
	if !g.addPort(m) { // released while we were at it
		_ = n.drv.mapper.Unmap([]portmapper.Mapping{m})
		return p, errdefs.NotFound("No network information to publish a port for %s", req.ID)
	}
	if m.Proto == "udp" && n.drv.cfg.Firewall {
		deleteFlows([]portmapper.Mapping{m}) // of the time when nobody redirected
	}
	return networkdriver.PublishedPort{HostIP: m.Host.Addr().String(), HostPort: int(m.Host.Port())}, nil
}

// target is the address that a port of the host leads to: of the same family,
// where the container has one.
func (g *grant) target(host netip.Addr) (netip.Addr, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.end == nil:
		return netip.Addr{}, errdefs.NotFound("the container has left the network")
	case host.Is6() && g.end.v6.IsValid(), !g.end.v4.IsValid():
		return g.end.v6, nil
	}
	return g.end.v4, nil
}

func (g *grant) addPort(m portmapper.Mapping) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == ready {
		g.ports = append(g.ports, m)
	}
	return g.state == ready
}
