package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// connectOptions says which container joins which network, and how.
type connectOptions struct {
	Network, Container string
	Endpoint           runconfig.EndpointConfig
}

func decodeNetworkConnect(job *engine.Job) (opt connectOptions, err error) {
	opt.Network, opt.Container = job.Args[0], job.Args[1]
	return opt, job.GetenvJson("EndpointConfig", &opt.Endpoint)
}

// jobNetworkConnect puts a container on one more network.
//
// Usage:  network_connect NETWORK CONTAINER
// Env:    EndpointConfig: what it asks of the network.
// Errors: NotFound (network, container), Forbidden (it is there already, or its
// network mode has no place for another one), InvalidArgument, Conflict (address).
// Events: connect.
func (d *Daemon) jobNetworkConnect(job *engine.Job) error {
	opt, err := decodeNetworkConnect(job)
	if err != nil {
		return err
	}
	return d.NetworkConnect(job.Context(), opt)
}

// NetworkConnect does it at once if the container runs, and for its next starts.
func (d *Daemon) NetworkConnect(ctx context.Context, opt connectOptions) error {
	c, err := d.containers.find(opt.Container)
	if err != nil {
		return err
	}
	net, err := d.network(ctx, opt.Network)
	if err != nil {
		return err
	}
	if err := canJoin(c.now(), net); err != nil {
		return err
	}
	if err := checkEndpoint("other", net.Name, &opt.Endpoint); err != nil {
		return err
	}
	s, err := c.update(func(s *snapshot) error {
		if err := canJoin(s, net); err != nil {
			return err
		}
		s.rec = s.rec.joined(net.Name, endpoint(&opt.Endpoint))
		return nil
	})
	if err != nil {
		return err
	}
	// Written first: a crash in between is made good by the next daemon.
	if err = d.saveConfig(c); err == nil {
		if s.state.alive() && s.state.Phase != restarting {
			err = d.plug(ctx, c, s, net.Name)
		} else {
			_, err = c.update(func(s *snapshot) error {
				s.net = d.idleNetwork(s.rec, s.host)
				return nil
			})
		}
	}
	if err != nil {
		_, uerr := c.update(func(s *snapshot) error {
			s.rec = s.rec.left(net.Name, s.host)
			return nil
		})
		return errors.Join(err, uerr, d.saveConfig(c))
	}
	if s.state.alive() { // else its starts will tell
		d.networkEvent(ctx, "connect", net, c.id)
	}
	return nil
}

// canJoin refuses containers that have no place for the network.
func canJoin(s *snapshot, net api.Network) error {
	kind, _ := networkMode(s.host)
	switch {
	case s.state.Phase >= removing:
		return errdefs.Conflict("container %s is marked for removal and cannot be connected or disconnected to the network", short(s.rec.ID))
	case net.Name == "host" || net.Name == "none":
		return errdefs.Forbidden("container cannot be connected to network %s: only its network mode can say so", net.Name)
	case net.ConfigOnly:
		return errdefs.Forbidden("cannot connect container to network %q: it is a configuration network", net.Name)
	case kind == "host":
		return errdefs.Forbidden("container cannot be connected to host network or be connected to other networks in host mode: %s", s.bare())
	case kind == "container":
		return errdefs.Forbidden("container sharing network namespace with another container or host cannot be connected to any other network")
	case kind == "none" && !s.rec.Disconnected:
		return errdefs.Forbidden("container cannot be connected to multiple networks with one of the networks in private (none) mode")
	}
	for _, name := range networksOf(s.rec, s.host) {
		if name == net.Name {
			return errdefs.Forbidden("endpoint with name %s already exists in network %s", s.bare(), net.Name)
		}
	}
	return nil
}

// joined is a record with one more network.
func (r *record) joined(name string, e *api.EndpointSettings) *record {
	next := *r
	next.Endpoints = maps.Clone(r.Endpoints)
	if next.Endpoints == nil {
		next.Endpoints = map[string]*api.EndpointSettings{}
	}
	next.Endpoints[name] = e
	return &next
}

// left is a record without a network; that of the mode is remembered to be gone.
func (r *record) left(name string, h *runconfig.HostConfig) *record {
	next := *r
	next.Endpoints = maps.Clone(r.Endpoints)
	delete(next.Endpoints, name)
	kind, ref := networkMode(h)
	if kind == "bridge" && name == defaultNetwork || kind == "other" && name == ref || kind == "none" && name == kind {
		next.Disconnected = true
	}
	return &next
}

// plug gives a running container its interface on a network.
func (d *Daemon) plug(ctx context.Context, c *container, s *snapshot, name string) error {
	want := endpointRequest{network: name, wish: s.rec.Endpoints[name], sandbox: nsPath(s, "net")}
	a, err := d.allocate(ctx, s, want)
	if err != nil {
		return err
	}
	ports := s.net.Ports
	if !d.leadsOut(ctx, s) { // perhaps it does now
		keep := s.published()
		if ports, err = d.publish(ctx, s, &s.net, keep); err != nil {
			undo := d.release(ctx, c.id, name)
			if keep == nil || !errdefs.IsConflict(err) || undo != nil {
				return errors.Join(err, undo)
			}
			// Somebody was given the ports of a container that lost them: others will do.
			s, err = c.update(func(s *snapshot) error {
				s.net.Ports = unpublished(s.net.Ports)
				return nil
			})
			if err != nil {
				return err
			}
			return d.plug(ctx, c, s, name)
		}
	}
	s, err = c.update(func(s *snapshot) error {
		if !s.state.alive() {
			return errdefs.Conflict("container %s is not running any more", s.bare())
		}
		s.net.Networks, s.net.Ports = maps.Clone(s.net.Networks), ports
		a.fill(&s.net, s, want)
		return nil
	})
	if err != nil {
		d.disconnect(ctx, c.id) // the monitor may have been before us
		return err
	}
	if err := d.saveState(c, true); err != nil {
		return err
	}
	return d.rewriteFiles(c, s)
}

// published is the network of a container with ports at addresses of the host,
// which a crash may have taken; nil if it has none.
func (s *snapshot) published() *api.NetworkSettings {
	for _, list := range s.net.Ports {
		if len(list) > 0 {
			return &s.net
		}
	}
	return nil
}

// leadsOut tells whether a way to the outside, and so published ports, can be on
// one of the networks that a container is on.
func (d *Daemon) leadsOut(ctx context.Context, s *snapshot) bool {
	if len(s.rec.Config.ExposedPorts) == 0 && len(s.host.PortBindings) == 0 {
		return true // nobody asks
	}
	for name, e := range s.net.Networks {
		if e.EndpointID == "" {
			continue
		}
		if n, err := d.network(ctx, name); err == nil && !n.Internal {
			return true
		}
	}
	return false
}

// tellNetworks tells of all networks that a container has an interface on.
func (d *Daemon) tellNetworks(ctx context.Context, net *api.NetworkSettings, id, action string) {
	for _, name := range slices.Sorted(maps.Keys(net.Networks)) {
		if e := net.Networks[name]; e.EndpointID != "" {
			d.networkEvent(ctx, action, api.Network{Id: e.NetworkID, Name: name, Driver: "bridge"}, id)
		}
	}
}

// tellPlain tells of a container without interfaces: it is on the network host or
// none.
func (d *Daemon) tellPlain(ctx context.Context, s *snapshot, action string) {
	kind, _ := networkMode(s.host)
	if kind != "host" && (kind != "none" || s.rec.Disconnected) || !d.opt.Engine.Has("network_inspect") {
		return
	}
	known, ok := d.plain.Load(kind)
	if !ok {
		net, err := d.network(ctx, kind)
		if err != nil {
			return // an engine without such networks
		}
		known, _ = d.plain.LoadOrStore(kind, net)
	}
	if net, ok := known.(api.Network); ok {
		d.networkEvent(ctx, action, net, s.rec.ID)
	}
}

// networkEvent tells what a container did on a network.
func (d *Daemon) networkEvent(ctx context.Context, action string, net api.Network, id string) {
	if !d.opt.Engine.Has("log") {
		return
	}
	job := d.job(context.WithoutCancel(ctx), "log", action, net.Id)
	job.Setenv("type", "network")
	err := job.SetenvJson("attributes", map[string]string{"name": net.Name, "type": net.Driver, "container": id})
	if err == nil {
		err = job.Run()
	}
	if err != nil {
		d.opt.Logf("recording the event %s of network %s: %v", action, net.Name, err)
	}
}
