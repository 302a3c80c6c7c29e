package server

import (
	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/builder"
	"github.com/enginejobs/docker/daemon"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/graph"
	"github.com/enginejobs/docker/graphdb"
	"github.com/enginejobs/docker/registry"
)

// parts are the concrete parts that have come up; each step fills its own.
type parts struct {
	id         string // of this daemon, from its key
	network    api.NetworkReady
	exec       execdriver.Driver
	images     *graph.Store
	registries *registry.Service
	names      *graphdb.DB
	daemon     *daemon.Daemon
	builder    *builder.Builder
}
