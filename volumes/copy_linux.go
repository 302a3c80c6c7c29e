package volumes

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// inode identifies a file for keeping hard links.
type inode struct{ dev, ino uint64 }

// copyTree copies the directory src to dst, which must not exist: owners,
// modes, times, extended attributes, links and special files. Symbolic links
// are copied, never followed.
func copyTree(src, dst string) error {
	links := map[inode]string{}
	type dirTimes struct {
		path string
		st   *syscall.Stat_t
	}
	var dirs []dirTimes
	err := filepath.WalkDir(src, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		target := filepath.Join(dst, rel)
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("%s: no owner known", path)
		}
		if err := copyOne(path, target, info, st, links); err != nil {
			return err
		}
		if info.IsDir() {
			dirs = append(dirs, dirTimes{target, st})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := len(dirs) - 1; i >= 0; i-- { // children first: filling changes the times
		if err := setTimes(dirs[i].path, dirs[i].st); err != nil {
			return err
		}
	}
	return nil
}

func copyOne(path, target string, info fs.FileInfo, st *syscall.Stat_t, links map[inode]string) error {
	id := inode{st.Dev, st.Ino}
	if !info.IsDir() && st.Nlink > 1 {
		if first, ok := links[id]; ok {
			return os.Link(first, target)
		}
		links[id] = target
	}
	var err error
	switch info.Mode().Type() {
	case 0:
		err = copyFile(path, target)
	case fs.ModeDir:
		err = os.Mkdir(target, 0o700)
	case fs.ModeSymlink:
		var to string
		if to, err = os.Readlink(path); err == nil {
			err = os.Symlink(to, target)
		}
	default:
		err = unix.Mknod(target, st.Mode, int(st.Rdev))
	}
	if err != nil {
		return fmt.Errorf("copying %s: %w", path, err)
	}
	return copyAttributes(path, target, info, st)
}

// replaceEmptyDir renames a directory over an empty one, which os.Rename refuses.
func replaceEmptyDir(from, to string) error { return unix.Rename(from, to) }

func copyFile(path, target string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// copyAttributes sets the owner before the mode, because a change of owner
// clears the set-user-id bits.
func copyAttributes(path, target string, info fs.FileInfo, st *syscall.Stat_t) error {
	if err := os.Lchown(target, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := copyXattrs(path, target); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		if err := unix.Chmod(target, st.Mode&0o7777); err != nil {
			return fmt.Errorf("setting the mode of %s: %w", target, err)
		}
	}
	return setTimes(target, st)
}

func setTimes(path string, st *syscall.Stat_t) error {
	times := []unix.Timespec{
		unix.NsecToTimespec(time.Unix(st.Atim.Unix()).UnixNano()),
		unix.NsecToTimespec(time.Unix(st.Mtim.Unix()).UnixNano()),
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW)
}

// copyXattrs copies what both sides support; overlay's own marks stay behind.
func copyXattrs(path, target string) error {
	size, err := unix.Llistxattr(path, nil)
	if err != nil || size == 0 {
		return nil
	}
	names := make([]byte, size)
	if size, err = unix.Llistxattr(path, names); err != nil {
		return nil
	}
	for _, name := range splitZero(names[:size]) {
		if len(name) > 16 && name[:16] == "trusted.overlay." {
			continue
		}
		n, err := unix.Lgetxattr(path, name, nil)
		if err != nil {
			continue
		}
		value := make([]byte, n)
		if n, err = unix.Lgetxattr(path, name, value); err != nil {
			continue
		}
		err = unix.Lsetxattr(target, name, value[:n], 0)
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("setting %s of %s: %w", name, target, err)
		}
	}
	return nil
}

func splitZero(b []byte) []string {
	var out []string
	for start, i := 0, 0; i < len(b); i++ {
		if b[i] == 0 {
			out = append(out, string(b[start:i]))
			start = i + 1
		}
	}
	return out
}
