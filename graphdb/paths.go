package graphdb

import (
	"maps"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// Child is one entry below a path.
type Child struct {
	Path string // "/web/db"
	Edge
}

// split takes a path apart. "/" has no parts; a leading slash may be left out.
func split(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// Get returns the id of the entity at a path.
func (db *DB) Get(path string) (string, bool) {
	db.mem.mu.RLock()
	defer db.mem.mu.RUnlock()
	return db.mem.resolve(split(path))
}

// Exists tells whether a path leads anywhere.
func (db *DB) Exists(path string) bool {
	_, ok := db.Get(path)
	return ok
}

// find returns the edge at the end of a path.
func (db *DB) find(parts []string) (Edge, error) {
	db.mem.mu.RLock()
	defer db.mem.mu.RUnlock()
	path := "/" + strings.Join(parts, "/")
	if len(parts) == 0 {
		return Edge{}, errdefs.InvalidArgument("the root has no name of its own")
	}
	parent, ok := db.mem.resolve(parts[:len(parts)-1])
	if !ok {
		return Edge{}, notFound(path)
	}
	name := parts[len(parts)-1]
	id, ok := db.mem.children[parent][name]
	if !ok {
		return Edge{}, notFound(path)
	}
	return Edge{id, parent, name}, nil
}

// Set puts the entity id at a path whose parent exists; the entity is made when
// it is not there. A top-level path is a name: see Reserve.
func (db *DB) Set(path, id string) error {
	parts := split(path)
	switch len(parts) {
	case 0:
		return errdefs.InvalidArgument("the root has no name of its own")
	case 1:
		return db.Reserve(parts[0], id)
	}
	n := len(parts) - 1
	parent, ok := db.Get(strings.Join(parts[:n], "/"))
	if !ok {
		return notFound("/" + strings.Join(parts[:n], "/"))
	}
	return db.link(parent, parts[n], id, path)
}

// Link lets the container parent reach the container child under an alias. Both
// are ids or names. The same link twice is no error; an alias that leads to
// another container is a Conflict.
func (db *DB) Link(parent, alias, child string) error {
	pid, err := db.lookup(parent)
	if err != nil {
		return err
	}
	cid, err := db.lookup(child)
	if err != nil {
		return err
	}
	return db.link(pid, alias, cid, "/"+strings.TrimPrefix(parent, "/")+"/"+alias)
}

func (db *DB) link(parent, alias, child, path string) error {
	if err := checkName(alias); err != nil {
		return err
	}
	if parent == child || child == root || child == "" {
		return errdefs.InvalidArgument("cannot set %s: nothing can be its own child", path)
	}
	e := Edge{child, parent, alias}
	db.writing.Lock()
	defer db.writing.Unlock()
	db.mem.mu.RLock()
	holder, exists := db.mem.children[parent][alias]
	_, alive := db.mem.parents[parent]
	db.mem.mu.RUnlock()
	switch {
	case !alive:
		return notFound(path)
	case exists && holder == child:
		return nil
	case exists:
		return errdefs.Conflict("%s already leads to container %.12s", path, holder)
	}
	return db.change("linking "+path, []stmt{insertEntity(child), insertEdge(e)}, func(m *memory) { m.addEdge(e) })
}

// Unlink ends a link. The parent is an id or a name.
func (db *DB) Unlink(parent, alias string) error {
	pid, err := db.lookup(parent)
	if err != nil {
		return err
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	db.mem.mu.RLock()
	child, ok := db.mem.children[pid][alias]
	db.mem.mu.RUnlock()
	if !ok || pid == root {
		return notFound("/" + strings.TrimPrefix(parent, "/") + "/" + alias)
	}
	return db.unset(Edge{child, pid, alias})
}

// Delete removes what a path says, and nothing else: the entity stays.
func (db *DB) Delete(path string) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	e, err := db.find(split(path))
	if err != nil {
		return err
	}
	return db.unset(e)
}

func (db *DB) unset(e Edge) error {
	return db.change("removing the name "+e.Name, []stmt{deleteEdge(e)}, func(m *memory) { m.removeEdge(e) })
}

// lookup finds an entity by id, then by name.
func (db *DB) lookup(ref string) (string, error) {
	db.mem.mu.RLock()
	defer db.mem.mu.RUnlock()
	name := strings.TrimPrefix(ref, "/")
	if _, ok := db.mem.parents[name]; ok && name != root {
		return name, nil
	}
	if id, ok := db.mem.children[root][name]; ok {
		return id, nil
	}
	return "", notFound("/" + name)
}

// RefPaths returns every edge that leads to id: its name and the links to it.
func (db *DB) RefPaths(id string) []Edge {
	db.mem.mu.RLock()
	defer db.mem.mu.RUnlock()
	return db.mem.edgesTo(id)
}

// Children lists what is below a path, in the order of names. Depth 0 is the
// direct children, n is n levels more, -1 all. Where links form a circle, a way
// is followed until it would come to an entity for the second time.
func (db *DB) Children(path string, depth int) ([]Child, error) {
	db.mem.mu.RLock()
	defer db.mem.mu.RUnlock()
	parts := split(path)
	id, ok := db.mem.resolve(parts)
	if !ok {
		return nil, notFound(path)
	}
	prefix := "/" + strings.Join(parts, "/")
	if len(parts) == 0 {
		prefix = ""
	}
	return db.mem.descend(nil, prefix, id, depth, []string{id}), nil
}

func (m *memory) descend(list []Child, prefix, id string, depth int, way []string) []Child {
	for _, name := range slices.Sorted(maps.Keys(m.children[id])) {
		child := m.children[id][name]
		list = append(list, Child{prefix + "/" + name, Edge{child, id, name}})
		if depth != 0 && !slices.Contains(way, child) {
			list = m.descend(list, prefix+"/"+name, child, depth-1, append(slices.Clip(way), child))
		}
	}
	return list
}

// Links maps the aliases under which a container reaches others to their ids.
func (db *DB) Links(id string) map[string]string {
	db.mem.mu.RLock()
	defer db.mem.mu.RUnlock()
	return maps.Clone(db.mem.children[id])
}
