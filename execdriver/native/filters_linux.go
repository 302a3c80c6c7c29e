package native

import (
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// filter sets the system call filter of a command. Compiling one takes longer
// than the rest of a start, so they are kept.
func (d *Driver) filter(cmd *execdriver.Command, s *initproto.Setup) error {
	if cmd.Security.Privileged || cmd.Security.Seccomp == "unconfined" {
		return nil
	}
	f, err := d.filters.Compile(cmd.Security.Seccomp, cmd.Security.Capabilities)
	if err != nil {
		return errdefs.As(errdefs.KindInvalidArgument, err)
	}
	s.Seccomp, s.SeccompFlags = f.Program, f.Flags
	return nil
}
