package sysinit

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

func errnoOf(err error) unix.Errno {
	var f *initproto.Failure
	if errors.As(err, &f) {
		return unix.Errno(f.Errno)
	}
	return 0
}
