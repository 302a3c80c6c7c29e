package graphdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// Report is what a check found and repaired.
type Report struct {
	Entities  int      // known containers in the store afterwards
	Forgotten []string // ids that were in the store and do not exist, with their names
	Named     []string // ids that got the name from their own file
}

// Verify forgets every entity that the caller does not know.
func (db *DB) Verify(ctx context.Context, known func(id string) bool) (Report, error) {
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	return db.verify(known)
}

// verify is Verify with writing held.
func (db *DB) verify(known func(id string) bool) (Report, error) {
	var r Report
	var stmts []stmt
	db.mem.mu.RLock()
	ids := slices.Sorted(maps.Keys(db.mem.parents))
	db.mem.mu.RUnlock()
	for _, id := range ids {
		if id == root {
			continue
		}
		if known(id) {
			r.Entities++
			continue
		}
		r.Forgotten = append(r.Forgotten, id)
		stmts = append(stmts, deleteEntity(id))
	}
	if len(stmts) == 0 {
		return r, nil
	}
	return r, db.change("checking the name database", stmts, func(m *memory) {
		for _, id := range r.Forgotten {
			m.removeEntity(id)
		}
	})
}

// Check makes the store agree with the containers that exist: names has the
// name from each container's own file by container id. It is for the start,
// before anything else uses the store. What is not in names is forgotten, a
// name that is missing or differs is set. Two containers that claim one name
// are a Conflict that tells who; the one that has it in the store keeps it, and
// all others are still set right.
func (db *DB) Check(names map[string]string) error {
	_, err := db.Repair(names)
	return err
}

// Repair is Check, and tells what it did.
func (db *DB) Repair(names map[string]string) (Report, error) {
	db.writing.Lock()
	defer db.writing.Unlock()
	r, err := db.verify(func(id string) bool { _, ok := names[id]; return ok })
	if err != nil {
		return r, err
	}
	db.mem.mu.RLock()
	old := maps.Clone(db.mem.children[root])
	db.mem.mu.RUnlock()
	set, clashes := wanted(names, old)
	var stmts []stmt
	for _, e := range set { // first let go of everything, so that swapped names are no trouble
		stmts = append(stmts, stmt{
			"DELETE FROM edge WHERE parent_id = '0' AND (entity_id = ? OR name = ?)", []any{e.EntityID, e.Name},
		})
		r.Named = append(r.Named, e.EntityID)
	}
	for _, e := range set {
		stmts = append(stmts, insertEntity(e.EntityID), insertEdge(e))
	}
	if len(stmts) > 0 {
		err = db.change("checking the name database", stmts, func(m *memory) {
			for _, e := range set {
				if was, ok := m.nameOf(e.EntityID); ok {
					m.removeEdge(was)
				}
				if holder, ok := m.children[root][e.Name]; ok {
					m.removeEdge(Edge{holder, root, e.Name})
				}
			}
			for _, e := range set {
				m.addEdge(e)
			}
			r.Entities = len(m.parents) - 1
		})
	}
	if err == nil && len(clashes) > 0 {
		err = errdefs.Conflict("names claimed twice: %s", strings.Join(clashes, ", "))
	}
	return r, err
}

// wanted finds the names to set. Who has a claimed name in the store keeps it;
// otherwise the smallest id wins.
func wanted(names, old map[string]string) (set []Edge, clashes []string) {
	winner := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(names)) {
		name := strings.TrimPrefix(names[id], "/")
		if checkName(name) != nil {
			continue
		}
		first, claimed := winner[name]
		if !claimed {
			winner[name] = id
			continue
		}
		loser := id
		if old[name] == id {
			winner[name], loser = id, first
		}
		clashes = append(clashes, fmt.Sprintf("%q by %.12s and %.12s", name, winner[name], loser))
	}
	for _, name := range slices.Sorted(maps.Keys(winner)) {
		if old[name] != winner[name] {
			set = append(set, Edge{winner[name], root, name})
		}
	}
	return set, clashes
}
