package daemon

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/etchosts"
	"github.com/enginejobs/docker/runconfig"
)

// settleLinks resolves the links of a new container.
func (d *Daemon) settleLinks(h *runconfig.HostConfig) ([]link, error) {
	if kind, _ := networkMode(h); kind == "other" {
		return nil, nil // its name server knows them
	}
	var links []link
	for _, spec := range h.Links {
		if !strings.Contains(spec, ":") { // clients since 1.6 leave it to us to repeat the name
			spec += ":" + strings.TrimPrefix(spec, "/")
		}
		name, alias, err := runconfig.ParseLink(spec)
		if err != nil {
			return nil, errdefs.As(errdefs.KindInvalidArgument, err)
		}
		child, err := d.containers.find(name)
		if err != nil { // not NotFound: of a create, clients take that for a missing image and pull
			return nil, errdefs.InvalidArgument("Could not get container for %s", name)
		}
		if kind, _ := networkMode(child.now().host); kind == "host" {
			return nil, errdefs.InvalidArgument("Conflicting options: --net=host can't be used with links. " +
				"This would result in undefined behavior.")
		}
		if slices.ContainsFunc(links, func(l link) bool { return l.Alias == alias }) {
			return nil, errdefs.InvalidArgument("link alias %s is used twice", alias)
		}
		links = append(links, link{Child: child.id, Alias: alias})
	}
	return links, nil
}

// children gives the snapshots of the containers that s links to; all must run.
func (d *Daemon) children(s *snapshot) ([]*snapshot, error) {
	list := make([]*snapshot, len(s.rec.Links))
	for i, l := range s.rec.Links {
		child := d.containers.byID(l.Child)
		if child == nil {
			return nil, errdefs.NotFound("Could not get container for %s", s.rec.Name+"/"+l.Alias)
		}
		list[i] = child.now()
		if !list[i].state.alive() || list[i].state.Phase == restarting {
			return nil, errdefs.Conflict("Cannot link to a non running container: %s AS %s/%s",
				list[i].rec.Name, s.rec.Name, l.Alias)
		}
	}
	return list, nil
}

// openLinks lets packets pass between s and those it links to. It undoes what
// it did when it fails.
func (d *Daemon) openLinks(ctx context.Context, s *snapshot, ip string, children []*snapshot) error {
	for i, child := range children {
		if err := d.link(ctx, "-A", ip, child); err != nil {
			for _, done := range children[:i] {
				_ = d.link(ctx, "-D", ip, done)
			}
			return fmt.Errorf("linking %s to %s: %w", s.bare(), child.bare(), err)
		}
	}
	return nil
}

// closeLinks undoes openLinks; problems do not matter.
func (d *Daemon) closeLinks(ctx context.Context, s *snapshot) {
	for _, l := range s.rec.Links {
		if child := d.containers.byID(l.Child); child != nil && s.net.IPAddress != "" {
			if cs := child.now(); cs.net.IPAddress != "" {
				_ = d.link(ctx, "-D", s.net.IPAddress, cs)
			}
		}
	}
}

func (d *Daemon) link(ctx context.Context, action, parentIP string, child *snapshot) error {
	var ports []string
	for _, p := range exposed(child.rec.Config) {
		ports = append(ports, string(p))
	}
	job := d.job(ctx, "link", action)
	job.Setenv("ParentIP", parentIP)
	job.Setenv("ChildIP", child.net.IPAddress)
	job.SetenvList("Ports", ports)
	if action == "-D" {
		job.SetenvBool("IgnoreErrors", true)
	}
	return job.Run()
}

// exposed lists the ports by number, tcp before udp.
func exposed(c *runconfig.Config) []runconfig.Port {
	return slices.SortedFunc(maps.Keys(c.ExposedPorts), func(a, b runconfig.Port) int {
		an, ap := a.Split()
		bn, bp := b.Split()
		return cmp.Or(cmp.Compare(an, bn), cmp.Compare(ap, bp))
	})
}

// linkEnv makes the variables that tell a container about one it links to.
func linkEnv(parent *snapshot, alias string, child *snapshot) []string {
	prefix := strings.ToUpper(strings.ReplaceAll(alias, "-", "_"))
	ip := child.net.IPAddress
	ports := exposed(child.rec.Config)
	url := func(p runconfig.Port) string {
		n, proto := p.Split()
		return proto + "://" + ip + ":" + strconv.Itoa(n)
	}
	var env []string
	if len(ports) > 0 {
		env = append(env, prefix+"_PORT="+url(ports[0]))
	}
	for _, run := range consecutive(ports) {
		first, proto := run[0].Split()
		last, _ := run[len(run)-1].Split()
		name := fmt.Sprintf("%s_PORT_%d_%s", prefix, first, strings.ToUpper(proto))
		env = append(env, name+"_START="+url(run[0]), name+"_ADDR="+ip, name+"_PROTO="+proto,
			name+"_PORT_START="+strconv.Itoa(first), name+"_END="+url(run[len(run)-1]), name+"_PORT_END="+strconv.Itoa(last))
	}
	for _, p := range ports {
		n, proto := p.Split()
		name := fmt.Sprintf("%s_PORT_%d_%s", prefix, n, strings.ToUpper(proto))
		env = append(env, name+"="+url(p), name+"_ADDR="+ip, name+"_PORT="+strconv.Itoa(n), name+"_PROTO="+proto)
	}
	env = append(env, prefix+"_NAME="+parent.rec.Name+"/"+alias)
	for _, e := range child.rec.Config.Env {
		key, value, ok := strings.Cut(e, "=")
		if !ok || key == "HOME" || key == "PATH" || strings.Contains(value, "=") {
			continue
		}
		env = append(env, prefix+"_ENV_"+key+"="+value)
	}
	return env
}

// consecutive finds the runs of three or more neighbouring port numbers.
func consecutive(ports []runconfig.Port) [][]runconfig.Port {
	var runs [][]runconfig.Port
	for start := 0; start < len(ports); {
		end := start + 1
		for end < len(ports) {
			a, _ := ports[end-1].Split()
			if b, _ := ports[end].Split(); b != a+1 {
				break
			}
			end++
		}
		if end-start >= 3 {
			runs = append(runs, ports[start:end])
		}
		start = end
	}
	return runs
}

// announce gives a container's new address to those that run and link to it,
// and opens their way there: the one to the address before closed with it.
func (d *Daemon) announce(ctx context.Context, s *snapshot) {
	ip := s.net.IPAddress
	if ip == "" {
		return
	}
	for _, c := range d.containers.all() {
		parent := c.now()
		if len(parent.rec.Links) == 0 || !parent.state.alive() {
			continue
		}
		for _, l := range parent.rec.Links {
			if l.Child != s.rec.ID {
				continue
			}
			if from := parent.net.IPAddress; from != "" {
				if err := d.link(ctx, "-A", from, s); err != nil {
					d.opt.Logf("opening the link of %s to %s again: %v", parent.bare(), s.bare(), err)
				}
			}
			if err := etchosts.Update(parent.rec.HostsPath, l.Alias, ip); err != nil {
				d.opt.Logf("telling %s the new address of %s: %v", parent.bare(), s.bare(), err)
			}
		}
	}
}
