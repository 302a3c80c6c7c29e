package source

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/tarsum"
)

// dir is a Tree over a directory of this host: the root of an image. Every path
// is opened by the kernel below the root and through no link, so that whatever is
// in the tree, and whoever changes it, nothing outside is ever looked at. It holds
// no descriptors, which would keep the root mounted.
type dir struct {
	root string

	mu   sync.Mutex
	sums map[string]string // by path

	buffers sync.Pool // of hashContent
}

// Dir makes a tree of a directory. Sums are remembered: files whose sum was asked
// for must not change while it is in use.
func Dir(root string) Tree { return &dir{root: root, sums: map[string]string{}} }

// Close does nothing: the directory is the caller's.
func (*dir) Close() error { return nil }

// open opens a path below the root. Neither the path nor its end may be a link,
// unless flags have O_PATH and O_NOFOLLOW.
func (d *dir) open(name string, flags uint64) (int, error) {
	root, err := unix.Open(d.root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: d.root, Err: err}
	}
	defer unix.Close(root)
	how := &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	for {
		fd, err := unix.Openat2(root, name, how)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN): // something is renamed meanwhile
			continue
		case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.EXDEV), errors.Is(err, unix.ENAMETOOLONG):
			return -1, notExist(name)
		case err != nil:
			return -1, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return fd, nil
	}
}

// Lstat looks at a path.
func (d *dir) Lstat(name string) (Entry, error) {
	name = path.Clean(name)
	fd, err := d.open(name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return Entry{}, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Entry{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return entryOf(fd, "", name, &st)
}

// entryOf describes a file; links are read as at says, relative to fd.
func entryOf(fd int, at, name string, st *unix.Stat_t) (Entry, error) {
	e := Entry{
		Path: name, Mode: int64(st.Mode & 0o7777), UID: int(st.Uid), GID: int(st.Gid),
		ModTime: time.Unix(int64(st.Mtim.Sec), int64(st.Mtim.Nsec)), //nolint:unconvert // their types differ by architecture
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		e.Type = tar.TypeDir
	case unix.S_IFLNK:
		e.Type = tar.TypeSymlink
		buf := make([]byte, maxPath+1)
		n, err := unix.Readlinkat(fd, at, buf)
		if err != nil {
			return e, &fs.PathError{Op: "readlink", Path: name, Err: err}
		}
		e.Link = string(buf[:n])
	case unix.S_IFCHR, unix.S_IFBLK:
		e.Type = tar.TypeChar
		if st.Mode&unix.S_IFMT == unix.S_IFBLK {
			e.Type = tar.TypeBlock
		}
		e.Devmajor, e.Devminor = int64(unix.Major(uint64(st.Rdev))), int64(unix.Minor(uint64(st.Rdev))) //nolint:unconvert // its type differs by architecture
	case unix.S_IFIFO:
		e.Type = tar.TypeFifo
	case unix.S_IFSOCK:
		e.Type = typeSocket
	default:
		e.Type, e.Size = tar.TypeReg, st.Size
		if st.Nlink > 1 {
			e.Inode = strconv.FormatUint(st.Ino, 10)
		}
	}
	return e, nil
}

// typeSocket stands for what archives cannot hold.
const typeSocket = 's'

// IsSocket tells whether an entry is a socket, which no archive can hold.
func (e Entry) IsSocket() bool { return e.Type == typeSocket }

// Children lists a directory.
func (d *dir) Children(name string) ([]Entry, error) {
	name = path.Clean(name)
	fd, err := d.open(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	list := make([]Entry, 0, len(names))
	for _, n := range names {
		var st unix.Stat_t
		if err := unix.Fstatat(fd, n, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			if errors.Is(err, unix.ENOENT) {
				continue
			}
			return nil, &fs.PathError{Op: "stat", Path: path.Join(name, n), Err: err}
		}
		e, err := entryOf(fd, n, path.Join(name, n), &st)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// Open reads a file. What became something else since it was found is not opened.
func (d *dir) Open(ctx context.Context, e Entry) (io.ReadCloser, error) {
	fd, err := d.open(path.Clean(e.Path), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = fs.ErrInvalid
	}
	if err != nil {
		return nil, errors.Join(&fs.PathError{Op: "open", Path: e.Path, Err: err}, unix.Close(fd))
	}
	f := os.NewFile(uintptr(fd), e.Path)
	return &opened{Reader: &cancelled{ctx: ctx, r: f}, Closer: f}, nil
}

type opened struct {
	io.Reader
	io.Closer
}

const capabilityName = "security.capability"

// Xattrs reads the one extended attribute of files that is copied.
func (d *dir) Xattrs(e Entry) (map[string]string, error) {
	if e.Type != tar.TypeReg {
		return nil, nil
	}
	fd, err := d.open(path.Clean(e.Path), unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 64) // 24 at most, capabilities(7)
	n, err := unix.Getxattr(fmt.Sprintf("/proc/self/fd/%d", fd), capabilityName, buf)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) || err == nil && n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, &fs.PathError{Op: "getxattr", Path: e.Path, Err: err}
	}
	return map[string]string{capabilityName: string(buf[:n])}, nil
}

// Sum is the checksum that Docker gives files of a directory: its header has the
// type in its mode.
func (d *dir) Sum(ctx context.Context, e Entry) (string, error) {
	d.mu.Lock()
	sum := d.sums[e.Path]
	d.mu.Unlock()
	if sum != "" {
		return sum, nil
	}
	attrs, err := d.Xattrs(e)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	tarsum.Begin(h, sumHeader(e, attrs), tarsum.V1)
	if e.Type == tar.TypeReg && e.Size > 0 {
		f, err := d.Open(ctx, e)
		if err != nil {
			return "", err
		}
		err = hashContent(ctx, h, f, e.Size, &d.buffers)
		if err = errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	sum = hex.EncodeToString(h.Sum(nil))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sums[e.Path] = sum
	return sum, nil
}

// rootName is what user and group 0 are called everywhere.
const rootName = "root"

// sumHeader is the header of a file that was never in an archive.
func sumHeader(e Entry, attrs map[string]string) *tar.Header {
	h := &tar.Header{
		Name: e.Path, Mode: e.Mode, Uid: e.UID, Gid: e.GID, Size: e.Size, Typeflag: e.Type, Linkname: e.Link,
		Devmajor: e.Devmajor, Devminor: e.Devminor,
	}
	switch e.Type {
	case tar.TypeReg:
		h.Mode |= unix.S_IFREG
	case tar.TypeDir:
		h.Mode |= unix.S_IFDIR
		h.Name += "/"
	case tar.TypeSymlink:
		h.Mode |= unix.S_IFLNK
	case tar.TypeChar:
		h.Mode |= unix.S_IFCHR
	case tar.TypeBlock:
		h.Mode |= unix.S_IFBLK
	case tar.TypeFifo:
		h.Mode |= unix.S_IFIFO
	}
	// dockerd asks its host for the names of owners; that of root is always the same.
	if e.UID == 0 {
		h.Uname = rootName
	}
	if e.GID == 0 {
		h.Gname = rootName
	}
	for k, v := range attrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[xattrPrefix+k] = v
	}
	return h
}
