package source

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"math"
	"path"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// index notes every entry as it passes.
func (a *Archive) index(ctx context.Context, tr *tar.Reader, in *position, opt SpoolOptions) error {
	holes := int64(maxHoles)
	if opt.MaxBytes > 0 {
		holes = opt.MaxBytes
	}
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
			if err := a.add(h, begin, data); err != nil {
				return err
			}
			if len(a.nodes) > opt.MaxEntries {
				return errdefs.InvalidArgument("the build context has more than %d files", opt.MaxEntries)
			}
		}
		// What is not in the archive is made by the reader, with no end in sight.
		if sparse(h) {
			if holes -= h.Size; holes < 0 {
				return errdefs.InvalidArgument("the build context is larger than it may be: %q has %d bytes, most of them holes", h.Name, h.Size)
			}
		}
		if _, err := io.Copy(io.Discard, &cancelled{ctx: ctx, r: tr}); err != nil {
			return err
		}
	}
}

// maxHoles is how long files with holes may be together, in bytes.
const maxHoles = 64 << 30

// add notes one entry; a later one of the same name takes the place of an
// earlier one.
func (a *Archive) add(h *tar.Header, header, data int64) error {
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	if !isID(h.Uid) || !isID(h.Gid) || h.Size < 0 || h.Devmajor < 0 || h.Devminor < 0 {
		return errdefs.InvalidArgument("reading the build context: %q has an owner, a size or a number that no file can have", name)
	}
	n := &node{
		kind: h.Typeflag, mode: uint16(h.Mode & 0o7777), uid: uint32(h.Uid), gid: uint32(h.Gid), //nolint:gosec // isID
		seconds: h.ModTime.Unix(), nanos: int32(h.ModTime.Nanosecond()), header: header, data: data, //nolint:gosec // below 1e9
	}
	if hasXattrs(h) {
		n.flags |= hasAttrs
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		n.kind, n.size = tar.TypeReg, h.Size
		if sparse(h) {
			n.flags |= isSparse
		}
	case tar.TypeSymlink:
		if n.link = h.Linkname; len(n.link) > maxPath {
			return errdefs.InvalidArgument("reading the build context: %q is a link to a path of %d bytes", name, len(n.link))
		}
	case tar.TypeLink:
		return a.addLink(name, h, n)
	case tar.TypeChar, tar.TypeBlock:
		n.more().major, n.more().minor = h.Devmajor, h.Devminor
	case tar.TypeDir, tar.TypeFifo:
	default:
		return errdefs.InvalidArgument("reading the build context: %q is of the unknown type %q", name, h.Typeflag)
	}
	return a.put(name, n)
}

// isID tells whether a number can own files.
func isID(n int) bool { return n >= 0 && n < math.MaxUint32 }

// addLink notes another name of a file that came before it.
func (a *Archive) addLink(name string, h *tar.Header, n *node) error {
	to, err := cleanName(h.Linkname)
	if err != nil {
		return err
	}
	e, err := Lookup(a, to, false)
	if err != nil || e.IsDir() {
		return errdefs.InvalidArgument("reading the build context: %q is a link to %q, which is no file before it", name, to)
	}
	first := a.node(e.Path)
	first.flags |= isLinked
	own := n.header
	*n = *first
	n.rare = &rare{own: own}
	if first.rare != nil {
		n.rare.major, n.rare.minor = first.rare.major, first.rare.minor
	}
	return a.put(name, n)
}

// put hangs a node where its name says; links in its directories are followed
// inside the archive, and missing directories are made.
func (a *Archive) put(name string, n *node) error {
	if name == "." {
		if n.isDir() {
			n.path, n.rare = ".", a.root.rare
			a.root = n
		}
		return nil
	}
	dir, err := a.directory(parent(name))
	if err != nil {
		return err
	}
	if n.path = under(dir.path, name); len(n.path) > maxPath {
		return tooLong(dir.path)
	}
	old := a.nodes[n.path]
	if old == nil {
		a.nodes[n.path] = n
		dir.hang(n)
		return nil
	}
	// It takes the place of what was there, as when archives are unpacked: of a
	// directory and all in it, unless it is one itself.
	if old.isDir() && n.isDir() {
		n.path, n.rare = old.path, old.rare
	} else if old.isDir() {
		a.drop(old)
	}
	content := *n
	a.nodes[content.path] = old // its directory and others know the node
	*old = content
	old.sum = nil
	return nil
}

// directory finds or makes one, by its clean name. Links on the way are followed
// inside the archive. All that is made has its path in one string: names can have
// thousands of elements.
func (a *Archive) directory(name string) (*node, error) {
	for links := 0; ; links++ {
		there := name // as far as something exists
		for there != "." && a.nodes[there] == nil {
			there = parent(there)
		}
		n := a.node(there)
		switch {
		case n.isDir():
			return a.make(n, there, name), nil
		case n.kind != tar.TypeSymlink, links >= maxLinks:
			return nil, notDirectory(name)
		}
		e, err := Lookup(a, there, true)
		if err != nil || !e.IsDir() {
			return nil, notDirectory(name)
		}
		if name = path.Join(e.Path, name[len(there):]); len(name) > maxPath {
			return nil, tooLong(there)
		}
	}
}

// make makes the directories from the one at there, which exists, down to name.
func (a *Archive) make(n *node, there, name string) *node {
	at := len(there)
	if there == "." {
		at = -1
	}
	for at < len(name) && there != name {
		next := strings.IndexByte(name[at+1:], '/')
		if next < 0 {
			at = len(name)
		} else {
			at += 1 + next
		}
		c := &node{path: name[:at], kind: tar.TypeDir, mode: 0o755, header: -1}
		a.nodes[c.path] = c
		n.hang(c)
		n = c
	}
	return n
}

func notDirectory(name string) error {
	return errdefs.InvalidArgument("reading the build context: there are files in %q, which is no directory", name)
}

func tooLong(name string) error {
	return errdefs.InvalidArgument("reading the build context: what is in %.80q has a path of more than %d bytes", name, maxPath)
}

// maxPath is the length of the longest path, in bytes.
const maxPath = 4095

// cleanName is the path of an entry. Those that lead out are refused.
func cleanName(name string) (string, error) {
	clean := path.Clean(strings.TrimLeft(name, "/"))
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", errdefs.InvalidArgument("reading the build context: %q leads out of it", name)
	}
	if strings.IndexByte(clean, 0) >= 0 || len(clean) > maxPath {
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
