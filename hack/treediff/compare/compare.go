// Package compare says in what two images, or two containers, of two daemons
// differ: files and documents. It owns no state and asks the daemons by the HTTP
// API that every engine has. Start reading at Image and Differences. Programs of
// hack/ and tests import it, the engine never does.
package compare

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Snapshot is what was seen of an image or a container.
type Snapshot struct {
	Files  map[string]File   // by clean names without a leading slash; "." is the root
	Fields map[string]string // of the documents, flat: "config.Env[0]" -> "A=b"
	Layers []map[string]File // of an image, the lowest first; with whiteouts
}

// File is one file of a tree. Times are no part of it.
type File struct {
	Type     byte  // a typeflag of tar; that of a hard link is its file's
	Mode     int64 // permissions with setuid, setgid and sticky bit
	UID, GID int
	Size     int64
	Link     string // where a symbolic link leads
	Sum      string // hex SHA-256 of a regular file
	Device   string // "major:minor" of a device
	Xattrs   map[string]string
	Same     string // the first name, in order, of the same file when it has several
}

// Options say what does not count.
type Options struct {
	IgnoreFiles  []string // patterns of path.Match; one that ends in "/**" covers all below
	IgnoreFields []string // the same over fields, whose dots count as slashes
	FieldsBelow  []string // when given, only fields that begin with one of these count
	SizesOnly    []string // like IgnoreFiles: files whose content may differ, but nothing else (their size may, too)
}

// Volatile are the fields that differ between two builds of one Dockerfile, by
// the same engine: times, random names and the engine's own version.
func Volatile() []string {
	return []string{"created", "container", "docker_version", `history\[*\]/created`, "container_config/Hostname", "Config/Hostname"}
}

// Difference is one thing that is not the same.
type Difference struct {
	Where string // a file ("/etc/passwd") or a field
	What  string // "mode", "content"; "" of a field
	A, B  string // what each side has
}

// String is one line.
func (d Difference) String() string {
	where := d.Where
	if d.What != "" {
		where += ": " + d.What
	}
	return fmt.Sprintf("%s: %s | %s", where, d.A, d.B)
}

// absent is what a side has that lacks the file or the field.
const absent = "(none)"

// Differences compares all of two snapshots, files first, in the order of names.
func Differences(a, b *Snapshot, opt Options) []Difference {
	return append(files(a.Files, b.Files, opt), fields(a.Fields, b.Fields, opt)...)
}

func files(a, b map[string]File, opt Options) []Difference {
	var found []Difference
	for _, name := range names(a, b) {
		if matches(opt.IgnoreFiles, name) {
			continue
		}
		x, inA := a[name]
		y, inB := b[name]
		where := "/" + strings.TrimPrefix(name, ".")
		if !inA || !inB {
			found = append(found, Difference{Where: where, A: describe(x, inA), B: describe(y, inB)})
			continue
		}
		for _, d := range x.against(y, matches(opt.SizesOnly, name)) {
			d.Where = where
			found = append(found, d)
		}
	}
	return found
}

// against compares one file with its like.
func (f File) against(g File, loose bool) []Difference {
	if f.Type != g.Type {
		return []Difference{{What: "type", A: describe(f, true), B: describe(g, true)}}
	}
	var found []Difference
	add := func(what, a, b string) {
		if a != b {
			found = append(found, Difference{What: what, A: cmp.Or(a, absent), B: cmp.Or(b, absent)})
		}
	}
	add("mode", fmt.Sprintf("%04o", f.Mode), fmt.Sprintf("%04o", g.Mode))
	add("owner", fmt.Sprintf("%d:%d", f.UID, f.GID), fmt.Sprintf("%d:%d", g.UID, g.GID))
	add("link", f.Link, g.Link)
	add("device", f.Device, g.Device)
	add("same file as", f.Same, g.Same)
	if !loose {
		add("size", fmt.Sprint(f.Size), fmt.Sprint(g.Size))
		if f.Size == g.Size {
			add("content", short(f.Sum), short(g.Sum))
		}
	}
	for _, name := range names(f.Xattrs, g.Xattrs) {
		add("xattr "+name, quoted(f.Xattrs, name), quoted(g.Xattrs, name))
	}
	return found
}

func fields(a, b map[string]string, opt Options) []Difference {
	var found []Difference
	for _, name := range names(a, b) {
		if len(opt.FieldsBelow) > 0 && !slices.ContainsFunc(opt.FieldsBelow, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		if matches(opt.IgnoreFields, strings.ReplaceAll(name, ".", "/")) {
			continue
		}
		x, inA := a[name]
		y, inB := b[name]
		if !inA {
			x = absent
		}
		if !inB {
			y = absent
		}
		if x != y {
			found = append(found, Difference{Where: name, A: x, B: y})
		}
	}
	return found
}

// names are those of both sides, in order.
func names[V any](a, b map[string]V) []string {
	all := slices.Collect(maps.Keys(a))
	for name := range b {
		if _, ok := a[name]; !ok {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if dir, ok := strings.CutSuffix(pattern, "/**"); ok {
			return name == dir || strings.HasPrefix(name, dir+"/")
		}
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

func describe(f File, there bool) string {
	if !there {
		return absent
	}
	kind := map[byte]string{'0': "file", '2': "link", '3': "character device", '4': "block device", '5': "directory", '6': "pipe"}[f.Type]
	return fmt.Sprintf("%s %04o %d:%d", cmp.Or(kind, "type "+string(f.Type)), f.Mode, f.UID, f.GID)
}

func quoted(m map[string]string, name string) string {
	if value, ok := m[name]; ok {
		return fmt.Sprintf("%q", value)
	}
	return ""
}

func short(sum string) string { return sum[:min(len(sum), 12)] }
