package source

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
)

// SpoolOptions limit what is read.
type SpoolOptions struct {
	MaxBytes   int64 // of the plain archive; 0: any
	MaxEntries int   // 0: DefaultMaxEntries
}

// DefaultMaxEntries is how many files a context may have: each costs about 400
// bytes of memory.
const DefaultMaxEntries = 4_000_000

const (
	block     = 512 // of a tar archive
	readAhead = 256 << 10
)

// Spool reads an archive, plain or compressed, to its end: into an unlinked file
// in dir, in one pass, and indexes it. What it holds of memory is the index.
// Errors of the archive are InvalidArgument: truncated ones, names that lead out,
// files in files.
func Spool(ctx context.Context, dir string, r io.Reader, opt SpoolOptions) (*Archive, error) {
	if opt.MaxEntries == 0 {
		opt.MaxEntries = DefaultMaxEntries
	}
	f, err := unlinked(dir)
	if err != nil {
		return nil, err
	}
	a := newArchive(f)
	if err := a.fill(ctx, r, opt); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

// unlinked makes a file that is gone with its last descriptor.
func unlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "context-")
	if err != nil {
		return nil, fmt.Errorf("making a file for the build context: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (a *Archive) fill(ctx context.Context, r io.Reader, opt SpoolOptions) error {
	plain, _, err := archive.Decompress(&cancelled{ctx: ctx, r: r})
	if err != nil {
		return readError(ctx, err)
	}
	defer plain.Close()
	out := bufio.NewWriterSize(a.file, readAhead)
	copied := &spooler{r: plain, w: out, left: opt.MaxBytes, limited: opt.MaxBytes > 0}
	in := &position{r: bufio.NewReaderSize(copied, readAhead)}
	if err := a.index(tar.NewReader(in), in, opt); err != nil {
		return readError(ctx, errors.Join(copied.failed, err))
	}
	if _, err := io.Copy(io.Discard, copied); err != nil { // what follows the end
		return readError(ctx, err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("keeping the build context: %w", err)
	}
	return nil
}

// readError gives faults of an archive their kind.
func readError(ctx context.Context, err error) error {
	var own *errdefs.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &own), errors.Is(err, errWrite):
		return err
	}
	return errdefs.InvalidArgument("reading the build context: %w", err)
}

// index notes every entry as it passes.
func (a *Archive) index(tr *tar.Reader, in *position, opt SpoolOptions) error {
	for {
		begin := (in.n + block - 1) / block * block
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		data := in.n
		if h.Typeflag != tar.TypeXGlobalHeader {
			if len(a.nodes) >= opt.MaxEntries {
				return errdefs.InvalidArgument("the build context has more than %d files", opt.MaxEntries)
			}
			if err := a.add(h, begin, data); err != nil {
				return err
			}
		}
		if _, err := io.Copy(io.Discard, tr); err != nil {
			return err
		}
	}
}

// add notes one entry; a later one of the same name takes the place of an
// earlier one.
func (a *Archive) add(h *tar.Header, header, data int64) error {
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	n := &node{
		entry: Entry{
			Type: h.Typeflag, Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid, Size: h.Size, ModTime: h.ModTime,
			Devmajor: h.Devmajor, Devminor: h.Devminor,
		},
		header: header, data: data, sparse: sparse(h), xattrs: hasXattrs(h),
	}
	switch h.Typeflag {
	case tar.TypeReg, '\x00', tar.TypeCont, tar.TypeGNUSparse:
		n.entry.Type = tar.TypeReg
	case tar.TypeSymlink:
		n.entry.Link = h.Linkname
	case tar.TypeLink:
		return a.addLink(name, h, n)
	case tar.TypeDir, tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
	default:
		return errdefs.InvalidArgument("reading the build context: %q is of the unknown type %q", h.Name, h.Typeflag)
	}
	if n.entry.Type != tar.TypeReg {
		n.entry.Size = 0
	}
	return a.put(name, n)
}

// addLink notes another name of a file that came before it.
func (a *Archive) addLink(name string, h *tar.Header, n *node) error {
	to, err := cleanName(h.Linkname)
	if err != nil {
		return err
	}
	first, err := a.resolve(to)
	if err != nil || first.entry.IsDir() {
		return errdefs.InvalidArgument("reading the build context: %q is a link to %q, which is no file before it", h.Name, h.Linkname)
	}
	if first.entry.Inode == "" {
		first.entry.Inode = first.entry.Path
	}
	header := n.header
	*n = *first
	n.own, n.children = header, nil
	return a.put(name, n)
}

// put hangs a node where its name says; links in its directories are followed
// inside the archive, and missing directories are made.
func (a *Archive) put(name string, n *node) error {
	if name == "." {
		if n.entry.IsDir() {
			n.entry.Path, n.children = ".", a.root.children
			*a.root = *n
		}
		return nil
	}
	dir, err := a.directory(path.Dir(name))
	if err != nil {
		return err
	}
	n.entry.Path = path.Join(dir.entry.Path, path.Base(name))
	old := a.nodes[n.entry.Path]
	if old != nil && old.entry.IsDir() {
		if !n.entry.IsDir() {
			return errdefs.InvalidArgument("reading the build context: %q is a directory and a file", name)
		}
		n.children = old.children
	}
	if old == nil {
		dir.children = append(dir.children, n.entry.Path)
		dir.sorted = false
	}
	a.nodes[n.entry.Path] = n
	return nil
}

// directory finds or makes one.
func (a *Archive) directory(name string) (*node, error) {
	n, err := a.resolve(name)
	switch {
	case err == nil && n.entry.IsDir():
		return n, nil
	case err == nil, !errors.Is(err, errMissing):
		return nil, errdefs.InvalidArgument("reading the build context: %q is in something that is no directory", name)
	}
	up, err := a.directory(path.Dir(name))
	if err != nil {
		return nil, err
	}
	n = &node{entry: Entry{Path: path.Join(up.entry.Path, path.Base(name)), Type: tar.TypeDir, Mode: 0o755}, header: -1}
	if _, taken := a.nodes[n.entry.Path]; taken { // a link that leads nowhere
		return nil, errdefs.InvalidArgument("reading the build context: %q is in something that is no directory", name)
	}
	up.children = append(up.children, n.entry.Path)
	up.sorted = false
	a.nodes[n.entry.Path] = n
	return n, nil
}

// errMissing says that nothing has a name; errWrite that the spool is full.
var (
	errMissing = errors.New("no such file")
	errWrite   = errors.New("keeping the build context")
)

// resolve follows a name inside what is indexed so far.
func (a *Archive) resolve(name string) (*node, error) {
	e, err := Lookup(a, name, true)
	if err != nil {
		if errors.Is(err, ErrLoop) {
			return nil, err
		}
		return nil, errMissing
	}
	return a.node(e.Path), nil
}

// cleanName is the path of an entry. Those that lead out are refused.
func cleanName(name string) (string, error) {
	clean := path.Clean(strings.TrimLeft(name, "/"))
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", errdefs.InvalidArgument("reading the build context: %q leads out of it", name)
	}
	if strings.IndexByte(clean, 0) >= 0 || len(clean) > 4095 {
		return "", errdefs.InvalidArgument("reading the build context: a name of %d bytes cannot be a path", len(clean))
	}
	return clean, nil
}

func sparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

const xattrPrefix = "SCHILY.xattr."

func hasXattrs(h *tar.Header) bool {
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, xattrPrefix) {
			return true
		}
	}
	return false
}

// spooler writes down what is read through it.
type spooler struct {
	r       io.Reader
	w       io.Writer
	left    int64
	limited bool
	failed  error
}

// Read passes on and keeps.
func (s *spooler) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.limited {
		if s.left -= int64(n); s.left < 0 {
			s.failed = errdefs.InvalidArgument("the build context is larger than it may be")
			return 0, s.failed
		}
	}
	if _, werr := s.w.Write(p[:n]); werr != nil {
		s.failed = fmt.Errorf("%w: %w", errWrite, werr)
		return 0, s.failed
	}
	return n, err
}

// position counts what the reader of the archive has taken.
type position struct {
	r io.Reader
	n int64
}

// Read counts.
func (p *position) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.n += int64(n)
	return n, err
}

// cancelled ends with its context.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

// Read fails once the context has ended.
func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
