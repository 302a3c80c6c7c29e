// Package source owns the files that COPY and ADD take: those of a build context,
// which stay in their archive and are only indexed, and those of another image,
// which are read where they lie. Nothing is unpacked, so that nothing in an
// archive can lead anywhere, and links are followed inside the tree only.
//
// A Tree is all that a build knows of files. Start reading at Tree, then Spool.
// The package must not import engine.
package source

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Entry is one file. Its fields are those of archives.
type Entry struct {
	Path     string // clean, with slashes, relative to the root; "." is the root
	Type     byte   // a type flag of archive/tar: TypeReg, TypeDir, TypeSymlink, TypeChar, TypeBlock, TypeFifo
	Mode     int64  // permissions, and the bits setuid, setgid and sticky
	UID, GID int
	Size     int64 // of regular files
	ModTime  time.Time
	Link     string // what a symbolic link says
	Inode    string // equal for the names of one file; "" when it has one name only
	Devmajor int64
	Devminor int64
	Xattrs   map[string]string // by name, without the prefix of archives
}

// IsDir tells whether it is a directory.
func (e Entry) IsDir() bool { return e.Type == tar.TypeDir }

// Base is the last element of its path.
func (e Entry) Base() string { return path.Base(e.Path) }

// Tree is a tree of files. It is safe for concurrent use.
type Tree interface {
	// Lstat finds a path that has no links in its directories. Errors are
	// fs.ErrNotExist.
	Lstat(name string) (Entry, error)
	// Children lists a directory, sorted by name.
	Children(dir string) ([]Entry, error)
	// Open reads a regular file.
	Open(ctx context.Context, e Entry) (io.ReadCloser, error)
	// Sum is what histories tell of an entry: the hexadecimal SHA-256 of its header
	// without times, and of its content, as package tarsum has
	// it, or a path in some cases where dockerd 20.10 takes one. Links count as what
	// they say; dockerd takes what they lead to, and does not see them change.
	Sum(ctx context.Context, e Entry) (string, error)
	Close() error
}

// maxLinks is how many links are followed to one file, path_resolution(7).
const maxLinks = 40

// ErrLoop says that links lead in circles.
var ErrLoop = errors.New("too many levels of symbolic links")

// Lookup finds a path. Links are followed as if the root of the tree were that of
// the system: in its directories always, the last one when follow is set. What
// does not exist is fs.ErrNotExist, as is anything in a file.
func Lookup(t Tree, name string, follow bool) (Entry, error) {
	at, todo, links := ".", elements(name), 0
	e, err := t.Lstat(at)
	if err != nil {
		return e, err
	}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		if next == ".." {
			if at = path.Dir(at); at == "/" {
				at = "."
			}
			if e, err = t.Lstat(at); err != nil {
				return e, err
			}
			continue
		}
		if !e.IsDir() {
			return Entry{}, &fs.PathError{Op: "lookup", Path: name, Err: fs.ErrNotExist}
		}
		if e, err = t.Lstat(path.Join(at, next)); err != nil {
			return Entry{}, err
		}
		if e.Type != tar.TypeSymlink || len(todo) == 0 && !follow {
			at = e.Path
			continue
		}
		if links++; links > maxLinks {
			return Entry{}, &fs.PathError{Op: "lookup", Path: name, Err: ErrLoop}
		}
		if path.IsAbs(e.Link) {
			at = "."
		}
		todo = append(elements(e.Link), todo...)
		if e, err = t.Lstat(at); err != nil {
			return Entry{}, err
		}
	}
	return e, nil
}

// elements are the names of a path; ".." is kept.
func elements(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(s string) bool { return s == "" || s == "." })
}

// Walk calls f for an entry and everything in it, sorted. fs.SkipDir from f leaves
// a directory out.
func Walk(ctx context.Context, t Tree, e Entry, f func(Entry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f(e); err != nil {
		if errors.Is(err, fs.SkipDir) {
			return nil
		}
		return err
	}
	if !e.IsDir() {
		return nil
	}
	list, err := t.Children(e.Path)
	if err != nil {
		return err
	}
	for _, c := range list {
		if err := Walk(ctx, t, c, f); err != nil {
			return err
		}
	}
	return nil
}

// HasMeta tells whether a pattern has wildcards: * ? and [, unless a backslash
// stands before them.
func HasMeta(pattern string) bool {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// Match finds what a pattern matches, in order: its elements are those of
// path.Match, so that * does not cross a slash. "**" as an element is any number
// of directories. Links are followed up to the first wildcard and not from there on,
// so that nothing is found twice.
func Match(ctx context.Context, t Tree, pattern string) ([]Entry, error) {
	for _, element := range elements(pattern) {
		if _, err := path.Match(element, ""); err != nil {
			return nil, errdefs.InvalidArgument("the pattern %q is malformed", pattern)
		}
	}
	m := matcher{t: t, seen: map[state]bool{}}
	todo := elements(pattern)
	literal := 0
	for literal < len(todo) && !strings.ContainsAny(todo[literal], `*?[\`) {
		literal++
	}
	if literal == len(todo) && literal > 0 {
		literal-- // the last one is not followed
	}
	from, err := Lookup(t, strings.Join(todo[:literal], "/"), true)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrLoop) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := m.match(ctx, from, todo[literal:]); err != nil {
		return nil, err
	}
	return m.found, nil
}

type matcher struct {
	t     Tree
	found []Entry
	seen  map[state]bool
}

// state is a file that was reached with so many elements of the pattern left, as
// several "**" do in many ways.
type state struct {
	path string
	left int
}

func (m *matcher) match(ctx context.Context, dir Entry, todo []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	at := state{dir.Path, len(todo)}
	if m.seen[at] {
		return nil
	}
	m.seen[at] = true
	if len(todo) == 0 {
		m.found = append(m.found, dir)
		return nil
	}
	if !dir.IsDir() {
		return nil
	}
	if todo[0] == "**" {
		return m.below(ctx, dir, todo)
	}
	list, err := m.t.Children(dir.Path)
	if err != nil {
		return err
	}
	for _, c := range list {
		if ok, _ := path.Match(todo[0], c.Base()); !ok {
			continue
		}
		if err := m.match(ctx, c, todo[1:]); err != nil {
			return err
		}
	}
	return nil
}

// below matches "**": what follows it may be in the directory, or deeper.
func (m *matcher) below(ctx context.Context, dir Entry, todo []string) error {
	if len(todo) > 1 {
		if err := m.match(ctx, dir, todo[1:]); err != nil {
			return err
		}
	}
	list, err := m.t.Children(dir.Path)
	if err != nil {
		return err
	}
	for _, c := range list {
		if len(todo) == 1 {
			if err := m.match(ctx, c, nil); err != nil {
				return err
			}
		}
		if c.IsDir() {
			if err := m.match(ctx, c, todo); err != nil {
				return err
			}
		}
	}
	return nil
}

// notExist is the error for a path that is not there.
func notExist(name string) error {
	return &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
}
