package archive

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// self is a path to an open descriptor.
func self(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// meta gives an open file or directory the owner, attributes and mode of its
// entry, in the order that keeps set-id bits and capabilities.
func (u *unpacker) meta(fd int, hdr *tar.Header) error {
	if !u.opt.NoOwner {
		if err := unix.Fchown(fd, hdr.Uid, hdr.Gid); err != nil {
			return err
		}
	}
	for key, value := range hdr.PAXRecords {
		name, ok := strings.CutPrefix(key, paxXattr)
		if !ok || !keepAttr(name) {
			continue
		}
		if err := u.attrError(name, unix.Fsetxattr(fd, name, []byte(value), 0)); err != nil {
			return err
		}
	}
	return unix.Fchmod(fd, uint32(hdr.Mode)&0o7777)
}

// linkMeta does the same for what cannot be opened: links and nodes.
func (u *unpacker) linkMeta(hdr *tar.Header, dir int, base string) error {
	if !u.opt.NoOwner {
		if err := unix.Fchownat(dir, base, hdr.Uid, hdr.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	for key, value := range hdr.PAXRecords {
		name, ok := strings.CutPrefix(key, paxXattr)
		if !ok || !keepAttr(name) {
			continue
		}
		if err := u.attrError(name, unix.Lsetxattr(handle(dir, base), name, []byte(value), 0)); err != nil {
			return err
		}
	}
	return setTimes(dir, base, timesOf(hdr))
}

// attrError forgives what a file system or an ordinary user cannot keep.
// Capabilities decide what a program can do and are never lost silently.
func (u *unpacker) attrError(name string, err error) error {
	if err == nil || u.opt.NoOwner {
		return nil
	}
	lenient := name != "security.capability"
	if lenient && (errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM)) {
		return nil
	}
	return &os.PathError{Op: "setxattr", Path: name, Err: err}
}

// attrsOf reads the extended attributes that travel, of the object itself.
func attrsOf(p string) (map[string]string, error) {
	buf := make([]byte, 1024)
	n, err := unix.Llistxattr(p, buf)
	for errors.Is(err, unix.ERANGE) {
		buf = make([]byte, 2*len(buf))
		n, err = unix.Llistxattr(p, buf)
	}
	if errors.Is(err, unix.ENOTSUP) || err == nil && n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "listxattr", Path: p, Err: err}
	}
	attrs := make(map[string]string)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		if name != "security.capability" && !strings.HasPrefix(name, "user.") || !keepAttr(name) {
			continue
		}
		value, err := getAttr(p, name)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return nil, err
		}
		attrs[name] = string(value)
	}
	return attrs, nil
}

// getAttr reads one attribute of the object itself.
func getAttr(p, name string) ([]byte, error) {
	for size := 256; ; size *= 2 {
		buf := make([]byte, size)
		n, err := unix.Lgetxattr(p, name, buf)
		if errors.Is(err, unix.ERANGE) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return buf[:n], nil
	}
}

// copyUp makes a copy of the file source under base in dir.
func (u *unpacker) copyUp(ctx context.Context, source string, dir int, base string) error {
	var st unix.Stat_t
	if err := unix.Lstat(source, &st); err != nil {
		return err
	}
	switch kind(&st) {
	case unix.S_IFLNK:
		target, err := readlink(unix.AT_FDCWD, source)
		if err != nil {
			return err
		}
		if err := unix.Symlinkat(target, dir, base); err != nil {
			return err
		}
	case unix.S_IFREG:
		return u.copyUpFile(ctx, source, &st, dir, base)
	case unix.S_IFDIR:
		return unix.EISDIR
	default:
		if err := unix.Mknodat(dir, base, st.Mode, int(st.Rdev)); err != nil {
			return err
		}
	}
	if u.opt.NoOwner {
		return nil
	}
	return unix.Fchownat(dir, base, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
}

func (u *unpacker) copyUpFile(ctx context.Context, source string, st *unix.Stat_t, dir int, base string) error {
	in, err := os.OpenFile(source, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	fd, err := unix.Openat(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	out := os.NewFile(uintptr(fd), base)
	defer out.Close()
	if _, err := io.Copy(out, &contextReader{ctx, in}); err != nil {
		return err
	}
	if err := u.copyMeta(fd, st, source); err != nil {
		return err
	}
	if err := u.noteCopy(fd); err != nil {
		return err
	}
	return setTimes(dir, base, [2]unix.Timespec{st.Atim, st.Mtim})
}
