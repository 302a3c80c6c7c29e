package daemon

import (
	"context"
	"maps"
	"slices"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// disconnectOptions says which container leaves which network.
type disconnectOptions struct {
	Network, Container string
	Force              bool // also where the interface cannot be taken away
}

func decodeNetworkDisconnect(job *engine.Job) disconnectOptions {
	return disconnectOptions{Network: job.Args[0], Container: job.Args[1], Force: job.GetenvBool("force")}
}

// jobNetworkDisconnect takes a container off a network.
//
// Usage:  network_disconnect NETWORK CONTAINER
// Env:    force: also where the interface cannot be taken away.
// Errors: NotFound (network, container), Forbidden (it is not on the network, or
// its network mode cannot be left).
// Events: disconnect.
func (d *Daemon) jobNetworkDisconnect(job *engine.Job) error {
	return d.NetworkDisconnect(job.Context(), decodeNetworkDisconnect(job))
}

// NetworkDisconnect does it at once if the container runs, and for its next
// starts.
func (d *Daemon) NetworkDisconnect(ctx context.Context, opt disconnectOptions) error {
	net, err := d.network(ctx, opt.Network)
	if err != nil {
		return err
	}
	c, err := d.containers.find(opt.Container)
	if err != nil {
		return err
	}
	s, err := c.update(func(s *snapshot) error {
		kind, _ := networkMode(s.host)
		switch {
		case kind == "host" && net.Name == "host":
			return errdefs.Forbidden("container cannot be disconnected from host network - container was created in host network mode")
		case kind == "none" && net.Name == kind && !s.rec.Disconnected: // it has room for other networks then
		case !slices.Contains(networksOf(s.rec, s.host), net.Name):
			return errdefs.Forbidden("container %s is not connected to network %s", s.rec.ID, net.Name)
		}
		s.rec = s.rec.left(net.Name, s.host)
		return nil
	})
	if err != nil {
		return err
	}
	// Written first: a crash in between is made good by the next daemon.
	if err := d.saveConfig(c); err != nil {
		return err
	}
	if err := d.unplug(ctx, c, s, net.Name); err != nil && !opt.Force {
		return err
	}
	d.networkEvent(ctx, "disconnect", net, c.id)
	return nil
}

// unplug takes the interface of a running container away.
func (d *Daemon) unplug(ctx context.Context, c *container, s *snapshot, name string) error {
	if !s.state.alive() {
		_, err := c.update(func(s *snapshot) error {
			s.net = d.idleNetwork(s.rec, s.host)
			return nil
		})
		return err
	}
	released := d.release(ctx, c.id, name)
	s, err := c.update(func(s *snapshot) error {
		s.unplugged(name)
		return nil
	})
	if err == nil && !d.leadsOut(ctx, s) {
		s, err = c.update(func(s *snapshot) error {
			s.net.Ports = unpublished(s.net.Ports)
			return nil
		})
	}
	if err == nil {
		err = d.saveState(c, true)
	}
	if err == nil {
		err = d.rewriteFiles(c, s)
	}
	if released != nil && !errdefs.IsNotFound(released) {
		return released
	}
	return err
}

// release takes the interface on a network from a container that runs on.
func (d *Daemon) release(ctx context.Context, id, network string) error {
	job := d.job(ctx, "release_interface", id)
	job.Setenv("Network", network)
	job.SetenvBool("Running", true)
	return job.Run()
}

// unplugged forgets what the container had of a network.
func (s *snapshot) unplugged(name string) {
	s.net.Networks = maps.Clone(s.net.Networks)
	delete(s.net.Networks, name)
	if name == defaultNetwork {
		n := &s.net
		n.Bridge, n.EndpointID, n.Gateway, n.IPAddress, n.MacAddress = "", "", "", "", ""
		n.IPPrefixLen, n.IPv6Gateway, n.GlobalIPv6Address, n.GlobalIPv6PrefixLen, n.LinkLocalIPv6Address = 0, "", "", 0, ""
	}
}

// unpublished is ports that are at no address of the host.
func unpublished(ports runconfig.PortMap) runconfig.PortMap {
	out := make(runconfig.PortMap, len(ports))
	for p := range ports {
		out[p] = nil
	}
	return out
}
