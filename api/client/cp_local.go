package client

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// packLocal writes a local file or directory as an archive in which it has a
// name; with "." only what is inside of it counts. It returns the bytes of its
// files.
func packLocal(ctx context.Context, w io.Writer, source, as string) (size int64, err error) {
	tw := tar.NewWriter(w)
	same := newPacked()
	err = filepath.WalkDir(source, func(p string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, p)
		if err != nil {
			return err
		}
		n, err := packEntry(tw, p, path.Join(as, filepath.ToSlash(rel)), e, same, nil)
		size += n
		return err
	})
	if err != nil {
		return size, err
	}
	return size, tw.Close()
}

// packed is what the files of an archive share.
type packed struct {
	links map[fileID]string // the first name of what has several
	buf   []byte
}

func newPacked() *packed { return &packed{links: make(map[fileID]string), buf: make([]byte, 64<<10)} }

// packEntry writes one file. Sockets are left out. adjust, when not nil, changes
// headers.
func packEntry(tw *tar.Writer, p, name string, e fs.DirEntry, same *packed, adjust func(*tar.Header)) (int64, error) {
	info, err := e.Info()
	if err != nil || info.Mode()&fs.ModeSocket != 0 {
		return 0, err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(p); err != nil {
			return 0, err
		}
	}
	hdr, err := tar.FileInfoHeader(info, filepath.ToSlash(link))
	if err != nil {
		return 0, err
	}
	hdr.Name, hdr.Format, hdr.AccessTime, hdr.ChangeTime = name, tar.FormatPAX, time.Time{}, time.Time{}
	hdr.Uname, hdr.Gname = "", "" // names of this host mean nothing in a container
	if info.IsDir() {
		hdr.Name += "/"
	}
	if adjust != nil {
		adjust(hdr)
	}
	if !info.Mode().IsRegular() {
		return 0, tw.WriteHeader(hdr)
	}
	if id, several := fileIDOf(info); several {
		if first, ok := same.links[id]; ok {
			hdr.Typeflag, hdr.Linkname, hdr.Size = tar.TypeLink, first, 0
			return 0, tw.WriteHeader(hdr)
		}
		same.links[id] = name
	}
	if capability := capabilityOf(p); capability != "" {
		hdr.PAXRecords = map[string]string{paxCapability: capability}
	}
	f, err := os.Open(p)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := tw.WriteHeader(hdr); err != nil {
		return 0, err
	}
	n, err := io.CopyBuffer(tw, io.LimitReader(f, hdr.Size), same.buf)
	if err == nil && n < hdr.Size {
		err = fmt.Errorf("%s became shorter while it was copied", p)
	}
	return n, err
}

// unpackLocal puts an archive of one file or directory into the local directory
// dir, under a name; "." means that what it has inside goes there. Nothing is
// written outside of dir, whatever the archive says. It returns the bytes of the
// files.
func unpackLocal(ctx context.Context, r io.Reader, dir, as string, owners bool) (size int64, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	u := &localUnpacker{root: root, dir: filepath.Clean(dir), as: as, owners: owners && os.Geteuid() == 0}
	tr := tar.NewReader(r)
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return u.size, context.Cause(ctx)
		}
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return u.size, u.finish()
		}
		if err != nil {
			return u.size, fmt.Errorf("reading the daemon's archive: %w", err)
		}
		if first {
			u.base = strings.TrimSuffix(hdr.Name, "/")
		}
		if err := u.entry(hdr, tr); err != nil {
			return u.size, err
		}
	}
}

type localUnpacker struct {
	root   *os.Root
	dir    string // of the root, for people
	base   string // what the archive calls its root
	as     string // what it is called here
	owners bool
	size   int64
	dirs   []*tar.Header // whose modes and times are set last
}

// named is where an entry goes.
func (u *localUnpacker) named(name string) string {
	rest := strings.TrimPrefix(strings.TrimSuffix(name, "/"), u.base)
	return path.Join(u.as, strings.TrimPrefix(rest, "/"))
}

func (u *localUnpacker) entry(hdr *tar.Header, body io.Reader) error {
	name := u.named(hdr.Name)
	if name == "." {
		return nil // the directory that is there keeps its mode
	}
	old, err := u.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case hdr.Typeflag == tar.TypeDir && !old.IsDir():
		return &kindError{"cannot overwrite non-directory %q with directory %q", filepath.Join(u.dir, name), u.dir}
	case hdr.Typeflag != tar.TypeDir && old.IsDir():
		return &kindError{"cannot overwrite directory %q with non-directory %q", filepath.Join(u.dir, name), u.dir}
	case hdr.Typeflag != tar.TypeDir:
		if err := u.root.Remove(name); err != nil {
			return err
		}
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := u.make(hdr, name, body); err != nil {
		return err
	}
	if u.owners && hdr.Typeflag != tar.TypeLink {
		if err := u.root.Lchown(name, hdr.Uid, hdr.Gid); err != nil {
			return err
		}
		if hdr.Typeflag == tar.TypeReg && mode(hdr)&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			if err := u.root.Chmod(name, mode(hdr)); err != nil { // a new owner takes these bits away
				return err
			}
		}
	}
	if capability := hdr.PAXRecords[paxCapability]; capability != "" && hdr.Typeflag == tar.TypeReg && os.Geteuid() == 0 {
		return setCapability(u.root, name, capability)
	}
	return nil
}

// mode is the permissions of an entry.
func mode(hdr *tar.Header) fs.FileMode {
	return hdr.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// kindError says that a file is where a directory has to be, or the other way
// round.
type kindError struct{ format, path, dir string }

// Error is the classic text.
func (e *kindError) Error() string { return fmt.Sprintf(e.format, e.path, e.dir) }

// paxCapability names the rights of a program in an archive.
const paxCapability = "SCHILY.xattr.security.capability"

func (u *localUnpacker) make(hdr *tar.Header, name string, body io.Reader) error {
	switch hdr.Typeflag {
	case tar.TypeDir:
		if err := u.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		dir := *hdr
		dir.Name = name
		u.dirs = append(u.dirs, &dir)
		return nil
	case tar.TypeSymlink:
		return u.root.Symlink(hdr.Linkname, name)
	case tar.TypeLink:
		return u.root.Link(u.named(hdr.Linkname), name)
	case tar.TypeReg:
		f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		n, err := io.Copy(f, body)
		u.size += n
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err == nil {
			err = u.root.Chmod(name, mode(hdr))
		}
		if err == nil {
			err = u.root.Chtimes(name, hdr.ModTime, hdr.ModTime)
		}
		return err
	case tar.TypeFifo:
		return makeFifo(u.root, name, mode(hdr))
	}
	return nil // devices are for the container only
}

// finish sets what the entries of a directory would have disturbed, the deepest
// directories first.
func (u *localUnpacker) finish() error {
	for i := len(u.dirs) - 1; i >= 0; i-- {
		hdr := u.dirs[i]
		if err := u.root.Chmod(hdr.Name, mode(hdr)); err != nil && runtime.GOOS != "windows" {
			return err
		}
		if err := u.root.Chtimes(hdr.Name, hdr.ModTime, hdr.ModTime); err != nil && runtime.GOOS != "windows" {
			return err
		}
	}
	return nil
}
