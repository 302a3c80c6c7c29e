package server

import (
	"context"
	"path/filepath"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native"
)

// StartExec opens the exec driver. The native one finds the exec engine that an
// earlier daemon left, or starts one, while the other steps go on.
func (s *Server) StartExec(context.Context) error {
	driver, err := s.execDriver()
	if err != nil {
		return err
	}
	s.parts.exec = driver
	s.eng.OnShutdown("exec driver", func(context.Context) error { return driver.Close() })
	return nil
}

func (s *Server) execDriver() (execdriver.Driver, error) {
	if s.cfg.Exec != nil {
		return s.cfg.Exec, nil
	}
	switch s.cfg.ExecDriver {
	case "native":
		return native.New(native.Options{
			Root:       filepath.Join(s.cfg.Root, "execdriver", "native"),
			Dockerinit: s.cfg.Dockerinit, DockerinitPath: s.cfg.DockerinitPath,
			Logf: s.log.Warnf,
		})
	case "lxc":
		return nil, errdefs.NotImplemented("exec driver lxc is not part of this engine yet; use native")
	}
	return nil, errdefs.InvalidArgument("unknown exec driver %q; the only one is native", s.cfg.ExecDriver)
}
