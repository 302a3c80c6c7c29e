package sysinit

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// loopback sets the loopback interface of a new network namespace up.
func loopback(s *initproto.Setup, _ *reporter) error {
	if !s.Loopback {
		return nil
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return errAt("set up loopback", "", err)
	}
	defer unix.Close(fd)
	var req struct {
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(req.name[:], "lo")
	req.flags = unix.IFF_UP | unix.IFF_RUNNING
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&req))); e != 0 {
		return errAt("set up loopback", "lo", e)
	}
	return nil
}

func setNames(s *initproto.Setup, _ *reporter) error {
	if s.Hostname != "" {
		if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
			return errAt("set hostname", s.Hostname, err)
		}
	}
	if s.Domain != "" {
		return errAt("set domain name", s.Domain, unix.Setdomainname([]byte(s.Domain)))
	}
	return nil
}

func writeFile(path, value string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_TRUNC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(value))
	return err
}

func setSysctls(s *initproto.Setup, _ *reporter) error {
	for _, l := range s.Sysctls {
		for _, p := range strings.Split(l.Path, "/") {
			if p == ".." {
				return errAt("set sysctl", l.Path, unix.EINVAL)
			}
		}
		if err := writeFile("/proc/sys/"+l.Path, l.Target); err != nil {
			return errAt("set sysctl", l.Path, err)
		}
	}
	return nil
}

// restrictPaths hides and write-protects what the workload must not reach, last
// of all its own root. Missing paths are no failure: kernels differ.
func restrictPaths(s *initproto.Setup, _ *reporter) error {
	for _, path := range s.ReadOnly {
		if err := readOnly(path); err != nil && !isAny(err, unix.ENOENT, unix.ENOTDIR) {
			return errAt("make read-only", path, err)
		}
	}
	for _, path := range s.Masked {
		if err := mask(path); err != nil && !isAny(err, unix.ENOENT, unix.ENOTDIR) {
			return errAt("mask", path, err)
		}
	}
	if s.RootRO {
		attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		return errAt("make read-only", "/", unix.MountSetattr(unix.AT_FDCWD, "/", 0, &attr))
	}
	return nil
}

func readOnly(path string) error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	return rebind(path, path, &attr)
}

func rebind(source, target string, attr *unix.MountAttr) error {
	const flags = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_RECURSIVE
	tree, err := unix.OpenTree(unix.AT_FDCWD, source, flags)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if attr.Attr_set != 0 {
		if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, attr); err != nil {
			return err
		}
	}
	return unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// mask covers a file with /dev/null and a directory with an empty one.
func mask(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.Mount("tmpfs", path, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=0")
	}
	var null unix.Stat_t
	if err := unix.Stat("/dev/null", &null); err != nil || null.Rdev != unix.Mkdev(1, 3) ||
		null.Mode&unix.S_IFMT != unix.S_IFCHR {
		return text("/dev/null of the container is not the null device")
	}
	return rebind("/dev/null", path, &unix.MountAttr{})
}

// setLimits sets resource limits and the choice of the out-of-memory killer.
// What the host forbids is lowered to what it allows, with a warning.
func setLimits(s *initproto.Setup, r *reporter) error {
	for i := range s.Rlimits {
		l := &s.Rlimits[i]
		if err := setLimit(l, r); err != nil {
			return errAt("set limit", l.Name, err)
		}
	}
	return setOOMScore(s, r)
}

func setOOMScore(s *initproto.Setup, r *reporter) error {
	if s.OOMScore != 0 {
		if err := writeFile("/proc/self/oom_score_adj", itoa(int64(s.OOMScore))); err != nil {
			if !isAny(err, unix.EACCES, unix.EPERM) {
				return errAt("set oom score", itoa(int64(s.OOMScore)), err)
			}
			r.warn("the host forbids oom score " + itoa(int64(s.OOMScore)) + "; its own stays")
		}
	}
	return nil
}

func setLimit(l *initproto.Rlimit, r *reporter) error {
	want := unix.Rlimit{Cur: l.Soft, Max: l.Hard}
	err := setrlimit(int(l.Resource), want)
	if err != unix.EPERM {
		return err
	}
	var have unix.Rlimit
	if err := unix.Prlimit(0, int(l.Resource), nil, &have); err != nil {
		return err
	}
	want.Max = min(want.Max, have.Max)
	want.Cur = min(want.Cur, want.Max)
	if err := setrlimit(int(l.Resource), want); err != nil {
		return err
	}
	r.warn("ulimit " + l.Name + ": the host allows at most " + utoa(have.Max) + "; that is used")
	return nil
}
