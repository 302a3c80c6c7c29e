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
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/tarsum"
)

// dir is a Tree over a directory of this host that nobody changes: the root of an
// image. Lookup follows links inside of it; the paths that reach the system have
// none.
type dir struct {
	root string

	mu   sync.Mutex
	sums map[string]string // by path
}

// Dir makes a tree of a directory, which must not change while it is in use.
func Dir(root string) Tree { return &dir{root: root, sums: map[string]string{}} }

// Close does nothing: the directory is the caller's.
func (*dir) Close() error { return nil }

func (d *dir) path(name string) string { return filepath.Join(d.root, path.Join("/", name)) }

// Lstat looks at a path.
func (d *dir) Lstat(name string) (Entry, error) {
	name = path.Clean(name)
	info, err := os.Lstat(d.path(name))
	if err != nil {
		if errors.Is(err, unix.ENOTDIR) {
			return Entry{}, notExist(name)
		}
		return Entry{}, err
	}
	return d.entry(name, info)
}

// entry describes a file.
func (d *dir) entry(name string, info fs.FileInfo) (Entry, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Entry{}, fmt.Errorf("%s has no system data", name)
	}
	e := Entry{Path: name, Mode: int64(st.Mode & 0o7777), UID: int(st.Uid), GID: int(st.Gid), ModTime: info.ModTime()}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		e.Type = tar.TypeDir
	case unix.S_IFLNK:
		e.Type = tar.TypeSymlink
		link, err := os.Readlink(d.path(name))
		if err != nil {
			return e, err
		}
		e.Link = link
	case unix.S_IFCHR, unix.S_IFBLK:
		e.Type = tar.TypeChar
		if st.Mode&unix.S_IFMT == unix.S_IFBLK {
			e.Type = tar.TypeBlock
		}
		e.Devmajor, e.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev)) //nolint:unconvert // its type differs by architecture
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
	if e.Type == tar.TypeReg {
		if v, ok := capability(d.path(name)); ok {
			e.Xattrs = map[string]string{capabilityName: v}
		}
	}
	return e, nil
}

// typeSocket stands for what archives cannot hold.
const typeSocket = 's'

// IsSocket tells whether an entry is a socket, which no archive can hold.
func (e Entry) IsSocket() bool { return e.Type == typeSocket }

const capabilityName = "security.capability"

// capability reads the one attribute that is copied.
func capability(name string) (string, bool) {
	buf := make([]byte, 64)
	n, err := unix.Lgetxattr(name, capabilityName, buf)
	if err != nil || n <= 0 {
		return "", false
	}
	return string(buf[:n]), true
}

// Children lists a directory.
func (d *dir) Children(name string) ([]Entry, error) {
	name = path.Clean(name)
	infos, err := os.ReadDir(d.path(name))
	if err != nil {
		return nil, err
	}
	list := make([]Entry, 0, len(infos))
	for _, i := range infos {
		e, err := d.Lstat(path.Join(name, i.Name()))
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// Open reads a file.
func (d *dir) Open(_ context.Context, e Entry) (io.ReadCloser, error) {
	return os.OpenFile(d.path(e.Path), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

// Sum is the checksum that Docker gives files of a directory: its header has the
// type in its mode, and no names of owners.
func (d *dir) Sum(ctx context.Context, e Entry) (string, error) {
	d.mu.Lock()
	sum := d.sums[e.Path]
	d.mu.Unlock()
	if sum != "" {
		return sum, nil
	}
	h := sha256.New()
	tarsum.Begin(h, sumHeader(e), tarsum.V1)
	if e.Type == tar.TypeReg && e.Size > 0 {
		f, err := d.Open(ctx, e)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, &cancelled{ctx: ctx, r: f})
		if cerr := f.Close(); err != nil || cerr != nil {
			return "", errors.Join(err, cerr)
		}
	}
	sum = hex.EncodeToString(h.Sum(nil))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sums[e.Path] = sum
	return sum, nil
}

// sumHeader is the header of a file that was never in an archive.
func sumHeader(e Entry) *tar.Header {
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
	for k, v := range e.Xattrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[xattrPrefix+k] = v
	}
	return h
}
