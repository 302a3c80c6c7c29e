package daemon

import (
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/seccomp"
)

// check refuses defaults with which no container could start.
func (o *Defaults) check() error {
	switch o.IpcMode {
	case "", "private", "shareable":
	default:
		return errdefs.InvalidArgument("IPC mode %q is not supported as default value; supported are private and shareable", o.IpcMode)
	}
	switch o.CgroupnsMode {
	case "", "private", "host":
	default:
		return errdefs.InvalidArgument("default cgroup namespace mode %q is invalid; use private or host", o.CgroupnsMode)
	}
	if o.ShmSize < 0 {
		return errdefs.InvalidArgument("default shm size must be greater than 0")
	}
	if o.Seccomp == "" || o.Seccomp == unconfined {
		return nil
	}
	_, err := seccomp.Compile(o.Seccomp, withPrefix(defaultCaps))
	return errdefs.As(errdefs.KindInvalidArgument, err)
}
