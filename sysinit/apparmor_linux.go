package sysinit

import (
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// confine asks AppArmor to put this thread, or a copy of it, under a profile
// when it executes. The file must be the kernel's own: /proc may have been
// covered by a mount of the container, and a profile that was only believed to
// be set is worse than none.
func confine(s *initproto.Setup) error {
	if s.AppArmor == "" {
		return nil
	}
	const file = "/proc/thread-self/attr/exec"
	fd, err := unix.Open(file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errAt("apply AppArmor profile", s.AppArmor, err)
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return errAt("apply AppArmor profile", s.AppArmor, err)
	}
	if fs.Type != unix.PROC_SUPER_MAGIC {
		return errAt("apply AppArmor profile", s.AppArmor, text(file+" is not the kernel's"))
	}
	_, err = unix.Write(fd, []byte("exec "+s.AppArmor))
	return errAt("apply AppArmor profile", s.AppArmor, err)
}
