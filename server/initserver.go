package server

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
		Summary: "Bring the daemon up, step by step in the order of the package builtins.",
		Changes: true,
		Handler: s.jobInitServer,
	}
}

func (s *Server) jobInitServer(job *engine.Job) error {
	for _, line := range s.steps {
		if err := s.climb(job.Context(), line); err != nil {
			return err
		}
	}
	return nil
}

// climb takes the steps of one line together. When one fails the others are
// asked to end, and are waited for.
func (s *Server) climb(ctx context.Context, line []Step) error {
	if len(line) == 1 {
		return s.take(ctx, line[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failures := make([]error, len(line))
	var all sync.WaitGroup
	for i, step := range line {
		all.Go(func() {
			if failures[i] = s.take(ctx, step); failures[i] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	for _, err := range failures { // what was only cancelled is not the reason
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(failures...)
}

func (s *Server) take(ctx context.Context, step Step) error {
	began := s.cfg.Now()
	err := ctx.Err()
	if err == nil {
		err = step.Up(ctx)
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w", step.Name, err)
	}
	s.log.Debugf("started %s in %v", step.Name, s.cfg.Now().Sub(began))
	return nil
}
