package sysinit

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// joinNamespaces enters the namespaces that have a path. A pid namespace cannot
// be entered here: the exec engine did it before the clone.
func joinNamespaces(s *initproto.Setup, _ *reporter) error {
	for _, j := range s.Join {
		fd, err := unix.Open(j.Path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return errAt("join namespace", j.Path, err)
		}
		err = unix.Setns(fd, int(j.Flag))
		unix.Close(fd)
		if err != nil {
			return errAt("join namespace", j.Path, err)
		}
	}
	return nil
}

// joinCgroups moves this thread, the one that executes the workload. Writing to
// tasks is many times cheaper than moving the whole process by cgroup.procs.
func joinCgroups(s *initproto.Setup, _ *reporter) error {
	for _, path := range s.Tasks {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return errAt("join cgroup", path, err)
		}
		_, err = unix.Write(fd, []byte("0"))
		unix.Close(fd)
		if err != nil {
			return errAt("join cgroup", path, err)
		}
	}
	if s.Unshare != 0 {
		if err := unix.Unshare(int(s.Unshare)); err != nil {
			return errAt("make cgroup namespace", "", err)
		}
	}
	return nil
}

// mountRoot puts the root together on the scratch directory, unseen by the host.
func mountRoot(s *initproto.Setup, r *reporter) error {
	if err := openShared(s, r); err != nil {
		return err
	}
	propagation := uintptr(unix.MS_PRIVATE)
	if s.Slave {
		propagation = unix.MS_SLAVE
	}
	if err := unix.Mount("", "/", "", propagation|unix.MS_REC, ""); err != nil {
		return errAt("mount", "/", err)
	}
	for i := range s.Root {
		m := &s.Root[i]
		if m.Target == "" || m.Target == "/" {
			if err := mountScratch(s, m); err != nil {
				return err
			}
		} else if err := mountInside(s, m, -1); err != nil {
			return err
		}
	}
	return nil
}

func mountAll(s *initproto.Setup, r *reporter) error {
	for i := range s.Mounts {
		m, tree := &s.Mounts[i], -1
		if i < len(r.shared) {
			tree = r.shared[i]
		}
		if err := mountInside(s, m, tree); err != nil {
			return err
		}
	}
	r.shared = nil
	return nil
}

// openShared copies the sources of shared binds, by the index of their mounts,
// while this namespace's mounts are still in the groups of the host's: that alone
// makes what is mounted on either side appear on the other.
func openShared(s *initproto.Setup, r *reporter) error {
	for i := range s.Mounts {
		m := &s.Mounts[i]
		if m.Kind != initproto.KindBind || m.Propagation&unix.MS_SHARED == 0 {
			continue
		}
		tree, _, err := openTree(m)
		if err != nil {
			return err
		}
		for len(r.shared) <= i {
			r.shared = append(r.shared, -1)
		}
		r.shared[i] = tree
	}
	return nil
}

func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// mountInside performs a mount whose target is a path as the container sees it.
// The source of a bind is tree where that is not -1.
func mountInside(s *initproto.Setup, m *initproto.Mount, tree int) error {
	dir := true
	switch {
	case tree >= 0:
		defer unix.Close(tree)
		var st unix.Stat_t
		if err := unix.Fstat(tree, &st); err != nil {
			return errAt("open bind source", m.Source, err)
		}
		dir = st.Mode&unix.S_IFMT == unix.S_IFDIR
	case m.Kind != initproto.KindPlain:
		var err error
		open := openTree
		if m.Kind == initproto.KindShm {
			open = openShm
		}
		if tree, dir, err = open(m); err != nil || tree < 0 {
			return err
		}
		defer unix.Close(tree)
	}
	root, err := openRoot(s)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	at, err := ensure(root, m.Target, dir)
	if err != nil {
		return errAt("make mount point", m.Target, err)
	}
	defer unix.Close(at)
	if err := uncovered(m, tree, at); err != nil {
		return errAt("mount on", m.Target, err)
	}
	if tree >= 0 {
		return attach(m, tree, at)
	}
	if err := plain(m, fdPath(at)); err != nil || m.Sub == "" {
		return errAt("mount "+m.Type+" on", m.Target, err)
	}
	return errAt("mount directory "+m.Sub+" of an image on", m.Target, narrow(root, at, m))
}

// uncovered refuses to put anything over the kernel's files in /proc, which the
// confinement of the container relies on and every program trusts. Allowed are
// another proc as a whole, and the files that lxcfs makes for containers.
func uncovered(m *initproto.Mount, tree, at int) error {
	if !onProc(at) {
		return nil
	}
	switch m.Target {
	case "/proc":
		if tree >= 0 && onProc(tree) {
			return nil
		}
	case "/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/net/dev", "/proc/slabinfo", "/proc/stat",
		"/proc/swaps", "/proc/uptime", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled":
		return nil
	}
	return text("it cannot be mounted because it is inside /proc")
}

// onProc tells whether a file is one of proc's.
func onProc(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.Type == unix.PROC_SUPER_MAGIC
}

// narrow puts a directory of the file system that was mounted last in the place of
// the whole. No link leads out of it. The file of descriptor at is what is below.
func narrow(root, at int, m *initproto.Mount) error {
	whole, err := lookup(root, m.Target)
	if err != nil {
		return err
	}
	defer unix.Close(whole)
	dir, err := lookup(whole, m.Sub)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return unix.ENOTDIR
	}
	tree, err := unix.OpenTree(dir, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := unix.Unmount(fdPath(whole), unix.MNT_DETACH); err != nil {
		return err
	}
	return unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}

// mountScratch performs a mount of the root itself.
func mountScratch(s *initproto.Setup, m *initproto.Mount) error {
	if m.Kind == initproto.KindPlain {
		return errAt("mount "+m.Type+" on", "/", plain(m, s.Scratch))
	}
	tree, _, err := openTree(m)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	at, err := unix.Open(s.Scratch, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return errAt("open", s.Scratch, err)
	}
	defer unix.Close(at)
	return attach(m, tree, at)
}

// openTree copies the mount at the source of a bind and gives the copy its
// flags before anybody can see it: there is no moment in which a read-only
// mount is writable and no path is looked up twice. It gives -1 for a cgroup
// that the host does not have.
func openTree(m *initproto.Mount) (tree int, dir bool, err error) {
	var recursive uint
	if m.Flags&unix.MS_REC != 0 {
		recursive = unix.AT_RECURSIVE
	}
	tree, err = unix.OpenTree(unix.AT_FDCWD, m.Source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|recursive)
	if err == unix.ENOENT && m.Kind == initproto.KindCgroup {
		return -1, false, nil
	}
	if err != nil {
		return -1, false, errAt("open bind source", m.Source, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(tree, &st); err == nil {
		err = restrictTree(m, tree, recursive)
	}
	if err != nil {
		unix.Close(tree)
		return -1, false, errAt("restrict bind of", m.Source, err)
	}
	return tree, st.Mode&unix.S_IFMT == unix.S_IFDIR, nil
}

// restrictTree gives a copied mount its flags. They count below it too, but for
// read-only, which does so only when it is asked for. The copy of a shared mount
// is in the group of its original: it stays there only where it is to be shared.
func restrictTree(m *initproto.Mount, tree int, recursive uint) error {
	set := func(attr unix.MountAttr, recursive uint) error {
		if attr.Attr_set == 0 && attr.Propagation == 0 {
			return nil
		}
		return unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|recursive, &attr)
	}
	all := m.Flags
	if all&initproto.RecursiveReadOnly == 0 {
		all &^= unix.MS_RDONLY
		if err := set(unix.MountAttr{Attr_set: attributes(m.Flags & unix.MS_RDONLY)}, 0); err != nil {
			return err
		}
	}
	if err := set(unix.MountAttr{Attr_set: attributes(all)}, recursive); err != nil {
		return err
	}
	recursive = 0
	if m.Propagation&unix.MS_REC != 0 {
		recursive = unix.AT_RECURSIVE
	}
	return set(unix.MountAttr{Propagation: m.Propagation &^ unix.MS_REC}, recursive)
}

// attach puts a copied mount on the file of a descriptor.
func attach(m *initproto.Mount, tree, at int) error {
	err := unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	if err == unix.EINVAL || err == unix.ENOTDIR {
		var from, to unix.Stat_t
		if unix.Fstat(tree, &from) == nil && unix.Fstat(at, &to) == nil && (from.Mode^to.Mode)&unix.S_IFMT == unix.S_IFDIR^unix.S_IFREG {
			return errAt("bind "+m.Source+" on", m.Target, text("not a directory, or not a file: one of them is a directory, the other is not"))
		}
	}
	return errAt("bind "+m.Source+" on", m.Target, err)
}

// openShm copies the /dev/shm of another container: the mount is copied in that
// container's mount namespace, which a thread may visit once it shares no
// directories with the others.
func openShm(m *initproto.Mount) (tree int, dir bool, err error) {
	const step = "share /dev/shm of"
	own, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, false, errAt(step, m.Source, err)
	}
	defer unix.Close(own)
	other, err := unix.Open(m.Source, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, false, errAt(step, m.Source, err)
	}
	defer unix.Close(other)
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return -1, false, errAt(step, m.Source, err)
	}
	if err := unix.Setns(other, unix.CLONE_NEWNS); err != nil {
		return -1, false, errAt(step, m.Source, err)
	}
	tree, err = unix.OpenTree(unix.AT_FDCWD, "/dev/shm", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if back := unix.Setns(own, unix.CLONE_NEWNS); back != nil {
		return -1, false, errAt(step, m.Source, back)
	}
	return tree, true, errAt(step, m.Source, err)
}
