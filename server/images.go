package server

import (
	"context"

	"github.com/enginejobs/docker/dockerversion"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graph"
	"github.com/enginejobs/docker/graphdriver/graphdrivers"
)

// OpenImages opens the storage driver and the image store on top of it, and
// puts the image jobs on the engine.
func (s *Server) OpenImages(context.Context) error {
	if err := need(s.parts.registries != nil, "the registries"); err != nil {
		return err
	}
	for _, opt := range s.cfg.StorageOpts {
		return errdefs.InvalidArgument("storage option %q: the storage drivers of this engine have no options", opt)
	}
	driver, err := graphdrivers.New(s.cfg.StorageDriver, s.cfg.Root, s.log.Warnf)
	if err != nil {
		return err
	}
	s.eng.OnShutdown("storage driver", func(context.Context) error { return driver.Close() })
	store, err := graph.New(graph.Options{
		Root: s.cfg.Root, Driver: driver, Engine: s.eng, Registries: s.parts.registries, Version: dockerversion.Version, Now: s.cfg.Now, Logf: s.log.Warnf,
	})
	if err != nil {
		return err
	}
	s.parts.images = store
	return store.Install(s.eng)
}
