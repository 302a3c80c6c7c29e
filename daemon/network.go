package daemon

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	NetworkID, NetworkName                 string
}

// number accepts 80 and "80".
type number string

// UnmarshalJSON takes the quotes off.
func (n *number) UnmarshalJSON(b []byte) error {
	*n = number(strings.Trim(string(b), `"`))
	return nil
}

// defaultNetwork is the network of containers that ask for none.
const defaultNetwork = "bridge"

// networksOf lists the networks that a container asks for: the one of its mode
// first, the others by priority and name.
func networksOf(rec *record, h *runconfig.HostConfig) []string {
	kind, ref := networkMode(h)
	switch {
	case kind == "bridge":
		ref = defaultNetwork
	case kind == "none" && rec.Disconnected: // as if its mode had named no network
		ref = "none"
	case kind != "other":
		return nil
	}
	var others []string
	for name := range rec.Endpoints {
		if name != ref {
			others = append(others, name)
		}
	}
	slices.SortFunc(others, func(a, b string) int {
		return cmp.Or(cmp.Compare(rec.Endpoints[b].GwPriority, rec.Endpoints[a].GwPriority), cmp.Compare(a, b))
	})
	if rec.Endpoints[ref] == nil && rec.Disconnected {
		return others
	}
	return append([]string{ref}, others...)
}

// named tells whether containers find each other by name on one of the networks.
func named(list []string) bool {
	return slices.ContainsFunc(list, func(n string) bool { return n != defaultNetwork })
}

// idleNetwork is what a container that does not run shows.
func (d *Daemon) idleNetwork(rec *record, h *runconfig.HostConfig) api.NetworkSettings {
	net := api.NetworkSettings{Ports: runconfig.PortMap{}, Networks: map[string]*api.EndpointSettings{}}
	if kind, _ := networkMode(h); kind == "none" && !rec.Disconnected || kind == "host" {
		net.Networks[kind] = &api.EndpointSettings{}
	}
	for _, name := range networksOf(rec, h) {
		net.Networks[name] = asked(rec.Endpoints[name])
	}
	return net
}

// asked is what the user wants of a network, without what he gets.
func asked(wish *api.EndpointSettings) *api.EndpointSettings {
	if wish == nil {
		return &api.EndpointSettings{}
	}
	return &api.EndpointSettings{
		IPAMConfig: wish.IPAMConfig, Links: wish.Links, Aliases: wish.Aliases, DriverOpts: wish.DriverOpts, GwPriority: wish.GwPriority,
	}
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

// connect gives a starting container its addresses and ports. keep is what an
// earlier run had: it is asked for again.
func (d *Daemon) connect(ctx context.Context, s *snapshot, keep *api.NetworkSettings) (net api.NetworkSettings, err error) {
	list := networksOf(s.rec, s.host)
	if d.opt.NoNetwork {
		list = slices.DeleteFunc(list, func(name string) bool { return name == defaultNetwork })
	}
	if len(list) == 0 || s.rec.Config.NetworkDisabled {
		return d.idleNetwork(s.rec, s.host), nil
	}
	defer func() {
		if err != nil {
			d.disconnect(ctx, s.rec.ID)
		}
	}()
	net = api.NetworkSettings{SandboxID: s.rec.ID, Networks: make(map[string]*api.EndpointSettings, len(list))}
	for _, name := range list {
		want := endpointRequest{network: name, wish: s.rec.Endpoints[name]}
		if keep != nil {
			want.had = keep.Networks[name]
		}
		a, err := d.allocate(ctx, s, want)
		if err != nil {
			return net, err
		}
		a.fill(&net, s, want)
	}
	net.Ports, err = d.publish(ctx, s, &net, keep)
	return net, err
}

// endpointRequest is one place on a network that is wanted.
type endpointRequest struct {
	network string
	wish    *api.EndpointSettings // what the user asks for; nil: nothing
	had     *api.EndpointSettings // what an earlier run had; nil: there was none
	sandbox string                // of a container that runs
	restore bool                  // the container has it
}

// allocate runs allocate_interface.
func (d *Daemon) allocate(ctx context.Context, s *snapshot, want endpointRequest) (*allocated, error) {
	job := d.job(ctx, "allocate_interface", s.rec.ID)
	set := func(key, value string) {
		if value != "" {
			job.Setenv(key, value)
		}
	}
	mac := s.rec.Config.MacAddress
	if e := want.wish; e != nil {
		mac = cmp.Or(e.MacAddress, mac)
		set("Interface", e.DriverOpts[optInterface])
		if list := endpointSysctls(e.DriverOpts); list != nil {
			job.SetenvList("Sysctls", list)
		}
		if ipam := e.IPAMConfig; ipam != nil {
			set("RequestedIP", ipam.IPv4Address)
			set("RequestedIPv6", ipam.IPv6Address)
			if len(ipam.LinkLocalIPs) > 0 {
				job.SetenvList("LinkLocalIPs", ipam.LinkLocalIPs)
			}
		}
		if e.GwPriority != 0 {
			job.SetenvInt("GwPriority", e.GwPriority)
		}
	}
	if e := want.had; e != nil {
		set("RequestedIP", e.IPAddress)
		set("RequestedIPv6", e.GlobalIPv6Address)
		mac = cmp.Or(e.MacAddress, mac)
		job.SetenvBool(map[bool]string{true: "Restore", false: "Keep"}[want.restore], true)
	}
	set("RequestedMac", mac)
	set("Sandbox", want.sandbox)
	if want.network != defaultNetwork {
		job.Setenv("Network", want.network)
		if err := d.askNames(job, s, want.wish); err != nil {
			return nil, err
		}
	}
	var a allocated
	if err := job.OutputJSON(&a); err != nil {
		return nil, err
	}
	if a.NetworkName == "" {
		a.NetworkName = want.network
	}
	return &a, nil
}

// fill notes an allocation in the API's form.
func (a *allocated) fill(net *api.NetworkSettings, s *snapshot, want endpointRequest) {
	e := asked(want.wish)
	e.NetworkID, e.EndpointID, e.MacAddress = a.NetworkID, endpointID(s.rec.ID, a.NetworkID), a.MacAddress
	e.Gateway, e.IPAddress, e.IPPrefixLen = a.Gateway, a.IP, a.IPPrefixLen
	e.IPv6Gateway, e.GlobalIPv6Address, e.GlobalIPv6PrefixLen = a.IPv6Gateway, a.GlobalIPv6, a.GlobalIPv6PrefixLen
	if want.network != defaultNetwork {
		e.DNSNames = dnsNames(s, want.wish)
	}
	net.Networks[a.NetworkName] = e
	net.SandboxKey = cmp.Or(net.SandboxKey, a.SandboxKey)
	if want.network != defaultNetwork {
		return
	}
	net.Bridge, net.EndpointID, net.Gateway, net.IPAddress = a.Bridge, e.EndpointID, a.Gateway, a.IP
	net.IPPrefixLen, net.MacAddress, net.IPv6Gateway = a.IPPrefixLen, a.MacAddress, a.IPv6Gateway
	net.GlobalIPv6Address, net.GlobalIPv6PrefixLen, net.LinkLocalIPv6Address = a.GlobalIPv6, a.GlobalIPv6PrefixLen, a.LinkLocalIPv6
}

// endpointID names a container's place on a network: the same one every time.
func endpointID(container, network string) string {
	sum := sha256.Sum256([]byte(container + "/" + network))
	return hex.EncodeToString(sum[:])
}

// hasIPv6 tells whether a container can be reached by IPv6.
func hasIPv6(net *api.NetworkSettings) bool {
	for _, e := range net.Networks {
		if e.GlobalIPv6Address != "" {
			return true
		}
	}
	return false
}

// publish runs allocate_port for every binding. One that names no address is
// for both families where the container has both.
func (d *Daemon) publish(ctx context.Context, s *snapshot, net, keep *api.NetworkSettings) (runconfig.PortMap, error) {
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
	s6 := hasIPv6(net)
	got := make(runconfig.PortMap, len(wanted))
	for _, p := range slices.Sorted(maps.Keys(wanted)) {
		got[p] = nil
		for _, b := range wanted[p] {
			real, err := d.allocatePort(ctx, s.rec.ID, p, b)
			if err != nil {
				return nil, err
			}
			if real.HostPort == "0" {
				continue // no network leads out of the container
			}
			got[p] = append(got[p], real)
			if b.HostIp != "" || real.HostIp != "0.0.0.0" || !s6 {
				continue
			}
			real.HostIp = "::"
			if real, err = d.allocatePort(ctx, s.rec.ID, p, real); err != nil {
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

// disconnect gives addresses and ports back. A container that had none is no
// problem.
func (d *Daemon) disconnect(ctx context.Context, id string) {
	if err := d.job(ctx, "release_interface", id).Run(); err != nil && !errdefs.IsNotFound(err) {
		d.opt.Logf("releasing the network of container %s: %v", short(id), err)
	}
}

// connected tells whether connect gave the container something.
func connected(net *api.NetworkSettings) bool {
	for _, e := range net.Networks {
		if e.EndpointID != "" {
			return true
		}
	}
	return net.SandboxKey != ""
}

// gatewayOf is the address of the host on a network of the container.
func gatewayOf(net *api.NetworkSettings) string {
	if net.Gateway != "" {
		return net.Gateway
	}
	for _, name := range slices.Sorted(maps.Keys(net.Networks)) {
		if g := net.Networks[name].Gateway; g != "" {
			return g
		}
	}
	return ""
}
