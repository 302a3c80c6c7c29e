package netjobs

import (
	"context"
	"net/netip"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// networkInspect describes network_inspect.
//
// Usage: network_inspect NETWORK
// Stdout: one api.Network, with the containers that are on it.
// Errors: NotFound, InvalidArgument (an ambiguous id).
func (d *doors) networkInspect() engine.Declaration {
	return engine.Declaration{
		Name:    "network_inspect",
		Summary: "Show what is known of a network.",
		Args:    []engine.Arg{{Name: "NETWORK", Summary: "name or id"}},
		Env: []engine.Key{
			{Name: "containers", Type: engine.Bool, Default: "1", Summary: "tell who is on it"},
			{Name: "scope", Type: engine.String, Summary: "only networks of this scope: local"},
			{Name: "verbose", Type: engine.Bool, Summary: "accepted; there is nothing more to tell"},
		},
		Stdout:  engine.JSONDocument,
		Handler: d.jobNetworkInspect,
	}
}

func (d *doors) jobNetworkInspect(job *engine.Job) error {
	ref, containers, err := decodeNetworkInspect(job)
	if err != nil {
		return err
	}
	def, err := d.networks.Find(ref)
	if err != nil {
		return err
	}
	n := network(def)
	if containers {
		rows, err := d.containers(job.Context())
		if err != nil {
			return err
		}
		n.Containers = on(def, rows)
	}
	return job.WriteJSON(n)
}

func decodeNetworkInspect(job *engine.Job) (ref string, containers bool, err error) {
	if scope := job.Getenv("scope"); scope != "" && scope != "local" {
		return "", false, networkdriver.NoNetwork(job.Args[0])
	}
	return job.Args[0], job.GetenvBool("containers"), nil
}

// network is the API's form of a definition.
func network(def networkdriver.Definition) api.Network {
	n := api.Network{
		Name: def.Name, Id: def.ID, Created: def.Created, Scope: "local", Driver: def.Driver,
		EnableIPv4: def.EnableIPv4, EnableIPv6: def.EnableIPv6, Internal: def.Internal, Attachable: def.Attachable,
		Ingress: def.Ingress, ConfigOnly: def.ConfigOnly, ConfigFrom: api.NetworkReference{Network: def.ConfigFrom},
		Options: orEmpty(def.Options), Labels: orEmpty(def.Labels),
		IPAM: api.IPAM{Driver: def.IPAM.Driver, Options: def.IPAM.Options, Config: []api.IPAMConfig{}},
	}
	if n.IPAM.Driver == "" {
		n.IPAM.Driver = "default"
	}
	for _, p := range def.IPAM.Config {
		n.IPAM.Config = append(n.IPAM.Config, api.IPAMConfig{
			Subnet: p.Subnet, IPRange: p.IPRange, Gateway: p.Gateway, AuxiliaryAddresses: p.AuxAddress,
		})
	}
	return n
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// containers lists those that run. An engine without a daemon has none.
func (d *doors) containers(ctx context.Context) ([]api.ContainerSummary, error) {
	job := d.eng.Job("containers").SetContext(ctx)
	var rows []api.ContainerSummary
	err := job.OutputJSON(&rows)
	if errdefs.Is(err, errdefs.KindUnknownJob) {
		return nil, nil
	}
	return rows, err
}

// on picks the containers that are on a network.
func on(def networkdriver.Definition, rows []api.ContainerSummary) map[string]api.NetworkContainer {
	list := map[string]api.NetworkContainer{}
	for _, row := range rows {
		e := row.NetworkSettings.Networks[def.Name]
		if e == nil {
			continue
		}
		c := api.NetworkContainer{EndpointID: e.EndpointID, MacAddress: e.MacAddress}
		if len(row.Names) > 0 {
			c.Name = strings.TrimPrefix(row.Names[0], "/")
		}
		if ip, err := netip.ParseAddr(e.IPAddress); err == nil {
			c.IPv4Address = netip.PrefixFrom(ip, e.IPPrefixLen).String()
		}
		if ip, err := netip.ParseAddr(e.GlobalIPv6Address); err == nil {
			c.IPv6Address = netip.PrefixFrom(ip, e.GlobalIPv6PrefixLen).String()
		}
		list[row.Id] = c
	}
	return list
}
