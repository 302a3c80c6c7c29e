package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// allocated is what allocate_interface answers.
type allocated struct {
	IP, Mask, Gateway, Bridge, MacAddress  string
	IPPrefixLen                            int
	GlobalIPv6, IPv6Gateway, LinkLocalIPv6 string
	GlobalIPv6PrefixLen                    int
	SandboxKey                             string
}

// number accepts 80 and "80".
type number string

// UnmarshalJSON takes the quotes off.
func (n *number) UnmarshalJSON(b []byte) error {
	*n = number(strings.Trim(string(b), `"`))
	return nil
}

// idleNetwork is what a container that does not run shows.
func (d *Daemon) idleNetwork(_ *runconfig.Config, h *runconfig.HostConfig) api.NetworkSettings {
	net := api.NetworkSettings{Ports: runconfig.PortMap{}, Networks: map[string]*api.EndpointSettings{}}
	if kind, _ := networkMode(h); kind != "container" {
		net.Networks[kind] = &api.EndpointSettings{}
	}
	return net
}

// networkWarnings says at create what will not work.
func (d *Daemon) networkWarnings(h *runconfig.HostConfig) []string {
	kind, _ := networkMode(h)
	switch {
	case kind == "bridge" && !d.opt.NoNetwork && !forwarding(d.opt.ProcDir):
		return []string{"IPv4 forwarding is disabled. Networking will not work. Enable it with sysctl -w net.ipv4.ip_forward=1."}
	case kind == "host" && (len(h.PortBindings) > 0 || h.PublishAllPorts):
		return []string{"Published ports are discarded when using host network mode"}
	}
	return nil
}

// connect gives a starting container its address and ports. keep is what an
// earlier run had: it is asked for again.
func (d *Daemon) connect(ctx context.Context, s *snapshot, keep *api.NetworkSettings) (net api.NetworkSettings, err error) {
	kind, _ := networkMode(s.host)
	if kind != "bridge" || d.opt.NoNetwork || s.rec.Config.NetworkDisabled {
		return d.idleNetwork(s.rec.Config, s.host), nil
	}
	a, err := d.allocate(ctx, s, keep, false)
	if err != nil {
		return net, err
	}
	defer func() {
		if err != nil {
			d.disconnect(ctx, s.rec.ID)
		}
	}()
	net = a.settings(s)
	net.Ports, err = d.publish(ctx, s, keep)
	return net, err
}

// allocate runs allocate_interface.
func (d *Daemon) allocate(ctx context.Context, s *snapshot, keep *api.NetworkSettings, restore bool) (*allocated, error) {
	job := d.job(ctx, "allocate_interface", s.rec.ID)
	mac := s.rec.Config.MacAddress
	if e := s.rec.Endpoints[s.host.NetworkMode]; e != nil {
		if e.MacAddress != "" {
			mac = e.MacAddress
		}
		if e.IPAMConfig != nil && e.IPAMConfig.IPv4Address != "" {
			job.Setenv("RequestedIP", e.IPAMConfig.IPv4Address)
		}
		if e.IPAMConfig != nil && e.IPAMConfig.IPv6Address != "" {
			job.Setenv("RequestedIPv6", e.IPAMConfig.IPv6Address)
		}
	}
	if keep != nil && keep.IPAddress != "" {
		job.Setenv("RequestedIP", keep.IPAddress)
		mac = keep.MacAddress
	}
	if keep != nil && keep.GlobalIPv6Address != "" {
		job.Setenv("RequestedIPv6", keep.GlobalIPv6Address)
	}
	if mac != "" {
		job.Setenv("RequestedMac", mac)
	}
	if restore {
		job.SetenvBool("Restore", true)
	}
	var a allocated
	if err := job.OutputJSON(&a); err != nil {
		return nil, err
	}
	return &a, nil
}

// settings is the API's form of an allocation.
func (a *allocated) settings(s *snapshot) api.NetworkSettings {
	id := s.rec.ID
	e := &api.EndpointSettings{
		NetworkID: "bridge", EndpointID: id, MacAddress: a.MacAddress, Gateway: a.Gateway, IPAddress: a.IP,
		IPPrefixLen: a.IPPrefixLen, IPv6Gateway: a.IPv6Gateway, GlobalIPv6Address: a.GlobalIPv6,
		GlobalIPv6PrefixLen: a.GlobalIPv6PrefixLen,
	}
	if wish := s.rec.Endpoints["bridge"]; wish != nil {
		e.IPAMConfig, e.Aliases, e.Links = wish.IPAMConfig, wish.Aliases, wish.Links
	}
	return api.NetworkSettings{
		Bridge: a.Bridge, SandboxID: id, SandboxKey: a.SandboxKey, EndpointID: id, Gateway: a.Gateway,
		IPAddress: a.IP, IPPrefixLen: a.IPPrefixLen, MacAddress: a.MacAddress, IPv6Gateway: a.IPv6Gateway,
		GlobalIPv6Address: a.GlobalIPv6, GlobalIPv6PrefixLen: a.GlobalIPv6PrefixLen,
		LinkLocalIPv6Address: a.LinkLocalIPv6, Networks: map[string]*api.EndpointSettings{"bridge": e},
	}
}

// publish runs allocate_port for every binding.
func (d *Daemon) publish(ctx context.Context, s *snapshot, keep *api.NetworkSettings) (runconfig.PortMap, error) {
	wanted := runconfig.PortMap{}
	for p := range s.rec.Config.ExposedPorts {
		wanted[p] = nil
		if s.host.PublishAllPorts {
			wanted[p] = []runconfig.PortBinding{{}}
		}
	}
	for p, b := range s.host.PortBindings {
		if len(b) > 0 {
			wanted[p] = b
		}
	}
	if keep != nil {
		maps.Copy(wanted, keep.Ports)
	}
	got := make(runconfig.PortMap, len(wanted))
	for _, p := range slices.Sorted(maps.Keys(wanted)) {
		got[p] = nil
		for _, b := range wanted[p] {
			real, err := d.allocatePort(ctx, s.rec.ID, p, b)
			if err != nil {
				return nil, err
			}
			got[p] = append(got[p], real)
		}
	}
	return got, nil
}

func (d *Daemon) allocatePort(ctx context.Context, id string, p runconfig.Port, b runconfig.PortBinding) (runconfig.PortBinding, error) {
	n, proto := p.Split()
	job := d.job(ctx, "allocate_port", id)
	if b.HostIp != "" {
		job.Setenv("HostIP", b.HostIp)
	}
	if b.HostPort != "" && b.HostPort != "0" {
		job.Setenv("HostPort", b.HostPort)
	}
	job.SetenvInt("ContainerPort", n)
	job.Setenv("Proto", proto)
	out, err := job.Output()
	if err != nil {
		return b, err
	}
	var real struct {
		HostIP   string
		HostPort number
	}
	if err := json.Unmarshal(out, &real); err != nil {
		return b, fmt.Errorf("reading the answer of allocate_port: %w", err)
	}
	return runconfig.PortBinding{HostIp: real.HostIP, HostPort: string(real.HostPort)}, nil
}

// disconnect gives address and ports back. A container that had none is no
// problem.
func (d *Daemon) disconnect(ctx context.Context, id string) {
	if err := d.job(ctx, "release_interface", id).Run(); err != nil && !errdefs.IsNotFound(err) {
		d.opt.Logf("releasing the network of container %s: %v", short(id), err)
	}
}

// connected tells whether connect gave the container something.
func connected(net *api.NetworkSettings) bool {
	return net.IPAddress != "" || net.SandboxKey != "" || net.Bridge != ""
}
