package source

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/enginejobs/docker/pkg/ignorefile"
	"github.com/enginejobs/docker/pkg/tarsum"
)

// Archive is a Tree over a spooled archive.
type Archive struct {
	file *os.File // plain; nil: data is all
	data []byte

	mu    sync.Mutex // guards what changes after it is filled: orders and sums
	root  *node
	nodes map[string]*node // by path, without the root

	buffers sync.Pool // of hashContent
}

func newArchive(f *os.File) *Archive {
	return &Archive{file: f, nodes: map[string]*node{}, root: &node{path: ".", kind: tar.TypeDir, mode: 0o755, header: -1}}
}

// Single is a tree with one file and nothing else. Its name has no slashes.
func Single(name string, data []byte) *Archive {
	a := newArchive(nil)
	a.data = data
	n := &node{path: name, kind: tar.TypeReg, mode: 0o644, size: int64(len(data)), header: -1}
	a.nodes[name] = n
	a.root.hang(n)
	return a
}

// Empty is a tree with nothing.
func Empty() *Archive { return newArchive(nil) }

// Close frees the spool. Nothing can be opened then.
func (a *Archive) Close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}

// Len is how many files there are.
func (a *Archive) Len() int { return len(a.nodes) }

func (a *Archive) node(name string) *node {
	if n := a.nodes[name]; n != nil {
		return n
	}
	if name = path.Clean(name); name == "." {
		return a.root
	}
	return a.nodes[name]
}

// Lstat finds an entry.
func (a *Archive) Lstat(name string) (Entry, error) {
	n := a.node(name)
	if n == nil {
		return Entry{}, notExist(name)
	}
	return n.entry(), nil
}

// Children lists a directory.
func (a *Archive) Children(dir string) ([]Entry, error) {
	n := a.node(dir)
	if n == nil || !n.isDir() {
		return nil, notExist(dir)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	n.sort()
	list := make([]Entry, 0, len(n.children()))
	for _, c := range n.children() {
		list = append(list, c.entry())
	}
	return list, nil
}

// Open reads a file where it lies in the spool.
func (a *Archive) Open(ctx context.Context, e Entry) (io.ReadCloser, error) {
	n := a.node(e.Path)
	if n == nil || n.kind != tar.TypeReg {
		return nil, notExist(e.Path)
	}
	if a.file == nil {
		return io.NopCloser(bytes.NewReader(a.data)), nil
	}
	if !n.is(isSparse) {
		return io.NopCloser(&cancelled{ctx: ctx, r: io.NewSectionReader(a.file, n.data, n.size)}), nil
	}
	tr, _, err := a.reread(n.header)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(&cancelled{ctx: ctx, r: tr}), nil
}

// maxEntry bounds what is read to find an entry's headers once more.
const maxEntry = 1 << 62

// reread reads the headers of an entry again.
func (a *Archive) reread(at int64) (*tar.Reader, *tar.Header, error) {
	tr := tar.NewReader(io.NewSectionReader(a.file, at, maxEntry))
	for {
		h, err := tr.Next()
		if err != nil {
			return nil, nil, fmt.Errorf("reading the build context again: %w", err)
		}
		if h.Typeflag != tar.TypeXGlobalHeader {
			return tr, h, nil
		}
	}
}

// Xattrs reads the extended attributes of an entry.
func (a *Archive) Xattrs(e Entry) (map[string]string, error) {
	n := a.node(e.Path)
	if n == nil || !n.is(hasAttrs) || a.file == nil {
		return nil, nil
	}
	_, h, err := a.reread(n.header)
	if err != nil {
		return nil, err
	}
	list := map[string]string{}
	for k, v := range h.PAXRecords {
		if name, ok := strings.CutPrefix(k, xattrPrefix); ok {
			list[name] = v
		}
	}
	return list, nil
}

// Sum is the checksum of the entry as it stands in the archive, as dockerd 20.10
// has it but for links: of a directory that only the names of others tell of it is
// the path.
func (a *Archive) Sum(ctx context.Context, e Entry) (string, error) {
	n := a.node(e.Path)
	if n == nil {
		return "", notExist(e.Path)
	}
	if n.header < 0 && n.kind != tar.TypeReg {
		return n.path, nil
	}
	a.mu.Lock()
	sum := n.sum
	a.mu.Unlock()
	if sum == nil {
		var err error
		if sum, err = a.sum(ctx, n); err != nil {
			return "", err
		}
		a.mu.Lock()
		n.sum = sum
		a.mu.Unlock()
	}
	return hex.EncodeToString(sum[:]), nil
}

func (a *Archive) sum(ctx context.Context, n *node) (*[sha256.Size]byte, error) {
	h := sha256.New()
	var content io.Reader = bytes.NewReader(a.data)
	header := &tar.Header{Name: n.path, Mode: int64(n.mode), Size: n.size, Typeflag: tar.TypeReg}
	if a.file != nil {
		at := n.header
		if n.rare != nil && n.rare.own > 0 {
			at = n.rare.own
		}
		var err error
		if content, header, err = a.reread(at); err != nil {
			return nil, err
		}
	}
	header.Uname, header.Gname = "", "" // dockerd drops them
	tarsum.Begin(h, header, tarsum.V1)
	if err := hashContent(ctx, h, content, header.Size, &a.buffers); err != nil {
		return nil, err
	}
	sum := new([sha256.Size]byte)
	h.Sum(sum[:0])
	return sum, nil
}

// sumBuffer is how much is read and hashed at a time.
const sumBuffer = 64 << 10

// hashContent reads to the end. size is what is expected, in bytes.
func hashContent(ctx context.Context, h io.Writer, r io.Reader, size int64, buffers *sync.Pool) error {
	if size == 0 {
		return nil
	}
	buf, ok := buffers.Get().(*[]byte)
	if !ok {
		b := make([]byte, sumBuffer)
		buf = &b
	}
	defer buffers.Put(buf)
	_, err := io.CopyBuffer(h, &cancelled{ctx: ctx, r: r}, *buf)
	return err
}

// Hide takes files and directories away, before the tree is used by others.
func (a *Archive) Hide(paths ...string) {
	for _, name := range paths {
		n := a.node(name)
		if n == nil || n == a.root {
			continue
		}
		if up := a.node(path.Dir(n.path)); up != nil {
			up.rare.children = slices.DeleteFunc(up.rare.children, func(c *node) bool { return c == n })
		}
		a.drop(n)
	}
}

// drop forgets a node and what is in it; its directory still knows it.
func (a *Archive) drop(n *node) {
	for _, c := range n.children() {
		a.drop(c)
	}
	delete(a.nodes, n.path)
}

// Ignore takes away what a matcher leaves out, but for keep, before the tree is
// used by others. A directory stays for what is left in it.
func (a *Archive) Ignore(m *ignorefile.Matcher, keep ...string) error {
	return a.ignore(m, a.root, ignorefile.Parent{}, keep)
}

func (a *Archive) ignore(m *ignorefile.Matcher, dir *node, parent ignorefile.Parent, keep []string) error {
	if dir.rare == nil {
		return nil
	}
	left := dir.rare.children[:0]
	for _, c := range dir.rare.children {
		out, self, err := m.Match(c.path, parent)
		if err != nil {
			return err
		}
		if err := a.ignore(m, c, self, keep); err != nil {
			return err
		}
		if out && len(c.children()) == 0 && !slices.Contains(keep, c.path) {
			delete(a.nodes, c.path)
			continue
		}
		left = append(left, c)
	}
	clear(dir.rare.children[len(left):])
	dir.rare.children = left
	return nil
}

// Sub is the tree below a directory, for contexts that are a part of something.
// It takes the place of the whole, which must not be used any more.
func (a *Archive) Sub(dir string) (*Archive, error) {
	e, err := Lookup(a, dir, true)
	if err != nil {
		return nil, err
	}
	if !e.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: fs.ErrInvalid}
	}
	if e.Path == "." {
		return a, nil
	}
	b := newArchive(a.file)
	b.root = a.nodes[e.Path]
	b.move(b.root, len(e.Path)+1)
	b.root.path = "."
	return b, nil
}

// move shortens the paths of what is in a directory.
func (a *Archive) move(dir *node, cut int) {
	for _, c := range dir.children() {
		c.path = c.path[cut:]
		a.nodes[c.path] = c
		a.move(c, cut)
	}
}
