package fake

import (
	"context"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// Stats implements execdriver.Driver.
func (d *Driver) Stats(_ context.Context, id string) (*execdriver.Stats, error) {
	return nil, errdefs.NotImplemented("the fake driver has no numbers of container %s", id)
}

// Update implements execdriver.Driver.
func (d *Driver) Update(_ context.Context, id string, _ execdriver.Resources) ([]string, error) {
	return nil, errdefs.NotImplemented("the fake driver does not change the limits of container %s", id)
}
