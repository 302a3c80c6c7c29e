package server

import (
	"context"

	"github.com/enginejobs/docker/dockerversion"
	"github.com/enginejobs/docker/registry"
)

// OpenRegistries makes what talks to registries and puts its jobs on the engine.
func (s *Server) OpenRegistries(context.Context) error {
	registries, err := registry.New(registry.Options{
		Mirrors: s.cfg.Registries.Mirrors, Insecure: s.cfg.Registries.Insecure, CertsDir: s.cfg.Registries.CertsDir,
		UserAgent: "docker/" + dockerversion.Version, Logf: s.log.Warnf,
	})
	if err != nil {
		return err
	}
	s.parts.registries = registries
	s.eng.OnShutdown("registries", func(context.Context) error { registries.Close(); return nil })
	return registries.Install(s.eng)
}
