package graphdb

import (
	"errors"
	"strings"

	"github.com/mattn/go-sqlite3"

	"github.com/enginejobs/docker/errdefs"
)

// Create gives a free name to the container id and, as the same step, brings
// the container itself into being by calling publish. The name is taken for
// everybody as soon as Create begins, and given back when publish fails; it is
// written to the file a little later, see Cost in the package comment. When so
// many names wait to be written that Create has to do it and cannot, it returns
// that error and the caller undoes what publish did.
func (db *DB) Create(name, id string, publish func() error) error {
	name = strings.TrimPrefix(name, "/")
	if err := checkName(name); err != nil {
		return err
	}
	if id == "" || id == root {
		return errdefs.InvalidArgument("%q is not the id of a container", id)
	}
	if err := db.mem.hold(name, id); err != nil {
		return err
	}
	defer db.mem.letGo(name)
	if publish != nil {
		if err := publish(); err != nil {
			return err
		}
	}
	e := Edge{id, root, name}
	if db.writeLater(e) {
		return nil
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	return db.change("reserving the name "+name, []stmt{insertEntity(id), insertEdge(e)}, func(m *memory) { m.addEdge(e) })
}

// Reserve gives a free name to a container that exists already, or that Check
// shall forget if it never does.
func (db *DB) Reserve(name, id string) error { return db.Create(name, id, nil) }

// hold takes a name in memory. The holder of a taken one is in the error.
func (m *memory) hold(name, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.free(name); err != nil {
		return err
	}
	if old, ok := m.nameOf(id); ok {
		return errdefs.Conflict("container %.12s already has the name %q", id, old.Name)
	}
	for held, by := range m.pending {
		if by == id {
			return errdefs.Conflict("container %.12s is just getting the name %q", id, held)
		}
	}
	m.pending[name] = id
	return nil
}

func (m *memory) letGo(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pending, name)
}

// free tells who keeps a name from being given away.
func (m *memory) free(name string) error {
	if holder, ok := m.children[root][name]; ok {
		return taken("/"+name, holder)
	}
	if holder, ok := m.pending[name]; ok {
		return taken("/"+name, holder)
	}
	return nil
}

// Rename changes the last component of a path, which for /name is the name of a
// container. The new path has the same parent.
func (db *DB) Rename(oldPath, newPath string) error {
	oldParts, newParts := split(oldPath), split(newPath)
	n := len(oldParts) - 1
	if n < 0 || len(newParts) != n+1 || strings.Join(oldParts[:n], "/") != strings.Join(newParts[:n], "/") {
		return errdefs.InvalidArgument("cannot rename %s to %s: only the last component may change", oldPath, newPath)
	}
	if err := checkName(newParts[n]); err != nil {
		return err
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	from, err := db.find(oldParts)
	if err != nil {
		return err
	}
	to := Edge{from.EntityID, from.ParentID, newParts[n]}
	if to == from {
		return nil
	}
	release, err := db.mem.claim(to)
	if err != nil {
		return err
	}
	defer release()
	update := stmt{"UPDATE edge SET name = ? WHERE parent_id = ? AND name = ?", []any{to.Name, from.ParentID, from.Name}}
	return db.change("renaming "+oldPath+" to "+newPath, []stmt{update}, func(m *memory) {
		m.removeEdge(from)
		m.addEdge(to)
	})
}

// claim makes sure that nobody else gets the name of an edge until release.
func (m *memory) claim(e Edge) (release func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if holder, ok := m.children[e.ParentID][e.Name]; ok {
		return nil, taken("/"+e.Name, holder)
	}
	if e.ParentID != root {
		return func() {}, nil
	}
	if err := m.free(e.Name); err != nil {
		return nil, err
	}
	m.pending[e.Name] = e.EntityID
	return func() { m.letGo(e.Name) }, nil
}

// Purge forgets a container: its name, the links to it and the links from it.
// To forget what is not there is no error. On a full disk, where removing is what
// makes room, it is forgotten in memory and written with the next change; if
// there is none, Check forgets it. A name that was not written yet costs nothing.
func (db *DB) Purge(id string) error {
	if id == root {
		return errdefs.InvalidArgument("cannot delete the root entity")
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	if known := db.purgeUnwritten(id); !known {
		return nil
	}
	gone := deleteEntity(id)
	err := db.change("forgetting "+id, []stmt{gone}, func(m *memory) { m.removeEntity(id) })
	var se sqlite3.Error
	if !errors.As(err, &se) || se.Code != sqlite3.ErrFull {
		return err
	}
	db.owed = append(db.owed, gone)
	db.mem.mu.Lock()
	defer db.mem.mu.Unlock()
	delete(db.mem.unwritten, id)
	db.mem.removeEntity(id)
	return nil
}

// Name returns the name of a container, without the slash.
func (db *DB) Name(id string) (string, bool) {
	db.mem.mu.RLock()
	defer db.mem.mu.RUnlock()
	e, ok := db.mem.nameOf(id)
	return e.Name, ok
}

// Names maps the id of each container to its name.
func (db *DB) Names() map[string]string {
	db.mem.mu.RLock()
	defer db.mem.mu.RUnlock()
	names := make(map[string]string, len(db.mem.children[root]))
	for name, id := range db.mem.children[root] {
		names[id] = name
	}
	return names
}

// checkName refuses what cannot be one component of a path. What a user may
// call a container is for the daemon to say.
func checkName(name string) error {
	if name == "" || strings.ContainsAny(name, "/\x00") {
		return errdefs.InvalidArgument("%q is not a name", name)
	}
	return nil
}
