package server

import (
	"fmt"

	"github.com/enginejobs/docker/engine"
)

// declareInitServer describes the job that brings a daemon up.
//
// Usage: initserver
// Errors: that of the first step that fails; the steps before it stay up until
// the engine is shut down.
func (s *Server) declareInitServer() engine.Declaration {
	return engine.Declaration{
		Name:    "initserver",
		Summary: "Brings the daemon up, step by step in the order of the package builtins.",
		Changes: true,
		Handler: s.jobInitServer,
	}
}

func (s *Server) jobInitServer(job *engine.Job) error {
	for _, step := range s.steps {
		if err := job.Context().Err(); err != nil {
			return fmt.Errorf("starting %s: %w", step.Name, err)
		}
		began := s.cfg.Now()
		if err := step.Up(job.Context()); err != nil {
			return fmt.Errorf("starting %s: %w", step.Name, err)
		}
		s.log.Debugf("started %s in %v", step.Name, s.cfg.Now().Sub(began))
	}
	return nil
}
