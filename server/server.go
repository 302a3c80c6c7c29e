// Package server owns the process that a daemon is: its configuration, the
// order in which its parts come up, what undoes each of them, and the signals
// that take it down. It owns when things happen and nothing of what they are:
// no container or image logic, ever.
//
// Its state is the Server value: one engine, the parts that have come up, and
// the pidfile. What undoes a part is registered on the engine (OnShutdown), so
// that Engine.Shutdown is the undo stack: last up, first down, once, under one
// deadline, and just the same after a start that failed half-way.
//
// Start reading at builtins.Boot, the one list of all steps; then Server.Run.
// Only builtins and tests may import this package.
package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/enginejobs/docker/dockerversion"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/metrics"
	"github.com/enginejobs/docker/errdefs"
)

// Step is one part of a daemon coming up. What undoes it is registered with
// Engine.OnShutdown by the step itself, as soon as there is something to undo.
type Step struct {
	Name string
	Up   func(ctx context.Context) error
}

// Steps are lines of steps: those of one line stand on all lines above, not on
// each other, and come up together.
type Steps [][]Step

// Server is one daemon. Make it with New, give it its steps with Use, then Run.
type Server struct {
	cfg   Config
	log   Logger
	eng   *engine.Engine
	steps Steps
	parts parts
	stats *metrics.Registry
	began time.Time

	background sync.WaitGroup // what Close waits for
	closing    chan struct{}  // closed when Close begins
	hurry      func()         // makes the API wait for nobody; see SetHurry
	serveapi   *engine.Job    // nil until Listen
	failed     chan error     // serveapi ended by itself

	closeOnce sync.Once
	closeErr  error
}

// New checks the configuration and returns a server with an engine that has the
// job initserver and nothing else yet.
func New(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Log, eng: engine.New(), began: cfg.Now(),
		failed: make(chan error, 1), hurry: func() {}, closing: make(chan struct{}),
		stats: metrics.New(metrics.Process(), metrics.Build("version", dockerversion.Version, "commit", dockerversion.GitCommit)),
	}
	s.eng.SetWarnf(s.log.Warnf)
	if cfg.Debug {
		s.eng.SetLogf(s.log.Debugf)
	}
	return s, s.eng.Declare(s.declareInitServer())
}

// Engine is the bus of this daemon.
func (s *Server) Engine() *engine.Engine { return s.eng }

// Metrics knows who has numbers to show. Parts enter it when they come up.
func (s *Server) Metrics() *metrics.Registry { return s.stats }

// Config is the completed configuration.
func (s *Server) Config() Config { return s.cfg }

// Use sets the steps that initserver takes.
func (s *Server) Use(steps Steps) { s.steps = steps }

// Steps returns a copy of the steps.
func (s *Server) Steps() Steps {
	steps := make(Steps, 0, len(s.steps))
	for _, line := range s.steps {
		steps = append(steps, slices.Clone(line))
	}
	return steps
}

// SetHurry sets what makes the API stop waiting for requests, on the second
// signal.
func (s *Server) SetHurry(f func()) { s.hurry = f }

// Start brings everything up. When a step fails, what had come up is taken down
// again before Start returns.
func (s *Server) Start(ctx context.Context) error {
	err := s.eng.Job("initserver").SetContext(ctx).Run()
	if err == nil {
		if !s.cfg.Guest {
			s.trimLater()
		}
		return nil
	}
	down, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	if closeErr := s.Close(down); closeErr != nil {
		s.log.Errorf("cleaning up after a failed start: %v", closeErr)
	}
	return err
}

// Close takes everything down: no new requests, those that change something may
// end, jobs are cancelled, parts are undone last to first. ctx bounds it.
func (s *Server) Close(ctx context.Context) error {
	s.closeOnce.Do(func() {
		close(s.closing)
		var errs []error
		if s.serveapi != nil {
			s.serveapi.Cancel()
			if err := s.serveapi.Wait(); err != nil && !errors.Is(err, context.Canceled) {
				errs = append(errs, fmt.Errorf("closing the API: %w", err))
			}
		}
		errs = append(errs, s.eng.Shutdown(ctx))
		s.background.Wait()
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}

// job makes a job of the boot, whose warnings go to the log.
func (s *Server) job(ctx context.Context, name string, env map[string]string) *engine.Job {
	job := s.eng.Job(name).SetContext(ctx)
	for k, v := range env {
		job.Setenv(k, v)
	}
	job.Stderr.Add(warnings{s.log})
	return job
}

// warnings logs the lines that a job writes to Stderr.
type warnings struct{ log Logger }

// Write takes one line, or several.
func (w warnings) Write(p []byte) (int, error) {
	for _, line := range splitLines(string(p)) {
		w.log.Warnf("%s", line)
	}
	return len(p), nil
}

// need fails when a step comes before what it stands on.
func need(there bool, what string) error {
	if there {
		return nil
	}
	return errdefs.Internal("%s has not been started yet: the order of the steps is wrong", what)
}
