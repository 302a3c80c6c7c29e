// Package netjobs is the door between the bus and a network driver: it
// declares the five network jobs once, for every driver. It owns the driver of
// one engine, from init_networkdriver until the engine's shutdown. Start
// reading at Install. It must not import a driver: those import it.
package netjobs

import (
	"context"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// Open makes a driver. What the user should know, but need not keep the daemon
// from working, goes to warn, one sentence per call.
type Open func(ctx context.Context, cfg networkdriver.Config, warn func(format string, args ...any)) (networkdriver.Driver, error)

// Install declares init_networkdriver, which declares the others when it runs.
func Install(eng *engine.Engine, open Open) error {
	return eng.Declare(initDeclaration(open))
}

// doors holds the driver that the other jobs lead to.
type doors struct{ driver networkdriver.Driver }

func (d *doors) install(eng *engine.Engine) error {
	return eng.Declare(
		d.allocateInterface(),
		d.allocatePort(),
		d.link(),
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
