// Package layer writes the archives of the layers that COPY, ADD and WORKDIR
// make: it decides what goes where, by the rules that Docker has had since 2013,
// and writes it straight from where it lies. Nothing is unpacked on the way.
//
// It has no state. Start reading at NewPlan. The package must not import engine.
package layer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/ignorefile"
)

// Request is one COPY or ADD, with all variables replaced.
type Request struct {
	Instruction string // "COPY" or "ADD", for messages
	Sources     []Source
	Dest        string // as written: slashes at its end matter
	WorkingDir  string
	Chown       string // user[:group] of the image, names or numbers; empty: root
	Keep        bool   // owners stay, unless Chown says otherwise: COPY --from
	Chmod       string // octal, or as chmod(1) takes it; empty: modes stay
	Parents     bool   // sources keep the directories of their paths
	Link        bool   // what is below does not count: links of Dest are not followed
	Exclude     []string
	Below       source.Tree // the root that it goes over
}

// Source is one argument, or what a wildcard stands for.
type Source struct {
	Tree source.Tree
	Path string // as it was found, with links: names what is copied
	// Entry is what is copied: where Path leads.
	Entry  source.Entry
	Pivot  string // with Parents: directories up to here are left out
	Unpack bool   // archives are unpacked: ADD
	Remote bool   // it was downloaded: dockerd names it by its sum alone
}

// Plan is what a layer will hold.
type Plan struct {
	req     Request
	owner   owner
	exclude *ignorefile.Matcher
	items   []*item
	at      map[string]*item
	dest    string // where Dest leads: clean, relative to the root
	infos   []string
}

// item is one path of the layer.
type item struct {
	path   string // relative to the root
	tree   source.Tree
	entry  source.Entry
	unpack bool // the entry is an archive whose files go into path
	exists bool // it is there already and only shown to lead to others
	same   string
	gone   bool // something else took its place
}

// NewPlan decides what goes where. Errors are InvalidArgument or NotFound, with
// Docker's texts, and nothing has been done then.
func NewPlan(ctx context.Context, req Request) (*Plan, error) {
	p := &Plan{req: req, at: map[string]*item{}}
	if len(req.Sources) == 0 {
		return nil, errdefs.InvalidArgument("%s failed: no source files were specified", req.Instruction)
	}
	if req.Link {
		p.req.Below = source.Empty()
	}
	var err error
	if p.owner, err = newOwner(req); err != nil {
		return nil, err
	}
	if p.exclude, err = ignorefile.New(req.Exclude); err != nil {
		return nil, errdefs.InvalidArgument("%s --exclude: %w", req.Instruction, err)
	}
	intoDir, err := p.destination()
	if err != nil {
		return nil, err
	}
	for _, s := range req.Sources {
		if err := p.add(ctx, s, intoDir); err != nil {
			return nil, err
		}
		info, err := p.info(ctx, s)
		if err != nil {
			return nil, err
		}
		p.infos = append(p.infos, info)
	}
	return p, nil
}

// destination finds where Dest leads and whether it is a directory that files go
// into.
func (p *Plan) destination() (intoDir bool, err error) {
	dest := p.req.Dest
	last := path.Base(dest)
	slash := strings.HasSuffix(dest, "/") || last == "." || last == ".."
	if !path.IsAbs(dest) {
		dest = path.Join("/", p.req.WorkingDir, dest)
	}
	if len(p.req.Sources) > 1 && !slash {
		return false, errdefs.InvalidArgument("When using %s with more than one source file, the destination must be a directory and end with a /", p.req.Instruction)
	}
	if p.dest, err = follow(p.req.Below, dest); err != nil {
		return false, errdefs.InvalidArgument("%s to %s: %w", p.req.Instruction, p.req.Dest, err)
	}
	there, err := p.req.Below.Lstat(p.dest)
	if err == nil && there.IsDir() {
		return true, nil
	}
	if err == nil && slash {
		return false, errdefs.InvalidArgument("cannot copy to non-directory: %s", p.req.Dest)
	}
	return slash || p.req.Parents, nil
}

// follow finds where a path leads, as far as it exists; the rest is taken as it
// stands.
func follow(t source.Tree, name string) (string, error) {
	at, rest := path.Join("/", name), ""
	for links := 0; ; {
		e, err := source.Lookup(t, at, true)
		if err == nil {
			return path.Join(e.Path, rest), nil
		}
		if !notExist(err) {
			return "", err
		}
		// A link that leads nowhere yet leads to what is made now.
		if e, err := source.Lookup(t, at, false); err == nil && e.Link != "" {
			if links++; links > 40 {
				return "", source.ErrLoop
			}
			to := e.Link
			if !path.IsAbs(to) {
				to = path.Join("/", path.Dir(e.Path), to)
			}
			at = path.Join("/", to)
			continue
		}
		if at == "/" {
			return rest, nil
		}
		rest = path.Join(path.Base(at), rest)
		at = path.Dir(at)
	}
}

// add plans one source.
func (p *Plan) add(ctx context.Context, s Source, intoDir bool) error {
	dest := p.dest
	if p.req.Parents {
		return p.addWithParents(ctx, s)
	}
	if s.Entry.IsDir() {
		return p.addTree(ctx, s.Tree, s.Entry, dest)
	}
	if s.Unpack {
		is, err := isArchive(ctx, s.Tree, s.Entry)
		if err != nil {
			return err
		}
		if is {
			if err := p.directory(dest, s.Entry.ModTime); err != nil {
				return err
			}
			return p.put(&item{path: dest, tree: s.Tree, entry: s.Entry, unpack: true})
		}
	}
	if intoDir {
		dest = path.Join(dest, path.Base(s.Path))
	}
	if out, err := p.excluded(path.Base(s.Path), s.Path); err != nil || out {
		return err
	}
	return p.file(s.Tree, s.Entry, dest)
}

// file plans one file and the directories to it.
func (p *Plan) file(t source.Tree, e source.Entry, dest string) error {
	if err := p.directory(path.Dir(dest), e.ModTime); err != nil {
		return err
	}
	if there, err := p.req.Below.Lstat(dest); err == nil && there.IsDir() && p.at[dest] == nil {
		return errdefs.InvalidArgument("cannot overwrite directory /%s with a file: %s is one", dest, e.Path)
	}
	return p.put(&item{path: dest, tree: t, entry: e})
}

// addTree plans what is in a directory.
func (p *Plan) addTree(ctx context.Context, t source.Tree, dir source.Entry, dest string) error {
	if err := p.directory(dest, dir.ModTime); err != nil {
		return err
	}
	links := map[string]string{}
	return source.Walk(ctx, t, dir, func(e source.Entry) error {
		rel := strings.TrimPrefix(strings.TrimPrefix(e.Path, dir.Path), "/")
		if dir.Path == "." {
			rel = e.Path
		}
		if rel == "" || rel == "." {
			return nil
		}
		out, err := p.excluded(rel, e.Path)
		if err != nil {
			return err
		}
		if out && (!e.IsDir() || p.exclude.Prunes(rel)) {
			if e.IsDir() {
				return skipDir
			}
			return nil
		}
		if e.IsSocket() {
			return nil
		}
		return p.treeItem(t, e, path.Join(dest, rel), links)
	})
}

// treeItem plans one file of a directory. Names of one file stay so.
func (p *Plan) treeItem(t source.Tree, e source.Entry, dest string, links map[string]string) error {
	it := &item{path: dest, tree: t, entry: e}
	below, err := p.req.Below.Lstat(dest)
	there := err == nil
	switch {
	case e.IsDir() && there && !below.IsDir() && p.at[dest] == nil:
		if below.Link == "" {
			return errdefs.InvalidArgument("cannot copy to non-directory: /%s", dest)
		}
	case !e.IsDir() && there && below.IsDir() && p.at[dest] == nil:
		return errdefs.InvalidArgument("cannot overwrite directory /%s with a file", dest)
	}
	if e.Inode != "" {
		if first, ok := links[e.Inode]; ok {
			it.same = first
		} else {
			links[e.Inode] = dest
		}
	}
	return p.put(it)
}

// addWithParents plans a source at the path that it has.
func (p *Plan) addWithParents(ctx context.Context, s Source) error {
	rel := strings.TrimPrefix(strings.TrimPrefix(path.Clean("/"+s.Path), path.Clean("/"+s.Pivot)), "/")
	dest := path.Join(p.dest, rel)
	if err := p.directory(p.dest, s.Entry.ModTime); err != nil {
		return err
	}
	var above []string
	for at := path.Dir(rel); at != "." && at != "/"; at = path.Dir(at) {
		above = append(above, at)
	}
	for _, at := range slices.Backward(above) {
		if err := p.parent(s, at); err != nil {
			return err
		}
	}
	if !s.Entry.IsDir() {
		if out, err := p.excluded(path.Base(rel), s.Path); err != nil || out {
			return err
		}
		return p.file(s.Tree, s.Entry, dest)
	}
	return p.addTree(ctx, s.Tree, s.Entry, dest)
}

// parent plans one directory of the path of a source, unless it is there.
func (p *Plan) parent(s Source, at string) error {
	to := path.Join(p.dest, at)
	if below, err := p.req.Below.Lstat(to); p.at[to] != nil || err == nil && below.IsDir() {
		return nil
	}
	dir, err := source.Lookup(s.Tree, path.Join("/", s.Pivot, at), true)
	if err != nil {
		return err
	}
	return p.put(&item{path: to, tree: s.Tree, entry: dir})
}

// excluded asks the patterns of --exclude, which are about the path in the source
// and about the whole one.
func (p *Plan) excluded(rel, whole string) (bool, error) {
	if len(p.req.Exclude) == 0 {
		return false, nil
	}
	out, err := p.exclude.Path(rel)
	if err == nil && !out {
		out, err = p.exclude.Path(strings.TrimPrefix(path.Clean(whole), "/"))
	}
	return out, err
}

// directory plans the directories to a path that are missing.
func (p *Plan) directory(name string, modified time.Time) error {
	name = path.Clean(name)
	if name == "." || name == "/" {
		return nil
	}
	if it := p.at[name]; it != nil && !it.gone {
		if it.unpack || it.entry.IsDir() {
			return nil
		}
		return errdefs.InvalidArgument("cannot copy to non-directory: /%s", name)
	}
	there, err := p.req.Below.Lstat(name)
	if err == nil {
		if !there.IsDir() {
			return errdefs.InvalidArgument("cannot copy to non-directory: /%s", name)
		}
		if err := p.directory(path.Dir(name), modified); err != nil {
			return err
		}
		return p.put(&item{path: name, entry: there, exists: true})
	}
	if !notExist(err) {
		return err
	}
	if err := p.directory(path.Dir(name), modified); err != nil {
		return err
	}
	return p.put(&item{path: name, entry: made(name, modified)})
}

// put takes the place of what was planned for the same path.
func (p *Plan) put(it *item) error {
	if base := path.Base(it.path); strings.HasPrefix(base, ".wh.") {
		return errdefs.InvalidArgument("%s cannot copy %s: names that begin with .wh. mean removed files in layers", p.req.Instruction, it.path)
	}
	if old := p.at[it.path]; old != nil && !old.unpack {
		if it.unpack { // goes into it
			p.items = append(p.items, it)
			return nil
		}
		if old.entry.IsDir() && it.entry.IsDir() {
			if !it.exists && !(it.tree == nil) {
				old.tree, old.entry, old.exists = it.tree, it.entry, false
			}
			return nil
		}
		old.gone = true
	}
	p.items = append(p.items, it)
	if !it.unpack {
		p.at[it.path] = it
	}
	return nil
}

// Sum names what is copied, as histories tell it: "file:HEX", "dir:HEX", or
// "multi:HEX" of several, each of what package tarsum says of the files.
func (p *Plan) Sum() string {
	if len(p.infos) == 1 {
		return p.infos[0]
	}
	return "multi:" + hashOf(p.infos)
}

// info is the sum of one source.
func (p *Plan) info(ctx context.Context, s Source) (string, error) {
	if s.Remote {
		return s.Tree.Sum(ctx, s.Entry)
	}
	return Sum(ctx, s.Tree, s.Entry)
}

// Sum names a file or a directory by what it holds: "file:HEX" or "dir:HEX". A link
// counts as what it says: dockerd takes what it leads to, and finds a directory
// unchanged whose links lead elsewhere.
func Sum(ctx context.Context, t source.Tree, e source.Entry) (string, error) {
	if !e.IsDir() {
		sum, err := t.Sum(ctx, e)
		return "file:" + sum, err
	}
	var sums []string
	err := source.Walk(ctx, t, e, func(e source.Entry) error {
		if e.Path == "." {
			return nil
		}
		if e.Link != "" {
			sums = append(sums, hashOf([]string{e.Path, e.Link}))
			return nil
		}
		sum, err := t.Sum(ctx, e)
		sums = append(sums, sum)
		return err
	})
	return "dir:" + hashOf(sorted(sums)), err
}

func hashOf(list []string) string {
	sum := sha256.Sum256([]byte(strings.Join(list, ",")))
	return hex.EncodeToString(sum[:])
}
