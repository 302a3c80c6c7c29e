package native

import (
	"context"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// Stats reads what a container uses.
func (d *Driver) Stats(_ context.Context, id string) (*execdriver.Stats, error) {
	return nil, errdefs.NotImplemented("the native driver has no numbers of container %s", id)
}

// Update changes limits of a running container.
func (d *Driver) Update(_ context.Context, id string, _ execdriver.Resources) ([]string, error) {
	return nil, errdefs.NotImplemented("the native driver does not change the limits of container %s", id)
}
