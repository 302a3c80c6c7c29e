package daemon

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/resolvconf"
)

// nameServer is where containers on networks with names ask.
const nameServer = "127.0.0.11"

// upstream is a server that the container's name server asks for what it does
// not know; inside the container's network where its user named it.
type upstream struct {
	Addr   netip.AddrPort
	Inside bool
}

// askNames adds to a request for an interface what a network with names needs.
func (d *Daemon) askNames(job *engine.Job, s *snapshot, wish *api.EndpointSettings) error {
	job.SetenvList("Names", dnsNames(s, wish))
	if wish != nil && len(wish.Links) > 0 {
		links := make(map[string]string, len(wish.Links))
		for _, spec := range wish.Links {
			name, alias, ok := strings.Cut(spec, ":")
			if !ok {
				alias = name
			}
			links[alias] = strings.TrimPrefix(name, "/")
		}
		if err := job.SetenvJson("Links", links); err != nil {
			return err
		}
	}
	up, err := d.upstreams(s)
	if err != nil {
		return err
	}
	return job.SetenvJson("Resolver", map[string]any{"Upstreams": up})
}

// dnsNames are the names of a container on a network: its own first, because
// that is the one its address leads back to.
func dnsNames(s *snapshot, wish *api.EndpointSettings) []string {
	names := []string{s.bare()}
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if wish != nil {
		for _, alias := range wish.Aliases {
			add(alias)
		}
	}
	add(short(s.rec.ID))
	add(s.rec.Config.Hostname)
	return names
}

// upstreams lists the servers behind the name server.
func (d *Daemon) upstreams(s *snapshot) ([]upstream, error) {
	var list []upstream
	add := func(servers []string, inside bool) {
		for _, text := range servers {
			if ip, err := netip.ParseAddr(text); err == nil {
				list = append(list, upstream{netip.AddrPortFrom(ip, 53), inside})
			}
		}
	}
	switch {
	case len(s.host.Dns) > 0:
		add(s.host.Dns, true)
	case len(d.opt.DNS) > 0:
		add(d.opt.DNS, false)
	default:
		text, err := resolvconf.ReadHost(d.resolvPaths())
		if err != nil {
			return nil, errdefs.Internal("reading the host's resolv.conf: %w", err)
		}
		add(resolvconf.Parse(text).Nameservers, false)
	}
	return list, nil
}

func (d *Daemon) resolvPaths() (primary, alternate string) {
	if d.opt.ResolvConf != "" {
		return d.opt.ResolvConf, d.opt.ResolvConf
	}
	return resolvconf.HostPath, resolvconf.SystemdPath
}

// tellNames gives a container its new name on its networks.
func (d *Daemon) tellNames(ctx context.Context, s *snapshot) {
	for name, e := range s.net.Networks {
		if name == defaultNetwork || e.EndpointID == "" {
			continue
		}
		job := d.job(ctx, "name_interface", s.rec.ID)
		job.Setenv("Network", name)
		job.SetenvList("Names", dnsNames(s, s.rec.Endpoints[name]))
		if err := job.Run(); err != nil && !errdefs.IsNotFound(err) {
			d.opt.Logf("naming container %s on network %s: %v", s.bare(), name, err)
		}
	}
}
