package sysinit

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// openTerminal opens a terminal of the container's own devpts, so that its name
// means something inside, sends the master to the exec engine and makes the
// slave our standard streams and /dev/console.
func openTerminal(s *initproto.Setup, r *reporter) error {
	if !s.Tty {
		return reopenNull()
	}
	master, err := unix.Open("/dev/pts/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errAt("open terminal", "/dev/pts/ptmx", err)
	}
	defer unix.Close(master)
	var unlock int32
	if err := ioctl(master, unix.TIOCSPTLCK, unsafe.Pointer(&unlock)); err != nil {
		return errAt("unlock terminal", "", err)
	}
	number, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return errAt("open terminal", "", err)
	}
	name := "/dev/pts/" + itoa(int64(number))
	slave, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errAt("open terminal", name, err)
	}
	if s.Rows != 0 || s.Cols != 0 {
		size := unix.Winsize{Row: s.Rows, Col: s.Cols}
		if err := unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &size); err != nil {
			return errAt("size terminal", name, err)
		}
	}
	if err := console(name); err != nil {
		return errAt("make console", "/dev/console", err)
	}
	r.send(initproto.TypeConsole, nil, master)
	for fd := range 3 {
		if err := unix.Dup3(slave, fd, 0); err != nil {
			return errAt("open terminal", name, err)
		}
	}
	unix.Close(slave)
	return nil
}

func ioctl(fd int, req uintptr, arg unsafe.Pointer) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), req, uintptr(arg)); e != 0 {
		return e
	}
	return nil
}

// console binds the terminal to /dev/console.
func console(name string) error {
	fd, err := unix.Open("/dev/console", unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
	if err != nil && err != unix.EIO && err != unix.ENXIO {
		return err
	}
	if err == nil {
		unix.Close(fd)
	}
	return rebind(name, "/dev/console", &unix.MountAttr{})
}

// reopenNull replaces a standard stream that is the host's null device by the
// container's own.
func reopenNull() error {
	for fd := range 3 {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(1, 3) {
			continue
		}
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return errAt("open", "/dev/null", err)
		}
		err = unix.Dup3(null, fd, 0)
		unix.Close(null)
		if err != nil {
			return errAt("open", "/dev/null", err)
		}
	}
	return nil
}

// session makes the process the leader of a session, with the terminal as the
// controlling one.
func session(s *initproto.Setup) error {
	if _, err := unix.Setsid(); err != nil && err != unix.EPERM {
		return errAt("make session", "", err)
	}
	if !s.Tty {
		return nil
	}
	return errAt("take terminal", "", unix.IoctlSetInt(0, unix.TIOCSCTTY, 0))
}
