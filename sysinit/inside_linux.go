package sysinit

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// openRoot opens the container's root while it is still below the scratch
// directory.
func openRoot(s *initproto.Setup) (int, error) {
	fd, err := unix.Open(s.Scratch, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return fd, errAt("open", s.Scratch, err)
}

// lookup opens what a path means inside a root: no link, absolute or not, and no
// ".." leads out of it.
func lookup(root int, path string) (int, error) {
	path = strings.TrimLeft(path, "/")
	if path == "" {
		path = "."
	}
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(root, path, &how)
		if err != unix.EAGAIN && err != unix.EINTR {
			return fd, err
		}
	}
}

// ensure opens what a path means inside a root, and makes it, as a directory or
// as an empty file, when it is missing.
func ensure(root int, path string, dir bool) (int, error) {
	fd, err := lookup(root, path)
	if err != unix.ENOENT {
		return fd, err
	}
	p := parts(path)
	if len(p) == 0 {
		return -1, unix.ENOENT
	}
	last := len(p) - 1
	parent, err := ensure(root, strings.Join(p[:last], "/"), true)
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	if p[last] == ".." {
		return lookup(root, path)
	}
	if dir {
		err = unix.Mkdirat(parent, p[last], 0o755)
	} else {
		var f int
		f, err = unix.Openat(parent, p[last], unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
		if err == nil {
			unix.Close(f)
		}
	}
	if err != nil && err != unix.EEXIST {
		return -1, err
	}
	return lookup(root, path)
}

// parentOf opens the directory of a path inside a root and gives the last part.
func parentOf(root int, path string) (fd int, base string, err error) {
	p := parts(path)
	if len(p) == 0 || p[len(p)-1] == ".." {
		return -1, "", unix.EINVAL
	}
	fd, err = ensure(root, strings.Join(p[:len(p)-1], "/"), true)
	return fd, p[len(p)-1], err
}

// makeDevices fills /dev. What is there already stays: a bind mount of a real
// /dev keeps its own nodes.
func makeDevices(s *initproto.Setup, _ *reporter) error {
	root, err := openRoot(s)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	unix.Umask(0)
	for i := range s.Nodes {
		if err := makeNode(root, &s.Nodes[i]); err != nil {
			return errAt("make device", s.Nodes[i].Path, err)
		}
	}
	for _, l := range s.Links {
		dir, base, err := parentOf(root, l.Path)
		if err != nil {
			return errAt("make link", l.Path, err)
		}
		err = unix.Symlinkat(l.Target, dir, base)
		unix.Close(dir)
		if err != nil && !isAny(err, unix.EEXIST, unix.EROFS) {
			return errAt("make link", l.Path, err)
		}
	}
	unix.Umask(0o022)
	return nil
}

func makeNode(root int, n *initproto.Node) error {
	dir, base, err := parentOf(root, n.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	err = unix.Mknodat(dir, base, n.Mode, int(n.Dev))
	if err == unix.EEXIST {
		return nil
	}
	if err != nil {
		return err
	}
	if n.UID != 0 || n.GID != 0 {
		return unix.Fchownat(dir, base, int(n.UID), int(n.GID), unix.AT_SYMLINK_NOFOLLOW)
	}
	return nil
}

// pivot makes the scratch directory the root and lets go of the host's tree.
func pivot(s *initproto.Setup, _ *reporter) error {
	if err := unix.Chdir(s.Scratch); err != nil {
		return errAt("pivot root", s.Scratch, err)
	}
	// With the same directory twice the old root ends up over the new one, and
	// no directory for it has to be made.
	if err := unix.PivotRoot(".", "."); err != nil {
		return errAt("pivot root", s.Scratch, err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return errAt("leave the host's root", "", err)
	}
	return errAt("pivot root", "/", unix.Chdir("/"))
}
