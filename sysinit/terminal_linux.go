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
	master, number, err := openMaster(s)
	if err != nil {
		return err
	}
	defer unix.Close(master)
	if err := console("/dev/pts/" + itoa(int64(number))); err != nil {
		return errAt("make console", "/dev/console", err)
	}
	return useTerminal(master, r)
}

// openMaster makes a terminal. In a container that runs already its own root may
// have put anything in place of the device.
func openMaster(s *initproto.Setup) (master, number int, err error) {
	const path = "/dev/pts/ptmx"
	master, err = unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, 0, errAt("open terminal", path, err)
	}
	var fs unix.Statfs_t
	var unlock int32
	switch err = unix.Fstatfs(master, &fs); {
	case err != nil:
	case fs.Type != unix.DEVPTS_SUPER_MAGIC:
		err = text("it is not of a devpts")
	default:
		if number, err = unix.IoctlGetInt(master, unix.TIOCGPTN); err == nil {
			err = ioctl(master, unix.TIOCSPTLCK, unsafe.Pointer(&unlock))
		}
	}
	if err == nil && (s.Rows != 0 || s.Cols != 0) {
		size := unix.Winsize{Row: s.Rows, Col: s.Cols}
		err = unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &size)
	}
	if err != nil {
		unix.Close(master)
		return -1, 0, errAt("open terminal", path, err)
	}
	return master, number, nil
}

// useTerminal sends the master away and makes the slave our standard streams. The
// kernel gives the slave by itself: no name can lead elsewhere.
func useTerminal(master int, r *reporter) error {
	slave, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if e != 0 {
		return errAt("open terminal", "", e)
	}
	r.send(initproto.TypeConsole, nil, master)
	for fd := range 3 {
		if err := unix.Dup3(int(slave), fd, 0); err != nil {
			return errAt("open terminal", "", err)
		}
	}
	unix.Close(int(slave))
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
// container's own, if it has one.
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
