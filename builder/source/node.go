package source

import (
	"archive/tar"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"
)

// node is one entry of an archive and where it lies there. There may be millions:
// what few of them have is apart, in rare.
type node struct {
	path     string
	link     string // of symbolic links
	rare     *rare
	sum      *[sha256.Size]byte // nil: not asked for yet
	header   int64              // where its headers begin; -1 for directories that only names tell of
	data     int64              // where its content begins
	size     int64
	seconds  int64 // since 1970, of its last change
	nanos    int32
	uid, gid uint32
	mode     uint16
	kind     byte // a type flag
	flags    byte
}

// The flags of a node.
const (
	isSparse byte = 1 << iota // its content has holes that are not written
	isLinked                  // it has another name, or had
	hasAttrs                  // extended attributes
)

type rare struct {
	children     []*node // of directories
	sorted       bool    // the children are in order
	own          int64   // of a hard link: where its own headers begin; header is that of the file
	major, minor int64   // of devices
}

func (n *node) is(flag byte) bool { return n.flags&flag != 0 }
func (n *node) isDir() bool       { return n.kind == tar.TypeDir }

// more is for changing what few nodes have.
func (n *node) more() *rare {
	if n.rare == nil {
		n.rare = &rare{}
	}
	return n.rare
}

func (n *node) children() []*node {
	if n.rare == nil {
		return nil
	}
	return n.rare.children
}

// hang puts a child into a directory that has none of its name.
func (n *node) hang(c *node) {
	r := n.more()
	r.children, r.sorted = append(r.children, c), false
}

// sort brings the children into the order of their names.
func (n *node) sort() {
	if n.rare == nil || n.rare.sorted {
		return
	}
	slices.SortFunc(n.rare.children, func(a, b *node) int { return strings.Compare(a.path, b.path) })
	n.rare.sorted = true
}

// entry is what the outside sees.
func (n *node) entry() Entry {
	e := Entry{
		Path: n.path, Type: n.kind, Mode: int64(n.mode), UID: int(n.uid), GID: int(n.gid), Size: n.size,
		ModTime: time.Unix(n.seconds, int64(n.nanos)), Link: n.link,
	}
	if n.rare != nil {
		e.Devmajor, e.Devminor = n.rare.major, n.rare.minor
	}
	if n.is(isLinked) {
		e.Inode = strconv.FormatInt(n.header, 10)
	}
	return e
}

// parent is path.Dir of a clean relative path; it costs nothing.
func parent(name string) string {
	at := strings.LastIndexByte(name, '/')
	if at < 0 {
		return "."
	}
	return name[:at]
}

// under is the path in a directory of what a clean path ends with, without a copy
// when it is that path.
func under(dir, name string) string {
	if up := parent(name); up == dir {
		return name
	} else if up != "." {
		name = name[len(up)+1:]
	}
	if dir == "." {
		return name
	}
	return dir + "/" + name
}
