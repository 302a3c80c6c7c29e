package native

import (
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// filter sets the system call filter. Compiling one takes longer
// than the rest of a start, so they are kept.
func (d *Driver) filter(sec *execdriver.Security, s *initproto.Setup) error {
	if sec.Privileged || sec.Seccomp == "unconfined" {
		return nil
	}
	f, err := d.filters.Compile(sec.Seccomp, sec.Capabilities)
	if err != nil {
		return errdefs.As(errdefs.KindInvalidArgument, err)
	}
	s.Seccomp, s.SeccompFlags = f.Program, f.Flags
	return nil
}
