package archive

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// tree is a directory whose inside is reached only through descriptors that
// the kernel resolved within it.
type tree struct {
	root int
	// One parent directory is kept open, because archives list a directory's
	// entries together. It is dropped whenever a removal or a new link could
	// give its name another meaning.
	name string
	fd   int
}

func openTree(dir string) (*tree, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return &tree{root: fd, fd: -1}, nil
}

func (t *tree) close() {
	t.forget()
	unix.Close(t.root)
}

// forget drops the open parent.
func (t *tree) forget() {
	if t.fd >= 0 {
		unix.Close(t.fd)
	}
	t.fd, t.name = -1, ""
}

// capacity is the size of the file system, 0 when it has no limit.
func (t *tree) capacity() uint64 {
	var st unix.Statfs_t
	if err := unix.Fstatfs(t.root, &st); err != nil || st.Bsize <= 0 {
		return 0
	}
	return st.Blocks * uint64(st.Bsize)
}

// lookup opens the directory name inside the root, following links there. The
// descriptor belongs to the tree.
func (t *tree) lookup(name string) (int, error) {
	if name == "." {
		return t.root, nil
	}
	if t.fd >= 0 && t.name == name {
		return t.fd, nil
	}
	fd, err := t.open(name, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	if err != nil {
		return -1, err
	}
	t.keep(name, fd)
	return fd, nil
}

func (t *tree) keep(name string, fd int) {
	t.forget()
	t.name, t.fd = name, fd
}

// openDir opens a directory by its true name; a link on the way is an error.
// The caller closes the descriptor.
func (t *tree) openDir(name string) (int, error) {
	return t.open(name, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
}

// hold opens dir once more, for use across calls that may forget it. The
// caller closes the descriptor.
func hold(dir int) (int, error) {
	return unix.Openat(dir, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

func (t *tree) open(name string, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: resolve}
	for {
		fd, err := unix.Openat2(t.root, name, &how)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue // a rename elsewhere made the kernel unsure
		}
		return fd, err
	}
}

// lstat looks at base in the directory dir.
func lstat(dir int, base string) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

func kind(st *unix.Stat_t) uint32 { return st.Mode & unix.S_IFMT }

// isWhiteout tells whether st is overlayfs's mark for "deleted".
func isWhiteout(st *unix.Stat_t) bool { return kind(st) == unix.S_IFCHR && st.Rdev == 0 }

// remove deletes base in dir with everything in it. What is not there is not
// an error.
func (t *tree) remove(dir int, base string) error {
	err := unix.Unlinkat(dir, base, 0)
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		return nil
	case !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM):
		return err
	}

	if dir != t.fd {
		t.forget()
	}
	return removeDir(dir, base)
}

// removeDir deletes a directory bottom up without following links.
func removeDir(dir int, base string) error {
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	for {
		names, err := f.Readdirnames(256)
		for _, name := range names {
			err := unix.Unlinkat(fd, name, 0)
			if errors.Is(err, unix.EISDIR) {
				err = removeDir(fd, name)
			}
			if err != nil && !errors.Is(err, unix.ENOENT) {
				return err
			}
		}
		if err != nil || len(names) == 0 {
			break
		}
	}
	return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR)
}

// handle is a path that reaches base in dir without passing any name twice.
func handle(dir int, base string) string {
	return "/proc/self/fd/" + strconv.Itoa(dir) + "/" + base
}

// openRegular opens a regular file for reading. ENOENT when it is none any more:
// devices and fifos are not even opened.
func openRegular(dir int, base string) (int, error) {
	self, err := unix.Openat(dir, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(self)
	var st unix.Stat_t
	if err := unix.Fstat(self, &st); err != nil {
		return -1, err
	}
	if kind(&st) != unix.S_IFREG {
		return -1, unix.ENOENT
	}
	return unix.Open("/proc/self/fd/"+strconv.Itoa(self), unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

// readlink reads the link base in dir.
func readlink(dir int, base string) (string, error) {
	for size := 256; ; size *= 2 {
		buf := make([]byte, size)
		n, err := unix.Readlinkat(dir, base, buf)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

// split parts a clean name into directory and last element.
func split(name string) (dir, base string) {
	return path.Dir(name), path.Base(name)
}

var errTooManyLinks = fmt.Errorf("too many symbolic links: %w", unix.ELOOP)

// namesIn lists an open directory, sorted.
func namesIn(dir int) ([]string, error) {
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "directory")
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}
