package server

import (
	"context"
	"errors"

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
	d, err := daemon.New(daemon.Options{
		Root: s.cfg.Root, Engine: s.eng, Images: p.images, Exec: p.exec, Names: p.names,
		ID: p.id, Version: dockerversion.Version, Labels: s.cfg.Labels, Debug: s.cfg.Debug,
		DNS: s.cfg.Network.DNS, DNSSearch: s.cfg.Network.DNSSearch, NoNetwork: s.cfg.Network.Off,
		LogDriver: s.cfg.LogDriver, LogOpts: s.cfg.LogOpts,
		CgroupRoot: s.cfg.CgroupParent, Ulimits: s.cfg.Ulimits,
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

// Restore finds the containers that earlier daemons left, running or not.
func (s *Server) Restore(ctx context.Context) error {
	if err := need(s.parts.daemon != nil, "the daemon"); err != nil {
		return err
	}
	return s.parts.daemon.Restore(ctx)
}
