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
func mountRoot(s *initproto.Setup, _ *reporter) error {
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
		} else if err := mountInside(s, m); err != nil {
			return err
		}
	}
	return nil
}

func mountAll(s *initproto.Setup, r *reporter) error {
	for i := range s.Mounts {
		if err := mountInside(s, &s.Mounts[i]); err != nil {
			return err
		}
	}
	return nil
}

func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// mountInside performs a mount whose target is a path as the container sees it.
func mountInside(s *initproto.Setup, m *initproto.Mount) error {
	tree, dir := -1, true
	if m.Kind != initproto.KindPlain {
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
	if tree >= 0 {
		return attach(m, tree, at)
	}
	return errAt("mount "+m.Type+" on", m.Target, plain(m, fdPath(at)))
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
	attr := unix.MountAttr{Attr_set: attributes(m.Flags)}
	var st unix.Stat_t
	if err = unix.Fstat(tree, &st); err == nil && attr.Attr_set != 0 {
		err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|recursive, &attr)
	}
	if err == nil && m.Propagation != 0 {
		attr = unix.MountAttr{Propagation: m.Propagation &^ unix.MS_REC}
		recursive = 0
		if m.Propagation&unix.MS_REC != 0 {
			recursive = unix.AT_RECURSIVE
		}
		err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|recursive, &attr)
	}
	if err != nil {
		unix.Close(tree)
		return -1, false, errAt("restrict bind of", m.Source, err)
	}
	return tree, st.Mode&unix.S_IFMT == unix.S_IFDIR, nil
}

// attach puts a copied mount on the file of a descriptor.
func attach(m *initproto.Mount, tree, at int) error {
	err := unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
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
