package native

import (
	"context"
	"os"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// Exec runs one more process in a running container.
func (d *Driver) Exec(_ context.Context, cmd *execdriver.ExecCommand, out execdriver.Output) (execdriver.State, error) {
	closeAll([]*os.File{out.Stdout, out.Stderr})
	return execdriver.State{}, errdefs.NotImplemented("the native driver runs no further process in container %s", cmd.Container)
}
