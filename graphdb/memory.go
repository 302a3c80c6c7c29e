package graphdb

import (
	"maps"
	"slices"
	"sync"
)

// root is the id of the node at "/".
const root = "0"

// Edge is one name of an entity.
type Edge struct {
	EntityID string
	ParentID string
	Name     string
}

// memory is the copy of the store that reads use.
type memory struct {
	mu       sync.RWMutex                 // guards the rest
	children map[string]map[string]string // parent id -> name -> id
	parents  map[string]map[Edge]struct{} // id -> its edges
	pending  map[string]string            // names that a Create holds -> id
	later
}

func newMemory() *memory {
	return &memory{
		children: map[string]map[string]string{}, parents: map[string]map[Edge]struct{}{root: {}},
		pending: map[string]string{}, later: later{unwritten: map[string]Edge{}},
	}
}

func (m *memory) addEntity(id string) {
	if m.parents[id] == nil {
		m.parents[id] = map[Edge]struct{}{}
	}
}

func (m *memory) addEdge(e Edge) {
	m.addEntity(e.EntityID)
	if m.children[e.ParentID] == nil {
		m.children[e.ParentID] = map[string]string{}
	}
	m.children[e.ParentID][e.Name] = e.EntityID
	m.parents[e.EntityID][e] = struct{}{}
}

func (m *memory) removeEdge(e Edge) {
	delete(m.children[e.ParentID], e.Name)
	if len(m.children[e.ParentID]) == 0 {
		delete(m.children, e.ParentID)
	}
	delete(m.parents[e.EntityID], e)
}

// removeEntity forgets the node and every edge that touches it.
func (m *memory) removeEntity(id string) {
	for e := range maps.Clone(m.parents[id]) {
		m.removeEdge(e)
	}
	for name, child := range maps.Clone(m.children[id]) {
		m.removeEdge(Edge{child, id, name})
	}
	delete(m.parents, id)
}

// nameOf finds the edge from the root to id.
func (m *memory) nameOf(id string) (Edge, bool) {
	for e := range m.parents[id] {
		if e.ParentID == root {
			return e, true
		}
	}
	return Edge{}, false
}

// resolve follows a path from the root.
func (m *memory) resolve(parts []string) (string, bool) {
	id := root
	for _, p := range parts {
		next, ok := m.children[id][p]
		if !ok {
			return "", false
		}
		id = next
	}
	return id, true
}

func (m *memory) edgesTo(id string) []Edge {
	return slices.SortedFunc(maps.Keys(m.parents[id]), func(a, b Edge) int {
		return slices.Compare([]string{a.ParentID, a.Name}, []string{b.ParentID, b.Name})
	})
}
