package archive

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// parent opens the directory that an entry goes to, making what is missing of
// it, and returns the entry's last name. The descriptor belongs to the tree.
func (u *unpacker) parent(name string) (dir int, base string, err error) {
	where, base := split(name)
	dir, err = u.tree.lookup(where)
	if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
		return dir, base, err
	}
	where, err = u.makeDirs(where)
	if err != nil {
		return -1, "", err
	}
	dir, err = u.tree.lookup(where)
	return dir, base, err
}

// makeDirs walks to the directory name, component by component, following
// links of the tree and of what lies below it, and makes what is missing. It
// returns the name without links.
func (u *unpacker) makeDirs(name string) (string, error) {
	rest := strings.Split(name, "/")
	at, links := ".", 0
	for len(rest) > 0 {
		next := rest[0]
		rest = rest[1:]
		switch next {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		link, err := u.step(at, next)
		if err != nil {
			return "", err
		}
		if link == "" {
			at = path.Join(at, next)
			continue
		}
		if links++; links > maxLinks {
			return "", errTooManyLinks
		}
		if strings.HasPrefix(link, "/") {
			at = "."
		}
		rest = append(strings.Split(link, "/"), rest...)
	}
	return at, nil
}

// step makes sure that name is a directory in the directory at, or returns
// where it links to.
func (u *unpacker) step(at, name string) (link string, err error) {
	dir, err := u.tree.lookup(at)
	if err != nil {
		return "", err
	}
	st, err := lstat(dir, name)
	hidden := err == nil && u.opt.Whiteouts == Overlay && isWhiteout(&st)
	switch {
	case hidden:
		if err := u.tree.remove(dir, name); err != nil {
			return "", err
		}
		return "", u.makeDir(dir, name, "", true)
	case err == nil && kind(&st) == unix.S_IFDIR:
		return "", nil
	case err == nil && kind(&st) == unix.S_IFLNK:
		return readlink(dir, name)
	case err == nil:
		return "", unix.ENOTDIR
	case !errors.Is(err, unix.ENOENT):
		return "", err
	}
	below, err := u.below(path.Join(at, name))
	if err != nil {
		return "", err
	}
	if below == "" {
		return "", u.makeDir(dir, name, "", false)
	}
	var low unix.Stat_t
	if err := unix.Lstat(below, &low); err != nil {
		return "", err
	}
	switch kind(&low) {
	case unix.S_IFDIR:
		u.dirs = append(u.dirs, dirTime{path.Join(at, name), [2]unix.Timespec{low.Atim, low.Mtim}})
		return "", u.makeDir(dir, name, below, false)
	case unix.S_IFLNK:
		return readlink(unix.AT_FDCWD, below)
	}
	return "", unix.ENOTDIR
}

// below finds name under the layer; "" when there is nothing.
func (u *unpacker) below(name string) (string, error) {
	if u.opt.Below == nil {
		return "", nil
	}
	p, err := u.opt.Below.Find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return p, err
}

// makeDir makes a directory that the archive only implies. It looks like the
// one below, or is plain.
func (u *unpacker) makeDir(dir int, name, like string, opaque bool) error {
	if err := unix.Mkdirat(dir, name, 0o755); err != nil {
		return err
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if opaque {
		if err := u.setOpaque(fd); err != nil {
			return err
		}
	}
	if like == "" {
		return unix.Fchmod(fd, 0o755)
	}
	var st unix.Stat_t
	if err := unix.Lstat(like, &st); err != nil {
		return err
	}
	if err := u.copyMeta(fd, &st, like); err != nil {
		return err
	}
	return setTimes(dir, name, [2]unix.Timespec{st.Atim, st.Mtim})
}

// copyMeta gives the object open at fd the owner, attributes and mode of
// the one at like.
func (u *unpacker) copyMeta(fd int, st *unix.Stat_t, like string) error {
	if !u.opt.NoOwner {
		if err := unix.Fchown(fd, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	attrs, err := attrsOf(like)
	if err != nil {
		return err
	}
	for name, value := range attrs {
		if err := u.attrError(name, unix.Fsetxattr(fd, name, []byte(value), 0)); err != nil {
			return err
		}
	}
	return unix.Fchmod(fd, st.Mode&0o7777)
}
