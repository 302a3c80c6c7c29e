package daemon

import (
	"context"
	"maps"
	"slices"

	"github.com/enginejobs/docker/errdefs"
)

// reconnect takes the places of a running container on its networks over. One
// whose interface is not there any more is forgotten.
func (d *Daemon) reconnect(ctx context.Context, c *container, s *snapshot) *snapshot {
	lost := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(s.net.Networks)) {
		e := s.net.Networks[name]
		if e.EndpointID == "" {
			continue
		}
		want := endpointRequest{network: name, wish: s.rec.Endpoints[name], had: e, restore: true, sandbox: nsPath(s, "net")}
		_, err := d.allocate(ctx, s, want)
		lost[name] = errdefs.IsNotFound(err)
		if err != nil {
			d.opt.Logf("taking the address of container %s on network %s over: %v", s.bare(), name, err)
		}
	}
	s, _ = c.update(func(s *snapshot) error {
		for name, gone := range lost {
			if gone {
				s.unplugged(name)
			}
		}
		return nil
	})
	return s
}

// rejoin carries through what a crash has cut off while a container came to a
// network or left it, and makes lost interfaces anew. All containers have their
// addresses by then.
func (d *Daemon) rejoin(ctx context.Context, c *container) {
	s := c.now()
	if !s.state.alive() || s.state.Phase == restarting {
		return
	}
	wanted := networksOf(s.rec, s.host)
	for name, e := range s.net.Networks {
		if e.EndpointID == "" || slices.Contains(wanted, name) {
			continue
		}
		if err := d.unplug(ctx, c, s, name); err != nil {
			d.opt.Logf("taking container %s off network %s: %v", s.bare(), name, err)
		}
	}
	for _, name := range wanted {
		if e := s.net.Networks[name]; e != nil && e.EndpointID != "" {
			continue
		}
		if err := d.plug(ctx, c, c.now(), name); err != nil {
			d.opt.Logf("connecting container %s to network %s again: %v", s.bare(), name, err)
		}
	}
}
