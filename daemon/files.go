package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/etchosts"
	"github.com/enginejobs/docker/pkg/resolvconf"
	"github.com/enginejobs/docker/pkg/rewrite"
)

// writeFiles makes the hosts, hostname and resolv.conf of a starting
// container. hosts and hostname are made anew at every start; resolv.conf is
// kept from the first start on, because the user may have changed it.
func (d *Daemon) writeFiles(c *container, s *snapshot, children []*snapshot) error {
	kind, _ := networkMode(s.host)
	if kind == "container" {
		return nil // those of the other container are used
	}
	hosts, err := d.hostsFile(s, kind, children)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.path("hosts"), hosts, 0o644); err != nil {
		return errdefs.Internal("writing the hosts file: %w", err)
	}
	if err := os.WriteFile(c.path("hostname"), []byte(s.rec.Config.Hostname+"\n"), 0o644); err != nil {
		return errdefs.Internal("writing the hostname file: %w", err)
	}
	path := c.path("resolv.conf")
	keep, err := fits(path, named(networksOf(s.rec, s.host)))
	if err != nil {
		return errdefs.Internal("writing resolv.conf: %w", err)
	}
	if keep && kind != "host" {
		return nil
	}
	text, err := d.resolvConf(s, kind)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return errdefs.Internal("writing resolv.conf: %w", err)
	}
	return nil
}

// rewriteFiles brings hosts and resolv.conf of a running container in line with
// its networks. The files are mounted in it: they are changed where they are.
func (d *Daemon) rewriteFiles(c *container, s *snapshot) error {
	kind, _ := networkMode(s.host)
	children, err := d.children(s)
	if err != nil { // a linked container has ended: its line goes
		children = nil
	}
	hosts, err := d.hostsFile(s, kind, children)
	if err != nil {
		return err
	}
	if err := rewrite.InPlace(c.path("hosts"), func([]byte) []byte { return hosts }); err != nil {
		return errdefs.Internal("writing the hosts file: %w", err)
	}
	path := c.path("resolv.conf")
	keep, err := fits(path, named(networksOf(s.rec, s.host)))
	if err != nil || keep {
		return err
	}
	text, err := d.resolvConf(s, kind)
	if err != nil {
		return err
	}
	if err := rewrite.InPlace(path, func([]byte) []byte { return text }); err != nil {
		return errdefs.Internal("writing resolv.conf: %w", err)
	}
	return nil
}

// fits tells whether a resolv.conf of an earlier start is there and asks the
// container's own name server if, and only if, there is one now.
func fits(path string, own bool) (bool, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && own == slices.Contains(resolvconf.Parse(text).Nameservers, nameServer), err
}

func (d *Daemon) hostsFile(s *snapshot, kind string, children []*snapshot) ([]byte, error) {
	var others []etchosts.Entry
	for i, child := range children {
		names := []string{s.rec.Links[i].Alias}
		others = append(others, etchosts.Entry{IP: child.net.IPAddress, Names: names})
	}
	for _, spec := range s.host.ExtraHosts {
		gateway := gatewayOf(&s.net)
		if kind == "host" {
			gateway = "127.0.0.1"
		}
		e, err := etchosts.ParseExtra(spec, gateway)
		if err != nil {
			return nil, errdefs.As(errdefs.KindInvalidArgument, err)
		}
		others = append(others, e)
	}
	if kind == "host" {
		text, err := os.ReadFile(d.opt.HostsFile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errdefs.Internal("reading the host's hosts file: %w", err)
		}
		for _, e := range others {
			text = append(text, fmt.Sprintf("%s\t%s\n", e.IP, e.Names[0])...)
		}
		return text, nil
	}
	ip := s.net.IPAddress
	if ip == "" && (d.opt.NoNetwork || s.rec.Config.NetworkDisabled) {
		ip = "127.0.1.1"
	}
	self := etchosts.Self(ip, s.rec.Config.Hostname, s.rec.Config.Domainname)
	for _, name := range slices.Sorted(maps.Keys(s.net.Networks)) {
		for _, address := range []string{s.net.Networks[name].IPAddress, s.net.Networks[name].GlobalIPv6Address} {
			switch {
			case address == "" || address == self.IP:
			case self.IP == "":
				self = etchosts.Self(address, s.rec.Config.Hostname, s.rec.Config.Domainname)
			default:
				others = append(others, etchosts.Self(address, s.rec.Config.Hostname, s.rec.Config.Domainname))
			}
		}
	}
	return etchosts.Build(self, others...), nil
}

func (d *Daemon) resolvConf(s *snapshot, kind string) ([]byte, error) {
	primary, alternate := d.resolvPaths()
	w := resolvconf.Wish{DNS: s.host.Dns, Search: s.host.DnsSearch, Options: s.host.DnsOptions}
	if len(w.DNS) == 0 {
		w.DNS = d.opt.DNS
	}
	if len(w.Search) == 0 {
		w.Search = d.opt.DNSSearch
	}
	if len(w.Options) == 0 {
		w.Options = d.opt.DNSOptions
	}
	if kind == "host" {
		if text, err := os.ReadFile(primary); err == nil && len(w.DNS)+len(w.Search)+len(w.Options) == 0 {
			return text, nil
		}
	}
	host, err := resolvconf.ReadHost(primary, alternate)
	if err != nil {
		return nil, errdefs.Internal("reading the host's resolv.conf: %w", err)
	}
	w.IPv6 = s.net.GlobalIPv6Address != ""
	if named(networksOf(s.rec, s.host)) {
		w.DNS = []string{nameServer}
		if !slices.ContainsFunc(w.Options, func(o string) bool { return strings.HasPrefix(o, "ndots:") }) {
			w.Options = append(slices.Clone(w.Options), "ndots:0") // names of containers are whole
		}
	}
	return resolvconf.Build(host, w), nil
}

// bindSource makes sure that the host path of a bind exists.
func bindSource(m mountPoint) (string, error) {
	src := m.Source
	if m.Subpath != "" {
		src = filepath.Join(src, m.Subpath)
		real, err := filepath.EvalSymlinks(src)
		if err != nil {
			return "", errdefs.InvalidArgument("subpath %s of volume %s: %w", m.Subpath, m.Name, err)
		}
		if rel, err := filepath.Rel(m.Source, real); err != nil || !filepath.IsLocal(rel) {
			return "", errdefs.InvalidArgument("subpath %s leads out of volume %s", m.Subpath, m.Name)
		}
		return real, nil
	}
	_, err := os.Stat(src)
	switch {
	case err == nil:
		return src, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", errdefs.InvalidArgument("bind source %s: %w", src, err)
	case !m.CreateDir && m.Type == "bind":
		return "", errdefs.InvalidArgument("bind source path does not exist: %s", src)
	}
	if err := os.MkdirAll(src, 0o755); err != nil {
		return "", errdefs.InvalidArgument("Could not create local directory '%s' for bind mount: %w!", src, err)
	}
	return src, nil
}
