package archive

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// whiteout handles the entries that delete. It reports whether the entry was
// one of them.
func (u *unpacker) whiteout(entry, name string) (done bool, err error) {
	dir, base := split(name)
	switch {
	case !strings.HasPrefix(base, WhiteoutPrefix):
		// Files that an aufs host leaves behind: ".wh..wh.orph/x".
		return strings.HasPrefix(name, whiteoutMeta), nil
	case base == whiteoutOpaque:
		return true, entryError(entry, u.opaqueDir(dir))
	case strings.HasPrefix(base, whiteoutMeta):
		return true, nil
	}
	victim := strings.TrimPrefix(base, WhiteoutPrefix)
	if victim == "" || victim == "." || victim == ".." {
		return true, invalid(entry, "it deletes no file")
	}
	return true, entryError(entry, u.delete(path.Join(dir, victim)))
}

// delete hides the lower file name. What this archive itself put there stays.
func (u *unpacker) delete(name string) error {
	dir, base, err := u.parent(name)
	if err != nil {
		return err
	}
	st, err := lstat(dir, base)
	exists := err == nil
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	if u.opt.Whiteouts == Apply {
		if !exists {
			return nil
		}
		if dir, err = hold(dir); err != nil {
			return err
		}
		defer unix.Close(dir)
		_, err := u.removeOld(dir, base, name)
		return err
	}
	if !exists {
		return unix.Mknodat(dir, base, unix.S_IFCHR, 0)
	}
	if kind(&st) == unix.S_IFDIR {
		return u.markOpaque(dir, base)
	}
	return nil
}

// opaqueDir hides everything that lower layers have in a directory.
func (u *unpacker) opaqueDir(name string) error {
	if u.opt.Whiteouts == Apply {
		return u.emptyOld(name)
	}
	name, err := u.makeDirs(name)
	if err != nil {
		return err
	}
	if name == "." {
		u.opaque = true
		return nil
	}
	dir, err := u.tree.lookup(name)
	if err != nil {
		return err
	}
	return u.markOpaque(dir, ".")
}

// markOpaque sets overlayfs's mark on the directory base in dir.
func (u *unpacker) markOpaque(dir int, base string) error {
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return u.setOpaque(fd)
}

func (u *unpacker) setOpaque(fd int) error {
	return unix.Fsetxattr(fd, opaqueAttr, []byte("y"), 0)
}

// removeOld removes name except for what this archive put there. It tells
// whether nothing is left of it.
func (u *unpacker) removeOld(dir int, base, name string) (gone bool, err error) {
	_, ours := u.seen[name]
	st, err := lstat(dir, base)
	if err != nil {
		return false, err
	}
	if kind(&st) != unix.S_IFDIR {
		if ours {
			return false, nil
		}
		u.tree.forget()
		return true, unix.Unlinkat(dir, base, 0)
	}
	left, err := u.removeInside(dir, base, name)
	if err != nil || left || ours {
		return false, err
	}
	u.tree.forget()
	return true, unix.Unlinkat(dir, base, unix.AT_REMOVEDIR)
}

// removeInside does removeOld for everything in the directory base and tells
// whether something is left.
func (u *unpacker) removeInside(dir int, base, name string) (left bool, err error) {
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	names, err := namesIn(fd)
	if err != nil {
		return false, err
	}
	for _, n := range names {
		gone, err := u.removeOld(fd, n, path.Join(name, n))
		if err != nil {
			return left, err
		}
		left = left || !gone
	}
	return left, nil
}

// emptyOld empties the directory name of what lower layers put there.
func (u *unpacker) emptyOld(name string) error {
	dir, err := u.tree.lookup(name)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	if dir, err = hold(dir); err != nil {
		return err
	}
	defer unix.Close(dir)
	_, err = u.removeInside(dir, ".", name)
	return err
}

// hideRoot makes a layer cover all of what lies below: overlayfs knows no
// opaque root, so every lower name gets its own mark.
func (u *unpacker) hideRoot() error {
	if u.opt.Below == nil {
		return nil
	}
	names, err := u.opt.Below.Names(".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := u.delete(name); err != nil {
			return err
		}
	}
	return nil
}
