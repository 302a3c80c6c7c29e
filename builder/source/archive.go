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
}

// node is one entry and where it lies.
type node struct {
	entry    Entry
	header   int64 // where its headers begin; -1 for directories that only its names tell of
	own      int64 // of a hard link: where its own headers begin, 0 for none
	data     int64 // where its content begins
	sparse   bool  // the content has holes that are not written
	xattrs   bool
	children []string // paths
	sorted   bool
	sum      string
}

func newArchive(f *os.File) *Archive {
	return &Archive{
		file: f, nodes: map[string]*node{},
		root: &node{entry: Entry{Path: ".", Type: tar.TypeDir, Mode: 0o755}, header: -1},
	}
}

// Single is a tree with one file and nothing else.
func Single(name string, data []byte) *Archive {
	a := newArchive(nil)
	a.data = data
	n := &node{entry: Entry{Path: name, Type: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}, header: -1}
	a.nodes[name], a.root.children = n, []string{name}
	return a
}

// Empty is a tree with nothing.
func Empty() *Archive { return newArchive(nil) }

// Close frees the spool.
func (a *Archive) Close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}

// Len is how many files there are.
func (a *Archive) Len() int { return len(a.nodes) }

func (a *Archive) node(name string) *node {
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
	return n.entry, nil
}

// Children lists a directory.
func (a *Archive) Children(dir string) ([]Entry, error) {
	n := a.node(dir)
	if n == nil || !n.entry.IsDir() {
		return nil, notExist(dir)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !n.sorted {
		slices.Sort(n.children)
		n.sorted = true
	}
	list := make([]Entry, 0, len(n.children))
	for _, name := range n.children {
		list = append(list, a.nodes[name].entry)
	}
	return list, nil
}

// Open reads a file where it lies in the spool.
func (a *Archive) Open(_ context.Context, e Entry) (io.ReadCloser, error) {
	n := a.node(e.Path)
	if n == nil || n.entry.Type != tar.TypeReg {
		return nil, notExist(e.Path)
	}
	if a.file == nil {
		return io.NopCloser(bytes.NewReader(a.data)), nil
	}
	if !n.sparse {
		return io.NopCloser(io.NewSectionReader(a.file, n.data, n.entry.Size)), nil
	}
	tr, _, err := a.reread(n.header)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(tr), nil
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
	if n == nil || !n.xattrs || a.file == nil {
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

// Sum is the checksum of the entry as it stands in the archive.
func (a *Archive) Sum(ctx context.Context, e Entry) (string, error) {
	n := a.node(e.Path)
	if n == nil {
		return "", notExist(e.Path)
	}
	a.mu.Lock()
	sum := n.sum
	a.mu.Unlock()
	if sum != "" {
		return sum, nil
	}
	sum, err := a.sum(ctx, n)
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	n.sum = sum
	return sum, nil
}

func (a *Archive) sum(ctx context.Context, n *node) (string, error) {
	h := sha256.New()
	at := n.header
	if n.own > 0 {
		at = n.own
	}
	if at < 0 || a.file == nil { // no header tells of it: its path is all there is, as in Docker
		if n.entry.Type != tar.TypeReg {
			return n.entry.Path, nil
		}
		tarsum.Begin(h, &tar.Header{Name: n.entry.Path, Mode: n.entry.Mode, Size: n.entry.Size, Typeflag: tar.TypeReg}, tarsum.V1)
		_, _ = h.Write(a.data)
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	tr, header, err := a.reread(at)
	if err != nil {
		return "", err
	}
	tarsum.Begin(h, header, tarsum.V1)
	if _, err := io.Copy(h, &cancelled{ctx: ctx, r: tr}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Hide takes files away, before the tree is used by others.
func (a *Archive) Hide(paths ...string) {
	for _, name := range paths {
		name = path.Clean(name)
		n := a.nodes[name]
		if n == nil {
			continue
		}
		a.Hide(slices.Clone(n.children)...)
		delete(a.nodes, name)
		up := a.node(path.Dir(name))
		up.children = slices.DeleteFunc(up.children, func(c string) bool { return c == name })
	}
}

// Ignore takes away what a matcher leaves out, but for keep, before the tree is
// used by others.
func (a *Archive) Ignore(m *ignorefile.Matcher, keep ...string) error {
	return a.ignore(m, a.root, ignorefile.Parent{}, keep)
}

func (a *Archive) ignore(m *ignorefile.Matcher, dir *node, parent ignorefile.Parent, keep []string) error {
	for _, name := range slices.Clone(dir.children) {
		out, self, err := m.Match(name, parent)
		if err != nil {
			return err
		}
		n := a.nodes[name]
		if err := a.ignore(m, n, self, keep); err != nil {
			return err
		}
		if out && len(n.children) == 0 && !slices.Contains(keep, name) {
			a.Hide(name)
		}
	}
	return nil
}

// Sub is the tree below a directory, for contexts that are a part of a repository.
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
	prefix := e.Path + "/"
	b.root = a.nodes[e.Path]
	b.root.entry.Path = "."
	for name, n := range a.nodes {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		n.entry.Path = rest
		b.nodes[rest] = n
	}
	for _, n := range b.nodes {
		n.children = cutAll(n.children, prefix)
	}
	b.root.children = cutAll(b.root.children, prefix)
	return b, nil
}

func cutAll(list []string, prefix string) []string {
	cut := make([]string, 0, len(list))
	for _, s := range list {
		cut = append(cut, strings.TrimPrefix(s, prefix))
	}
	return cut
}
