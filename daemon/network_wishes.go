package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// endpoints is what a new container asks of networks, under their names. A
// network that does not exist is found out at the start: it may come until then.
func (d *Daemon) endpoints(ctx context.Context, n *runconfig.NetworkingConfig, h *runconfig.HostConfig) (map[string]*api.EndpointSettings, error) {
	kind, ref := networkMode(h)
	if kind == "other" {
		ref = d.networkName(ctx, ref)
		h.NetworkMode = ref
	}
	out := map[string]*api.EndpointSettings{}
	for name, e := range n.EndpointsConfig {
		if name == "" || name == "default" { // clients of today write it so
			name = defaultNetwork
		}
		name = d.networkName(ctx, name)
		if e == nil {
			e = &runconfig.EndpointConfig{}
		}
		if err := checkEndpoint(kind, name, e); err != nil {
			return nil, err
		}
		out[name] = endpoint(e)
	}
	if kind == "other" {
		if out[ref] == nil {
			out[ref] = &api.EndpointSettings{}
		}
		out[ref].Links = append(out[ref].Links, h.Links...)
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// onlyOthers tells whether a container whose mode names no network asks for some,
// and not for the default one: then it does not join that.
func onlyOthers(endpoints map[string]*api.EndpointSettings, h *runconfig.HostConfig) bool {
	kind, _ := networkMode(h)
	return kind == "bridge" && len(endpoints) > 0 && endpoints[defaultNetwork] == nil
}

func endpoint(e *runconfig.EndpointConfig) *api.EndpointSettings {
	ep := &api.EndpointSettings{
		Links: e.Links, Aliases: e.Aliases, MacAddress: e.MacAddress, DriverOpts: e.DriverOpts, GwPriority: e.GwPriority,
	}
	if e.IPAMConfig != nil {
		ep.IPAMConfig = &api.EndpointIPAM{
			IPv4Address: e.IPAMConfig.IPv4Address, IPv6Address: e.IPAMConfig.IPv6Address,
			LinkLocalIPs: e.IPAMConfig.LinkLocalIPs,
		}
	}
	return ep
}

// interfaceName tells whether the kernel takes a name for an interface.
func interfaceName(name string) bool {
	return name != "" && len(name) <= 15 && name != "." && name != ".." && name != "lo" && !strings.ContainsAny(name, "/: \t\n\v\f\r")
}

// networkName is the name of a network by its id or name; what is not known
// stays as it is.
func (d *Daemon) networkName(ctx context.Context, ref string) string {
	if networkKept(ref) {
		return ref
	}
	if n, err := d.network(ctx, ref); err == nil {
		return n.Name
	}
	return ref
}

// networkKept tells whether a network is always there.
func networkKept(name string) bool { return name == defaultNetwork || name == "host" || name == "none" }

// network asks for a network.
func (d *Daemon) network(ctx context.Context, ref string) (n api.Network, err error) {
	job := d.job(ctx, "network_inspect", ref)
	job.SetenvBool("containers", false)
	return n, job.OutputJSON(&n)
}

// optInterface is the option of an endpoint that names its interface in the container.
const optInterface = "com.docker.network.endpoint.ifname"

// optSysctls is the option of an endpoint that has the kernel's settings of its
// interface, separated by commas.
const optSysctls = "com.docker.network.endpoint.sysctls"

// endpointSysctls are those of an endpoint.
func endpointSysctls(options map[string]string) []string {
	if options[optSysctls] == "" {
		return nil
	}
	return strings.Split(options[optSysctls], ",")
}

// checkEndpoint refuses wishes that no network can meet.
func checkEndpoint(kind, name string, e *runconfig.EndpointConfig) error {
	if kind == "container" {
		return errdefs.InvalidArgument("conflicting options: cannot attach both user-defined and non-user-defined network-modes: "+
			"a container in the network of another one cannot join %s", name)
	}
	if (kind == "host" || kind == "none") && name != kind {
		return errdefs.InvalidArgument("conflicting options: cannot attach both user-defined and non-user-defined network-modes: "+
			"network mode %s and network %s", kind, name)
	}
	if dev, asked := e.DriverOpts[optInterface]; asked && !interfaceName(dev) {
		return errdefs.InvalidArgument("invalid endpoint settings: %s of network %s is %.32q: "+
			"want 1 to 15 characters without white space, slash and colon", optInterface, name, dev)
	}
	if err := api.CheckEndpointSysctls(endpointSysctls(e.DriverOpts)); err != nil {
		return errdefs.InvalidArgument("invalid endpoint settings: %w", err)
	}
	if networkKept(name) {
		switch {
		case e.IPAMConfig != nil && (e.IPAMConfig.IPv4Address != "" || e.IPAMConfig.IPv6Address != ""):
			return errdefs.InvalidArgument("user specified IP address is supported on user defined networks only")
		case len(e.Aliases) > 0:
			return errdefs.InvalidArgument("network-scoped aliases are only supported for user-defined networks")
		}
	}
	if e.IPAMConfig == nil {
		return nil
	}
	for text, wanted := range map[string]bool{e.IPAMConfig.IPv4Address: true, e.IPAMConfig.IPv6Address: false} {
		if text == "" {
			continue
		}
		if ip, err := netip.ParseAddr(text); err != nil || ip.Is4() != wanted {
			return errdefs.InvalidArgument("invalid endpoint settings: invalid %s address: %s", family(wanted), text)
		}
	}
	return nil
}

func family(v4 bool) string {
	return fmt.Sprintf("IPv%d", map[bool]int{true: 4, false: 6}[v4])
}
