package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"
	"time"

	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
)

// xattrs are read apart from the entry by trees that keep them elsewhere.
type xattrs interface {
	Xattrs(source.Entry) (map[string]string, error)
}

// Write writes the archive of the layer. The same plan gives the same bytes.
func (p *Plan) Write(ctx context.Context, w io.Writer) error {
	tw := tar.NewWriter(w)
	written := map[string]bool{}
	for _, it := range p.items {
		if it.gone {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		switch {
		case it.unpack:
			err = p.unpack(ctx, tw, it)
		case it.same != "" && written[it.same]:
			err = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: it.path, Linkname: it.same, Mode: it.entry.Mode, ModTime: it.entry.ModTime, Format: tar.FormatPAX})
		default:
			err = p.write(ctx, tw, it)
		}
		if err != nil {
			return fmt.Errorf("copying %s: %w", it.entry.Path, err)
		}
		written[it.path] = true
	}
	return tw.Close()
}

// write writes one file.
func (p *Plan) write(ctx context.Context, tw *tar.Writer, it *item) error {
	e := it.entry
	h := &tar.Header{
		Typeflag: e.Type, Name: it.path, Mode: e.Mode, Uid: p.owner.uid, Gid: p.owner.gid, Size: e.Size, ModTime: e.ModTime.Truncate(time.Second),
		Linkname: e.Link, Devmajor: e.Devmajor, Devminor: e.Devminor, Format: tar.FormatPAX,
	}
	if p.owner.keep || it.exists {
		h.Uid, h.Gid = e.UID, e.GID
	}
	if p.owner.mode != nil && !it.exists && it.tree != nil && e.Type != tar.TypeSymlink {
		h.Mode = p.owner.mode(e.Mode, e.IsDir())
	}
	if e.IsDir() {
		h.Name += "/"
	}
	if err := capabilities(h, it); err != nil {
		return err
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if e.Type != tar.TypeReg || e.Size == 0 {
		return nil
	}
	r, err := it.tree.Open(ctx, e)
	if err != nil {
		return err
	}
	_, err = io.Copy(tw, r)
	return errors.Join(err, r.Close())
}

// capabilities keeps the one extended attribute that is copied.
func capabilities(h *tar.Header, it *item) error {
	list := it.entry.Xattrs
	if x, ok := it.tree.(xattrs); ok {
		var err error
		if list, err = x.Xattrs(it.entry); err != nil {
			return err
		}
	}
	const name = "security.capability"
	if v, ok := list[name]; ok {
		h.PAXRecords = map[string]string{"SCHILY.xattr." + name: v}
	}
	return nil
}

// isArchive tells whether a file can be unpacked: it has an entry at least.
func isArchive(ctx context.Context, t source.Tree, e source.Entry) (bool, error) {
	if e.Type != tar.TypeReg || e.Size == 0 {
		return false, nil
	}
	r, err := t.Open(ctx, e)
	if err != nil {
		return false, err
	}
	defer r.Close()
	plain, _, err := archive.Decompress(r)
	if err != nil {
		return false, nil //nolint:nilerr // it is copied as the file that it is
	}
	defer plain.Close()
	_, err = tar.NewReader(plain).Next()
	return err == nil, ctx.Err()
}

// unpack writes what is in an archive. Owners and modes are those of the archive,
// unless others were asked for.
func (p *Plan) unpack(ctx context.Context, tw *tar.Writer, it *item) error {
	r, err := it.tree.Open(ctx, it.entry)
	if err != nil {
		return err
	}
	defer r.Close()
	plain, _, err := archive.Decompress(r)
	if err != nil {
		return errdefs.InvalidArgument("unpacking: %w", err)
	}
	defer plain.Close()
	tr := tar.NewReader(plain)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errdefs.InvalidArgument("unpacking: %w", err)
		}
		ok, err := p.rename(h, it.path)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(tw, tr); err != nil {
			return err
		}
	}
}

// rename puts an entry of an archive where it goes. Names that lead out are
// refused, the root of the archive is the directory that exists.
func (p *Plan) rename(h *tar.Header, into string) (bool, error) {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return false, nil
	}
	name, err := inside(h.Name)
	if err != nil {
		return false, err
	}
	if name == "." {
		return false, nil
	}
	if strings.HasPrefix(path.Base(name), ".wh.") {
		return false, errdefs.InvalidArgument("unpacking: %s: names that begin with .wh. mean removed files in layers", name)
	}
	h.Name = path.Join(into, name)
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	if h.Typeflag == tar.TypeLink {
		to, err := inside(h.Linkname)
		if err != nil {
			return false, err
		}
		h.Linkname = path.Join(into, to)
	}
	if p.req.Chown != "" {
		h.Uid, h.Gid = p.owner.uid, p.owner.gid
	}
	if p.owner.mode != nil && h.Typeflag != tar.TypeSymlink {
		h.Mode = p.owner.mode(h.Mode&0o7777, h.Typeflag == tar.TypeDir)
	}
	if h.Typeflag == tar.TypeGNUSparse || h.Typeflag == tar.TypeCont {
		h.Typeflag = tar.TypeReg // the reader fills holes
	}
	maps.DeleteFunc(h.PAXRecords, func(k, _ string) bool { return !strings.HasPrefix(k, "SCHILY.xattr.") })
	h.Uname, h.Gname, h.Format = "", "", tar.FormatPAX
	h.AccessTime, h.ChangeTime = time.Time{}, time.Time{}
	h.ModTime = h.ModTime.Truncate(time.Second)
	return true, nil
}

// inside cleans a name of an archive.
func inside(name string) (string, error) {
	clean := path.Clean(strings.TrimLeft(name, "/"))
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", errdefs.InvalidArgument("unpacking: %q leads out of the archive", name)
	}
	return clean, nil
}

// Directory is the layer of a directory and those to it that are missing below;
// nil when there is nothing to make.
func Directory(ctx context.Context, below source.Tree, name string, modified time.Time) (*Plan, error) {
	p := &Plan{req: Request{Instruction: "WORKDIR", Dest: name, Below: below}, at: map[string]*item{}}
	at, err := follow(below, name)
	if err != nil {
		return nil, errdefs.InvalidArgument("WORKDIR %s: %w", name, err)
	}
	e, err := below.Lstat(at)
	if err == nil {
		if !e.IsDir() {
			return nil, errdefs.InvalidArgument("Cannot mkdir: %s is not a directory", name)
		}
		return nil, ctx.Err()
	}
	return p, p.directory(at, modified)
}
