// Package builtins owns the one list of what a daemon has, in the order in
// which it comes up. Its only state is what it hands to the server that it
// makes. Start reading here, at Boot: every line is a part, and what follows a
// line may stand on what is above it. Only docker and tests import it.
package builtins

import (
	"context"

	apiserver "github.com/enginejobs/docker/api/server"
	"github.com/enginejobs/docker/dockerversion"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/events"
	"github.com/enginejobs/docker/networkdriver/bridge"
	"github.com/enginejobs/docker/server"
)

// New makes a daemon that is ready to Run.
func New(cfg server.Config) (*server.Server, error) {
	s, err := server.New(cfg)
	if err != nil {
		return nil, err
	}
	cfg = s.Config()
	api := apiserver.New(s.Engine(), apiserver.Options{
		Log: cfg.Log, Version: dockerversion.Version, Debug: cfg.Debug, Getenv: cfg.Getenv,
	})
	s.SetHurry(api.Hurry)
	s.Use(Boot(s, api))
	return s, nil
}

// Boot lists the steps, line by line; those of one line come up together.
// Closing goes the other way.
func Boot(s *server.Server, api *apiserver.Server) server.Steps {
	journal := events.New(events.Options{})
	s.Metrics().Add(journal)
	return server.Steps{
		{{Name: "access", Up: s.SetAccess}}, // before anybody can ask
		{{Name: "pidfile", Up: s.ClaimPidfile}},
		{{Name: "root directory", Up: s.OpenRoot}},
		{{Name: "version", Up: install(s, installVersion)}},
		{{Name: "metrics", Up: install(s, s.Metrics().Install)}},
		{{Name: "events", Up: install(s, journal.Install)}},
		{{Name: "network jobs", Up: install(s, bridge.Install)}},
		{{Name: "registries", Up: s.OpenRegistries}},
		{{Name: "API", Up: install(s, api.Install)}},
		{{Name: "listeners", Up: s.Listen}}, // bound early, served last
		{
			{Name: "identity", Up: s.LoadIdentity},
			{Name: "exec driver", Up: s.StartExec},
			{Name: "images", Up: s.OpenImages},
			{Name: "names", Up: s.OpenNames},
			{Name: "network", Up: s.InitNetwork},
		},
		{{Name: "containers", Up: s.StartDaemon}},
		{{Name: "builder", Up: s.StartBuilder}},
		{{Name: "restore", Up: s.Restore}},
		{{Name: "builds", Up: s.RecoverBuilds}},
		{{Name: "connections", Up: s.Accept}},
	}
}

// install makes a step of what puts jobs on the engine.
func install(s *server.Server, f func(*engine.Engine) error) func(context.Context) error {
	return func(context.Context) error { return f(s.Engine()) }
}
