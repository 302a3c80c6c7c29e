// Package netjobs is the door between the bus and the networks of an engine: it
// declares the network jobs once, for every driver. It owns the manager of one
// engine, from init_networkdriver until the engine's shutdown. Start reading at
// Install. It must not import a driver: those import it.
package netjobs

import (
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver/networks"
)

// Install declares init_networkdriver, which declares the others when it runs.
func Install(eng *engine.Engine, kind networks.Kind) error {
	return eng.Declare(initDeclaration(kind))
}

// doors holds the networks that the other jobs lead to.
type doors struct {
	eng      *engine.Engine
	networks *networks.Manager
}

func (d *doors) install() error {
	return d.eng.Declare(
		d.allocateInterface(),
		d.allocatePort(),
		d.link(),
		d.nameInterface(),
		d.networkCreate(),
		d.networkInspect(),
		d.networkRm(),
		d.networksDeclaration(),
		d.networksPrune(),
		d.releaseInterface(),
	)
}

// id is the argument that names a container.
func id() []engine.Arg {
	return []engine.Arg{{Name: "ID", Summary: "id of the container"}}
}

func checkID(job *engine.Job) (string, error) {
	if job.Args[0] == "" {
		return "", errdefs.InvalidArgument("job %s needs the id of a container", job.Name)
	}
	return job.Args[0], nil
}
