package server

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/enginejobs/docker/daemon"
	"github.com/enginejobs/docker/dockerversion"
)

// StartDaemon makes the daemon of the parts that are up, and puts the container
// jobs on the engine. It knows no container yet: that is Restore.
func (s *Server) StartDaemon(context.Context) error {
	p := &s.parts
	if err := errors.Join(
		need(p.images != nil, "the image store"), need(p.names != nil, "the name store"),
		need(p.exec != nil, "the exec driver"),
	); err != nil {
		return err
	}
	defaults, err := s.cfg.Containers.defaults()
	if err != nil {
		return err
	}
	d, err := daemon.New(daemon.Options{
		Root: s.cfg.Root, Engine: s.eng, Images: p.images, Exec: p.exec, Names: p.names,
		Registries: p.registries.Config(), ID: p.id, Version: dockerversion.Version, Labels: s.cfg.Labels, Debug: s.cfg.Debug,
		DNS: s.cfg.Network.DNS, DNSSearch: s.cfg.Network.DNSSearch, DNSOptions: s.cfg.Network.DNSOptions,
		NoNetwork: s.cfg.Network.Off, Init: s.cfg.Containers.Init, StopTimeout: s.cfg.Containers.StopTimeout, Defaults: defaults,
		LogDriver: s.cfg.LogDriver, LogOpts: s.cfg.LogOpts,
		CgroupRoot: s.cfg.CgroupParent, Ulimits: s.cfg.Ulimits,
		Firewall: p.network.Firewall, AddressPools: p.network.AddressPools, Warnings: s.cfg.exposed(),
		LiveRestore: s.cfg.LiveRestore, Now: s.cfg.Now, Logf: s.log.Warnf,
	})
	if err != nil {
		return err
	}
	p.daemon = d
	s.stats.Add(d)
	s.eng.OnShutdown("containers", d.Close)
	return d.Install(s.eng)
}

// defaults reads what the configuration names by a file.
func (c *Containers) defaults() (daemon.Defaults, error) {
	d := daemon.Defaults{
		IpcMode: c.IpcMode, CgroupnsMode: c.CgroupnsMode, ShmSize: c.ShmSize, NoNewPrivileges: c.NoNewPrivileges,
	}
	switch c.SeccompProfile {
	case "", "builtin":
	case "unconfined":
		d.Seccomp, d.SeccompName = c.SeccompProfile, c.SeccompProfile
	default:
		profile, err := os.ReadFile(c.SeccompProfile)
		if err != nil {
			return d, fmt.Errorf("opening seccomp profile (%s) failed: %w", c.SeccompProfile, err)
		}
		d.Seccomp, d.SeccompName = string(profile), c.SeccompProfile
	}
	return d, nil
}

// Restore finds the containers that earlier daemons left, running or not.
func (s *Server) Restore(ctx context.Context) error {
	if err := need(s.parts.daemon != nil, "the daemon"); err != nil {
		return err
	}
	return s.parts.daemon.Restore(ctx)
}
