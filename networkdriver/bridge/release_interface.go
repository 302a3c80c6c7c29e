//go:build linux

package bridge

import (
	"context"
	"errors"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver/portmapper"
)

// Release takes back ports, links, address and namespace of a container. The
// address is given back last, so that no rule is left for its next owner. All
// is attempted; an error tells what could not be undone.
func (d *Driver) Release(_ context.Context, id string) error {
	g, ok := d.find(id)
	if !ok {
		return errdefs.NotFound("No network information to release for %s", id)
	}
	g.mu.Lock()
	if g.state != ready {
		g.mu.Unlock()
		return errdefs.NotFound("No network information to release for %s", id)
	}
	g.state = released
	s, ports := g.sandbox, g.ports
	g.sandbox, g.ports = nil, nil
	g.mu.Unlock()

	err := errors.Join(d.mapper.Unmap(ports), d.firewall.dropLinks(s.ip))
	d.forgetFlows(ports)
	s.close()
	d.ips.Release(s.ip)
	d.forget(id)
	return err
}

// forgetFlows makes the kernel forget where it redirected datagrams to: it
// would go on with a client that does not fall silent.
func (d *Driver) forgetFlows(ports []portmapper.Mapping) {
	var udp []portmapper.Mapping
	for _, m := range ports {
		if m.Proto == "udp" {
			udp = append(udp, m)
		}
	}
	if len(udp) == 0 || !d.cfg.Firewall {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.tasks.Go(func() { deleteFlows(udp) })
	}
}
