package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// place makes the object of an entry under base in the directory dir.
func (u *unpacker) place(ctx context.Context, hdr *tar.Header, body io.Reader, name string, dir int, base string) error {
	mode := uint32(hdr.Mode) & 0o7777
	dev := int(unix.Mkdev(uint32(hdr.Devmajor), uint32(hdr.Devminor)))
	switch hdr.Typeflag {
	case tar.TypeReg, '\x00', tar.TypeCont, tar.TypeGNUSparse:
		return u.file(ctx, hdr, body, dir, base)
	case tar.TypeDir:
		return u.directory(hdr, name, dir, base)
	case tar.TypeLink:
		return u.hardLink(ctx, hdr, dir, base)
	case tar.TypeSymlink:
		if hdr.Linkname == "" || len(hdr.Linkname) >= unix.PathMax {
			return invalid(hdr.Name, "it links to a name of %d bytes", len(hdr.Linkname))
		}
		err := u.replacing(dir, base, func() error { return unix.Symlinkat(hdr.Linkname, dir, base) })
		if err != nil {
			return err
		}
		return u.linkMeta(hdr, dir, base)
	case tar.TypeFifo:
		return u.node(hdr, dir, base, unix.S_IFIFO|mode, 0)
	case tar.TypeBlock:
		return u.node(hdr, dir, base, unix.S_IFBLK|mode, dev)
	case tar.TypeChar:
		if dev == 0 && u.opt.Whiteouts != Literal {
			return invalid(hdr.Name, "the device 0:0 has no meaning in a layer")
		}
		return u.node(hdr, dir, base, unix.S_IFCHR|mode, dev)
	}
	return invalid(hdr.Name, "its type %q is unknown", hdr.Typeflag)
}

// replacing runs make, and once more after removing what was in its way.
func (u *unpacker) replacing(dir int, base string, make func() error) error {
	err := make()
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if u.opt.KeepKinds {
		if st, err := lstat(dir, base); err == nil && kind(&st) == unix.S_IFDIR {
			return &Error{Entry: base, Err: errors.New("cannot overwrite directory with non-directory")}
		}
	}
	if err := u.clear(dir, base); err != nil {
		return err
	}
	return make()
}

// clear removes base. Names in the tree may mean something else afterwards.
func (u *unpacker) clear(dir int, base string) error {
	if u.opt.Once {
		if err := u.loses(dir, base); err != nil {
			return err
		}
	}
	err := u.tree.remove(dir, base)
	if dir != u.tree.fd {
		u.tree.forget()
	}
	return err
}

// file writes a regular file. It is always a new one.
func (u *unpacker) file(ctx context.Context, hdr *tar.Header, body io.Reader, dir int, base string) error {
	if err := u.claim(hdr); err != nil {
		return err
	}
	fd := -1
	err := u.replacing(dir, base, func() (err error) {
		fd, err = unix.Openat(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	if u.buf == nil {
		u.buf = make([]byte, 128<<10)
	}
	if err := u.content(ctx, f, hdr, body); err != nil {
		return err
	}
	u.size += hdr.Size
	if u.mine != nil && hdr.Size > 0 {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		u.mine[st.Ino] = struct{}{}
	}
	if err := u.meta(fd, hdr); err != nil {
		return err
	}
	return setTimes(dir, base, timesOf(hdr))
}

// claim refuses files that the file system could never hold, and sparse files
// that together claim more: a few bytes of archive must not keep us busy for
// days.
func (u *unpacker) claim(hdr *tar.Header) error {
	if u.room == 0 {
		return nil
	}
	if isSparse(hdr) {
		u.bulk += uint64(hdr.Size)
	}
	if uint64(hdr.Size) > u.room || u.bulk > u.room {
		return invalid(hdr.Name, "it claims %d bytes, more than the file system can hold", hdr.Size)
	}
	return nil
}

func isSparse(hdr *tar.Header) bool {
	if hdr.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range hdr.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// content copies the bytes of an entry. Runs of zeros in sparse entries become
// holes.
func (u *unpacker) content(ctx context.Context, f *os.File, hdr *tar.Header, body io.Reader) error {
	sparse := isSparse(hdr)
	for left := hdr.Size; left > 0; {
		buf := u.buf[:min(int64(len(u.buf)), left)]
		n, err := io.ReadFull(body, buf)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return streamError(ctx, hdr.Name, err)
		}
		left -= int64(n)
		if sparse {
			err = writeSparse(f, buf)
		} else {
			_, err = f.Write(buf)
		}
		if err != nil {
			return err
		}
	}
	if sparse {
		return f.Truncate(hdr.Size)
	}
	return nil
}

// writeSparse writes a piece of a file and leaves out pages of zeros.
func writeSparse(f *os.File, buf []byte) error {
	const page = 4096
	for len(buf) > 0 {
		zero := allZero(buf[:min(page, len(buf))])
		n := 0
		for n < len(buf) && allZero(buf[n:min(n+page, len(buf))]) == zero {
			n = min(n+page, len(buf))
		}
		var err error
		if zero {
			_, err = f.Seek(int64(n), io.SeekCurrent)
		} else {
			_, err = f.Write(buf[:n])
		}
		if err != nil {
			return err
		}
		buf = buf[n:]
	}
	return nil
}

func allZero(b []byte) bool {
	for len(b) >= 8 {
		if b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7] != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// directory makes a directory or changes the one that is there.
func (u *unpacker) directory(hdr *tar.Header, name string, dir int, base string) error {
	opaque := false
	err := unix.Mkdirat(dir, base, 0o700)
	if errors.Is(err, unix.EEXIST) {
		st, serr := lstat(dir, base)
		if serr != nil {
			return serr
		}
		err = nil
		if kind(&st) != unix.S_IFDIR {
			if u.opt.KeepKinds {
				return &Error{Entry: hdr.Name, Err: errors.New("cannot overwrite non-directory with directory")}
			}
			if err := u.clear(dir, base); err != nil {
				return err
			}
			opaque = u.opt.Whiteouts == Overlay
			err = unix.Mkdirat(dir, base, 0o700)
		}
	}
	if err != nil {
		return err
	}
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if opaque {
		if err := u.setOpaque(fd); err != nil {
			return err
		}
	}
	u.dirs = append(u.dirs, dirTime{name, timesOf(hdr)})
	return u.meta(fd, hdr)
}

// rootEntry applies the entry "./" to the root itself.
func (u *unpacker) rootEntry(hdr *tar.Header) error {
	if hdr.Typeflag != tar.TypeDir {
		return invalid(hdr.Name, "the root can only be a directory")
	}
	fd, err := unix.Openat(u.tree.root, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if u.opt.Rooted != nil {
		*u.opt.Rooted = true
	}
	u.dirs = append(u.dirs, dirTime{".", timesOf(hdr)})
	return entryError(hdr.Name, u.meta(fd, hdr))
}

// hardLink gives a second name to a file of this tree, or to a copy of one
// that lies below it.
func (u *unpacker) hardLink(ctx context.Context, hdr *tar.Header, dir int, base string) error {
	target, err := cleanName(hdr.Linkname)
	if err != nil || target == "." {
		return invalid(hdr.Name, "its hard link target %q is outside of the archive", shorten(hdr.Linkname))
	}
	here, err := hold(dir)
	if err != nil {
		return err
	}
	defer unix.Close(here)
	from, name, err := u.linkTarget(ctx, path.Join(u.opt.At, target))
	if err != nil {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			if u.opt.LeftOut != nil {
				u.opt.LeftOut(hdr.Name)
				return nil
			}
			return invalid(hdr.Name, "its hard link target %q does not exist", shorten(hdr.Linkname))
		}
		return err
	}
	st, err := lstat(from, name)
	if err != nil {
		return err
	}
	if kind(&st) == unix.S_IFDIR || u.opt.Whiteouts == Overlay && isWhiteout(&st) {
		return invalid(hdr.Name, "its hard link target %q is not a file", shorten(hdr.Linkname))
	}
	if old, err := lstat(here, base); err == nil && old.Ino == st.Ino && old.Dev == st.Dev {
		return nil // linked to itself
	}
	return u.replacing(here, base, func() error { return unix.Linkat(from, name, here, base, 0) })
}

// linkTarget finds the file that a hard link means, copying it up when only
// the layers below have it.
func (u *unpacker) linkTarget(ctx context.Context, target string) (dir int, base string, err error) {
	where, base := split(target)
	if dir, err = u.tree.lookup(where); err == nil {
		if _, err = lstat(dir, base); err == nil {
			return dir, base, nil
		}
	}
	if u.opt.Below == nil || !errors.Is(err, unix.ENOENT) {
		return -1, "", err
	}
	source, err := u.below(target)
	if err != nil {
		return -1, "", err
	}
	if source == "" {
		return -1, "", unix.ENOENT
	}
	if dir, base, err = u.parent(target); err != nil {
		return -1, "", err
	}
	return dir, base, u.copyUp(ctx, source, dir, base)
}

// node makes a device or a fifo.
func (u *unpacker) node(hdr *tar.Header, dir int, base string, mode uint32, dev int) error {
	err := u.replacing(dir, base, func() error { return unix.Mknodat(dir, base, mode, dev) })
	if err != nil {
		return fmt.Errorf("making device node: %w", err)
	}
	fd, err := unix.Openat(dir, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := u.linkMeta(hdr, dir, base); err != nil {
		return err
	}
	if err := unix.Chmod(self(fd), mode&0o7777); err != nil {
		return err
	}
	return setTimes(dir, base, timesOf(hdr))
}

// timesOf gives access and modification time. A missing one stays as it is.
func timesOf(hdr *tar.Header) [2]unix.Timespec {
	access := hdr.AccessTime
	if access.IsZero() {
		access = hdr.ModTime
	}
	return [2]unix.Timespec{timespec(access), timespec(hdr.ModTime)}
}

func timespec(t time.Time) unix.Timespec {
	if t.IsZero() {
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	}
	return unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
}

func setTimes(dir int, base string, times [2]unix.Timespec) error {
	return unix.UtimesNanoAt(dir, base, times[:], unix.AT_SYMLINK_NOFOLLOW)
}
