package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/runconfig"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// command resolves everything about a container into what the exec driver
// takes: it looks nothing up by itself.
func (d *Daemon) command(c *container, s *snapshot, children []*snapshot) (*execdriver.Command, error) {
	cfg, host := s.rec.Config, s.host
	mounts := d.opt.Images.Mounts
	if s.passing() {
		mounts = d.opt.Images.ExpendableMounts
	}
	root, err := mounts(c.id)
	if err != nil {
		return nil, fmt.Errorf("finding the root of container %s: %w", short(c.id), err)
	}
	cmd := &execdriver.Command{
		ID: c.id, Root: root, ReadonlyFS: host.ReadonlyRootfs, Hostname: cfg.Hostname, Domainname: cfg.Domainname,
		Process: execdriver.Process{
			Args: append([]string{s.rec.Path}, s.rec.Args...), Env: environment(s, children), Dir: cfg.WorkingDir,
			User: cfg.User, Groups: host.GroupAdd, Tty: cfg.Tty, OpenStdin: cfg.OpenStdin,
			Height: uint16(min(host.ConsoleSize[0], 65535)), Width: uint16(min(host.ConsoleSize[1], 65535)),
			OOMScore: host.OomScoreAdj,
		},
		CgroupParent: host.CgroupParent, Sysctls: host.Sysctls, ShmSize: host.ShmSize,
		StopSignal: stopSignal(cfg),
		UseInit:    d.opt.Init && host.Init == nil || host.Init != nil && *host.Init,
	}
	if cmd.Log, err = c.logSpec(s); err != nil {
		return nil, err
	}
	if cmd.Resources, err = d.resources(host); err != nil {
		return nil, err
	}
	if cmd.CgroupParent == "" {
		cmd.CgroupParent = d.opt.CgroupRoot
	}
	if cmd.Security, err = d.securityOptions(host); err != nil {
		return nil, err
	}
	if cmd.Security.Capabilities, err = capabilities(host); err != nil {
		return nil, err
	}
	if cmd.Devices, err = devices(host); err != nil {
		return nil, err
	}
	if cmd.Namespaces, err = d.namespaces(s, cmd); err != nil {
		return nil, err
	}
	cmd.Mounts, err = d.commandMounts(s)
	return cmd, err
}

// stopSignal is the number of the signal that stops the container.
func stopSignal(c *runconfig.Config) int {
	if n, err := parseSignal(c.StopSignal); err == nil {
		return n
	}
	return int(syscall.SIGTERM)
}

// environment puts the variables together: defaults, links, then the user's own.
func environment(s *snapshot, children []*snapshot) []string {
	env := []string{"PATH=" + defaultPath, "HOSTNAME=" + s.rec.Config.Hostname}
	if s.rec.Config.Tty {
		env = append(env, "TERM=xterm")
	}
	for i, child := range children {
		env = append(env, linkEnv(s, s.rec.Links[i].Alias, child)...)
	}
	return override(override(env, s.rec.Config.Env), s.hidden)
}

// override puts variables into an environment. They replace by name; one without
// = takes the name away.
func override(env, with []string) []string {
	at := make(map[string]int, len(env))
	for i, e := range env {
		key, _, _ := strings.Cut(e, "=")
		at[key] = i
	}
	for _, e := range with {
		key, _, set := strings.Cut(e, "=")
		i, there := at[key]
		switch {
		case there && set:
			env[i] = e
		case there:
			env[i] = ""
			delete(at, key)
		case set:
			at[key] = len(env)
			env = append(env, e)
		}
	}
	return slices.DeleteFunc(env, func(e string) bool { return e == "" })
}

// commandMounts lists binds, volumes and tmpfs, parents before children, and
// last the three files that every container gets unless it brings its own.
func (d *Daemon) commandMounts(s *snapshot) ([]mount.Mount, error) {
	var list []mount.Mount
	for _, dst := range slices.Sorted(maps.Keys(s.rec.MountPoints)) {
		m, err := d.toMount(s.rec.ID, s.rec.MountPoints[dst])
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	owner := s.rec
	if kind, ref := networkMode(s.host); kind == "container" {
		other, err := d.containers.find(ref)
		if err != nil {
			return nil, err
		}
		owner = other.now().rec
	}
	for _, f := range []struct{ target, source string }{
		{"/etc/resolv.conf", owner.ResolvConfPath}, {"/etc/hostname", owner.HostnamePath}, {"/etc/hosts", owner.HostsPath},
	} {
		if _, own := s.rec.MountPoints[f.target]; own || f.source == "" {
			continue
		}
		list = append(list, mount.Mount{
			Type: "bind", Source: f.source, Target: f.target, Options: []string{"bind", "rprivate"},
		})
	}
	return list, nil
}

func (d *Daemon) toMount(id string, m mountPoint) (mount.Mount, error) {
	if m.Type == "image" {
		return d.imageMount(id, m)
	}
	if m.Type == "tmpfs" {
		return mount.Mount{Type: "tmpfs", Source: "tmpfs", Target: m.Destination, Options: tmpfsFlags(m)}, nil
	}
	src, err := bindSource(m)
	if err != nil {
		return mount.Mount{}, err
	}
	bind, propagation := "rbind", m.Propagation
	if m.NonRecurse {
		bind = "bind"
	}
	if propagation == "" {
		propagation = "rprivate"
	}
	if err := checkPropagation(src, propagation); err != nil {
		return mount.Mount{}, err
	}
	options := []string{bind, propagation}
	if !m.RW {
		options = append(options, "ro")
		if !m.BelowRW && !m.NonRecurse {
			options = append(options, "rro")
		}
	}
	return mount.Mount{Type: "bind", Source: src, Target: m.Destination, Options: options}, nil
}

// tmpfsFlags puts the user's options over the careful defaults.
func tmpfsFlags(m mountPoint) []string {
	flags := []string{"noexec", "nosuid", "nodev"}
	for word := range strings.SplitSeq(m.Options, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		flags = slices.DeleteFunc(flags, func(f string) bool { return f == "no"+word || f == word })
		if word != "exec" && word != "suid" && word != "dev" && word != "rw" {
			flags = append(flags, word)
		}
	}
	if !m.RW {
		flags = append(flags, "ro")
	}
	return flags
}

func tmpfsOptions(spec runconfig.Mount) string {
	if spec.TmpfsOptions == nil {
		return ""
	}
	var words []string
	if n := spec.TmpfsOptions.SizeBytes; n > 0 {
		words = append(words, fmt.Sprintf("size=%d", n))
	}
	if mode := spec.TmpfsOptions.Mode; mode != 0 {
		words = append(words, fmt.Sprintf("mode=%o", mode))
	}
	for _, option := range spec.TmpfsOptions.Options {
		words = append(words, strings.Join(option, "="))
	}
	return strings.Join(words, ",")
}
