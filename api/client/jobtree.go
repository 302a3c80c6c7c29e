package client

import (
	"slices"
	"strings"

	"github.com/enginejobs/docker/engine"
)

// jobNode is a job in a tree of jobs. Of a job whose records have not come, or
// not yet, only the id is known.
type jobNode struct {
	rec       engine.Record
	known     bool
	announced bool
	parent    *jobNode // nil: a root
	kids      []*jobNode
}

// jobForest makes trees of a stream of records. A tree is complete when its root
// has ended; then the forest emits it and forgets it. A record may come in any
// order: those of the past have children before their parents, those that are
// live the other way round.
type jobForest struct {
	nodes map[string]*jobNode
	emit  func(root *jobNode)
	// gone has the ids of trees that were emitted, so that a child that outlives
	// its root does not wait for it.
	gone map[string]bool
	old  []string // the keys of gone, oldest first
}

// How much a forest remembers at most. What is more is emitted unfinished.
const (
	forestLimit = 1 << 14
	goneLimit   = 1 << 12
)

func newJobForest(emit func(*jobNode)) *jobForest {
	return &jobForest{nodes: map[string]*jobNode{}, emit: emit, gone: map[string]bool{}}
}

// add takes a record and tells of which job it is; nil: of one that is emitted
// already.
func (f *jobForest) add(r engine.Record) *jobNode {
	if f.gone[r.ID] && !r.Ended {
		return nil
	}
	n := f.node(r.ID)
	first := !n.known
	if !n.rec.Ended {
		n.rec = r
	}
	n.known = true
	if first {
		f.attach(n)
	}
	if r.Ended && n.parent == nil {
		f.finish(n)
	}
	if len(f.nodes) > forestLimit {
		f.flush()
	}
	return n
}

func (f *jobForest) node(id string) *jobNode {
	n := f.nodes[id]
	if n == nil {
		n = &jobNode{rec: engine.Record{ID: id}}
		f.nodes[id] = n
	}
	return n
}

// attach puts a job that has just become known below its parent.
func (f *jobForest) attach(n *jobNode) {
	if id := localParent(n.rec); id != "" && !f.gone[id] {
		p := f.node(id)
		n.parent = p
		p.kids = append(p.kids, n)
	}
}

// localParent is the parent of a job, if it is one of the same engine.
func localParent(r engine.Record) string {
	own, _, _ := strings.Cut(r.ID, ".")
	if theirs, _, _ := strings.Cut(r.Parent, "."); theirs != own {
		return ""
	}
	return r.Parent
}

// finish emits the tree of a root and forgets it.
func (f *jobForest) finish(root *jobNode) {
	f.forget(root)
	f.emit(root)
}

func (f *jobForest) forget(n *jobNode) {
	delete(f.nodes, n.rec.ID)
	if !f.gone[n.rec.ID] {
		f.gone[n.rec.ID] = true
		f.old = append(f.old, n.rec.ID)
	}
	if len(f.old) > 2*goneLimit {
		for _, id := range f.old[:goneLimit] {
			delete(f.gone, id)
		}
		f.old = slices.Clone(f.old[goneLimit:])
	}
	slices.SortStableFunc(n.kids, func(a, b *jobNode) int { return a.rec.Started.Compare(b.rec.Started) })
	for _, kid := range n.kids {
		f.forget(kid)
	}
}

// flush emits what is there, finished or not, oldest first. Where only the
// children of a job are known, they are roots.
func (f *jobForest) flush() {
	var roots []*jobNode
	for _, n := range f.nodes {
		switch {
		case n.known && n.parent == nil:
			roots = append(roots, n)
		case !n.known:
			roots = append(roots, n.kids...)
		}
	}
	slices.SortFunc(roots, func(a, b *jobNode) int { return a.rec.Started.Compare(b.rec.Started) })
	for _, n := range roots {
		n.parent = nil
		f.finish(n)
	}
	clear(f.nodes)
}

// root is the first job of the tree, as far as it is known.
func (n *jobNode) root() *jobNode {
	for n.parent != nil {
		n = n.parent
	}
	return n
}

// has tells whether a job with this id, or with this number behind the dot of
// its id, is in the tree.
func (n *jobNode) has(id string) bool {
	if namesJob(n.rec.ID, id) {
		return true
	}
	return slices.ContainsFunc(n.kids, func(kid *jobNode) bool { return kid.has(id) })
}

func namesJob(full, id string) bool {
	_, number, _ := strings.Cut(full, ".")
	return id == full || id == number
}
