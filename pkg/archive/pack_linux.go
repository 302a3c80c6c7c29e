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

	"github.com/enginejobs/docker/pkg/pipe"
)

// PackOptions say what goes into an archive.
type PackOptions struct {
	// Whiteouts set to Overlay turns the marks of overlayfs into entries.
	Whiteouts Whiteouts
	// Only, when not nil, names the entries to include, relative and sorted.
	// Directories on the way to them are not added by themselves.
	Only []string
	// Deleted names entries for which a whiteout is written.
	Deleted []string
	// As, when not empty, is the name that the tree itself has in the archive: it
	// gets an entry, and all names begin with it; "/" makes them begin with a
	// slash. With Only, which then has one name, it is the name of that entry.
	As string
}

// reopenDepth is how many directories a walk keeps open. Deeper ones are
// opened again when needed, so that a deep tree cannot use up descriptors.
const reopenDepth = 64

// Pack writes the tree below dir to w as an uncompressed archive with an end
// marker. Links are never followed, files that vanish meanwhile are left out,
// sockets too. Times are whole seconds, as layers have always had them.
func Pack(ctx context.Context, w io.Writer, dir string, opt PackOptions) error {
	t, err := openTree(dir)
	if err != nil {
		return err
	}
	defer t.close()
	p := &packer{ctx: ctx, tree: t, opt: opt, tw: tar.NewWriter(w), links: make(map[inode]string)}
	switch {
	case opt.Only != nil:
		err = p.only()
	case opt.As != "":
		if _, err = p.add(t.root, ".", "."); err == nil {
			err = p.walk(".", 0)
		}
	default:
		err = p.walk(".", 0)
	}
	if err != nil {
		return err
	}
	for _, name := range opt.Deleted {
		if err := p.whiteout(name); err != nil {
			return err
		}
	}
	return p.tw.Close()
}

// Stream is Pack into a reader. Close ends it early; Read reports its error.
func Stream(ctx context.Context, dir string, opt PackOptions) io.ReadCloser {
	ctx, cancel := context.WithCancel(ctx)
	return &stream{pipe.From(func(w io.Writer) error { return Pack(ctx, w, dir, opt) }), cancel}
}

type stream struct {
	*pipe.Reader
	cancel context.CancelFunc
}

// Close stops the packing and waits for its end.
func (s *stream) Close() error {
	s.cancel()
	_ = s.Reader.Close() // said by Read already
	return nil
}

type inode struct{ dev, ino uint64 }

// packer is one run of Pack.
type packer struct {
	ctx   context.Context //nolint:containedctx // lives as long as one call
	tree  *tree
	opt   PackOptions
	tw    *tar.Writer
	links map[inode]string // first name of every file that has several
	buf   []byte
}

// walk adds everything in the directory name. Deep down it does not keep its
// directory open while it is in a sub-directory.
func (p *packer) walk(name string, depth int) error {
	dir, err := p.tree.openDir(name)
	if err != nil {
		return vanished(name, err)
	}
	defer func() { unix.Close(dir) }()
	names, err := namesIn(dir)
	if err != nil {
		return fmt.Errorf("listing %s: %w", shorten(name), err)
	}
	for _, n := range names {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		full := path.Join(name, n)
		st, err := p.add(dir, n, full)
		if err != nil {
			return fmt.Errorf("packing %s: %w", shorten(full), err)
		}
		if kind(&st) != unix.S_IFDIR {
			continue
		}
		if depth < reopenDepth {
			if err := p.walk(full, depth+1); err != nil {
				return err
			}
			continue
		}
		unix.Close(dir)
		err = p.walk(full, depth+1)
		if dir, err = p.reopen(name, err); err != nil || dir < 0 {
			return err
		}
	}
	return nil
}

// reopen opens a directory again after a walk that ended with err. It returns
// -1 when the directory vanished.
func (p *packer) reopen(name string, err error) (int, error) {
	if err != nil {
		return -1, err
	}
	dir, err := p.tree.openDir(name)
	if err != nil {
		return -1, vanished(name, err)
	}
	return dir, nil
}

// vanished forgives a directory that went away or became something else.
func vanished(name string, err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil
	}
	return fmt.Errorf("packing %s: %w", shorten(name), err)
}

// only adds the named entries.
func (p *packer) only() error {
	for _, name := range p.opt.Only {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		where, base := split(name)
		if p.tree.fd < 0 || p.tree.name != where {
			fd, err := p.tree.openDir(where)
			if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
				continue
			}
			if err != nil {
				return fmt.Errorf("packing %s: %w", name, err)
			}
			p.tree.keep(where, fd)
		}
		if _, err := p.add(p.tree.fd, base, name); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
	}
	return nil
}

// add writes one entry. What vanished has a zero stat.
func (p *packer) add(dir int, base, name string) (unix.Stat_t, error) {
	st, err := lstat(dir, base)
	if errors.Is(err, unix.ENOENT) {
		return unix.Stat_t{}, nil
	}
	if err != nil {
		return st, err
	}
	if p.opt.Whiteouts == Overlay && isWhiteout(&st) {
		return st, p.whiteout(name)
	}
	hdr, err := p.header(&st, dir, base, name)
	if err != nil || hdr == nil {
		return st, err
	}
	if hdr.Typeflag == tar.TypeReg && hdr.Size > 0 {
		return st, p.file(hdr, dir, base)
	}
	if err := p.tw.WriteHeader(hdr); err != nil {
		return st, err
	}
	if hdr.Typeflag == tar.TypeDir && p.opt.Whiteouts == Overlay {
		return st, p.opaque(dir, base, name)
	}
	return st, nil
}

// named is what a name of the tree is called in the archive.
func (p *packer) named(name string) string {
	switch {
	case p.opt.As == "":
		return name
	case p.opt.Only != nil:
		return p.opt.As
	case name == ".":
		return strings.TrimSuffix(p.opt.As, "/")
	}
	return strings.TrimSuffix(p.opt.As, "/") + "/" + name
}

// header describes an object; nil when archives have no word for it.
func (p *packer) header(st *unix.Stat_t, dir int, base, name string) (*tar.Header, error) {
	name = p.named(name)
	hdr := &tar.Header{
		Format: tar.FormatPAX, Name: name, Mode: int64(st.Mode & 0o7777),
		Uid: int(st.Uid), Gid: int(st.Gid), ModTime: time.Unix(st.Mtim.Sec, 0),
	}
	switch kind(st) {
	case unix.S_IFREG:
		hdr.Typeflag, hdr.Size = tar.TypeReg, st.Size
	case unix.S_IFDIR:
		hdr.Typeflag, hdr.Name = tar.TypeDir, name+"/"
	case unix.S_IFLNK:
		target, err := readlink(dir, base)
		if err != nil {
			return nil, err
		}
		hdr.Typeflag, hdr.Linkname = tar.TypeSymlink, target
	case unix.S_IFIFO:
		hdr.Typeflag = tar.TypeFifo
	case unix.S_IFCHR:
		hdr.Typeflag = tar.TypeChar
	case unix.S_IFBLK:
		hdr.Typeflag = tar.TypeBlock
	default:
		return nil, nil
	}
	if hdr.Typeflag == tar.TypeChar || hdr.Typeflag == tar.TypeBlock {
		hdr.Devmajor, hdr.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
	}
	if st.Nlink > 1 && hdr.Typeflag != tar.TypeDir {
		key := inode{st.Dev, st.Ino}
		if first, ok := p.links[key]; ok {
			hdr.Typeflag, hdr.Linkname, hdr.Size = tar.TypeLink, first, 0
			return hdr, nil
		}
		p.links[key] = name
	}
	attrs, err := attrsOf(handle(dir, base))
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	for key, value := range attrs {
		if hdr.PAXRecords == nil {
			hdr.PAXRecords = make(map[string]string)
		}
		hdr.PAXRecords[paxXattr+key] = value
	}
	return hdr, nil
}

// file writes a regular file of the size in its header. One that shrinks
// meanwhile is filled up with zeros, one that grows is cut.
func (p *packer) file(hdr *tar.Header, dir int, base string) error {
	fd, err := openRegular(dir, base)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	if err := p.tw.WriteHeader(hdr); err != nil {
		return err
	}
	if p.buf == nil {
		p.buf = make([]byte, 128<<10)
	}
	for left := hdr.Size; left > 0; {
		buf := p.buf[:min(int64(len(p.buf)), left)]
		n, err := f.Read(buf)
		if errors.Is(err, io.EOF) {
			n = len(buf)
			clear(buf)
		} else if err != nil {
			return err
		}
		if _, err := p.tw.Write(buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
		if err := p.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// opaque adds the marker of a directory that hides the lower ones.
func (p *packer) opaque(dir int, base, name string) error {
	value, err := getAttr(handle(dir, base), opaqueAttr)
	if err != nil || string(value) != "y" {
		return nil //nolint:nilerr // no such attribute: not opaque
	}
	return p.tw.WriteHeader(marker(path.Join(name, whiteoutOpaque)))
}

// whiteout adds the marker of a deleted file.
func (p *packer) whiteout(name string) error {
	dir, base := split(name)
	return p.tw.WriteHeader(marker(path.Join(dir, WhiteoutPrefix+base)))
}

func marker(name string) *tar.Header {
	return &tar.Header{Format: tar.FormatPAX, Typeflag: tar.TypeReg, Name: name, Mode: 0o600, ModTime: time.Unix(0, 0)}
}
