//go:build linux

package graph

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/jsonstream"
	"github.com/enginejobs/docker/pkg/tarsplit"
)

// layer reads one layer again: what is known of it, and its archive, which is
// put together from its files and has to have the layer's digest.
func (c *check) layer(ctx context.Context, chainID string) {
	problem := func(path, text string) {
		c.found(api.ImageProblem{Kind: "layer", Id: chainID, Path: path, Images: c.users[chainID], Problem: text})
	}
	l := c.s.hold(chainID)
	if l == nil && !c.still(func() bool {
		l = c.s.hold(chainID)
		_, err := os.Lstat(c.s.path("layerdb/sha256", strings.TrimPrefix(chainID, "sha256:")))
		return l == nil && err == nil
	}) && l == nil {
		return // removed meanwhile
	}
	if l == nil {
		_, err := c.s.loadLayer(chainID)
		if err == nil {
			err = errors.New("a layer below it is missing")
		}
		problem("", fmt.Sprintf("it cannot be used: %v", err))
		return
	}
	defer c.s.unhold(chainID)
	c.result.Layers++
	switch again, err := c.s.loadLayer(chainID); {
	case err != nil:
		problem("", fmt.Sprintf("what is known of it cannot be read: %v", err))
		return
	case chainOn(again.parent, again.diffID) != chainID || again.cacheID != l.cacheID:
		problem("", "what is known of it has changed")
		return
	}
	if err := c.contents(ctx, l, problem); err != nil && ctx.Err() == nil {
		problem("", err.Error())
	}
}

// contents reads the archive of a layer.
func (c *check) contents(ctx context.Context, l *layer, problem func(path, text string)) error {
	broken := make(map[string]bool) // files that are reported
	rc, err := c.s.assembled(ctx, l, func(e *tarsplit.FileError) {
		if ctx.Err() == nil {
			broken[path.Clean("/"+e.Name)] = true
			problem(e.Name, e.Err.Error())
		}
	})
	if err != nil {
		return err
	}
	defer rc.Close()
	root, err := c.s.driver.Get(l.cacheID)
	if err != nil {
		return err
	}
	defer func() { c.told(c.s.driver.Put(l.cacheID)) }()
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)

	hash := sha256.New()
	progress := &checkProgress{c: c, r: rc, id: image.ShortID(l.chainID), total: l.length}
	stream := io.TeeReader(progress, hash)
	odd, err := c.entries(ctx, stream, dir)
	if err == nil {
		_, err = io.CopyBuffer(io.Discard, stream, make([]byte, 256<<10)) // what follows the end counts for the digest
	}
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(odd)) {
		if !broken[name] {
			broken[name] = true
			problem(name[1:], odd[name])
		}
	}
	c.result.Bytes += progress.n
	if got := "sha256:" + hex.EncodeToString(hash.Sum(nil)); got != l.diffID && len(broken) == 0 {
		return fmt.Errorf("its archive has the digest %s and not %s", got, l.diffID)
	}
	verdict := "Layer %s is whole"
	if len(broken) > 0 {
		verdict = "Layer %s is damaged"
	}
	c.told(c.out.Status(progress.id, verdict, progress.id))
	return nil
}

// entries compares every entry with the object that it became and returns what
// is wrong by name. The last entry of a name counts.
func (c *check) entries(ctx context.Context, r io.Reader, dir int) (map[string]string, error) {
	odd := make(map[string]string)
	tr := tar.NewReader(r)
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return odd, nil
		}
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name := path.Clean("/" + hdr.Name)
		if hdr.Typeflag == tar.TypeXGlobalHeader || strings.Contains(name, "/"+archive.WhiteoutPrefix) {
			continue
		}
		c.result.Files++
		delete(odd, name)
		if err := compareEntry(dir, name, hdr); err != nil {
			odd[name] = err.Error()
		}
	}
}

// compareEntry tells how an object differs from its entry.
func compareEntry(dir int, name string, hdr *tar.Header) error {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(dir, name, &how)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return errors.New("it is missing")
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if hdr.Typeflag == tar.TypeLink {
		return nil // its target tells
	}
	info := hdr.FileInfo().Mode()
	switch {
	case kindOf(st.Mode) != info.Type():
		return fmt.Errorf("it is another kind of file: %v and not %v", kindOf(st.Mode), info.Type())
	case info.IsRegular() && st.Size != hdr.Size:
		return fmt.Errorf("it has %d bytes and not %d", st.Size, hdr.Size)
	case os.Geteuid() == 0 && (int(st.Uid) != hdr.Uid || int(st.Gid) != hdr.Gid):
		return fmt.Errorf("it belongs to %d:%d and not to %d:%d", st.Uid, st.Gid, hdr.Uid, hdr.Gid)
	case info&fs.ModeSymlink == 0 && int64(st.Mode&0o7777) != hdr.Mode&0o7777:
		return fmt.Errorf("it has the mode %#o and not %#o", st.Mode&0o7777, hdr.Mode&0o7777)
	case info&fs.ModeSymlink == 0:
		return nil
	}
	to := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", to)
	if err == nil && string(to[:n]) != hdr.Linkname {
		return fmt.Errorf("it links to %q and not to %q", to[:n], hdr.Linkname)
	}
	return err
}

// kindOf is the type of a mode of the kernel.
func kindOf(mode uint32) fs.FileMode {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return fs.ModeDir
	case unix.S_IFLNK:
		return fs.ModeSymlink
	case unix.S_IFIFO:
		return fs.ModeNamedPipe
	case unix.S_IFCHR:
		return fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		return fs.ModeDevice
	case unix.S_IFSOCK:
		return fs.ModeSocket
	}
	return 0
}

// checkProgress counts what is read and tells.
type checkProgress struct {
	c     *check
	r     io.Reader
	id    string
	n     int64
	total int64
	shown int64
}

// Read passes on.
func (p *checkProgress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.n += int64(n)
	if p.n-p.shown >= 8<<20 {
		p.shown = p.n
		p.c.told(p.c.out.Progress(p.id, "Checking", jsonstream.Progress{Current: p.n, Total: p.total}))
	}
	if p.c.err != nil {
		return n, p.c.err
	}
	return n, err
}
