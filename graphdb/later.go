package graphdb

import (
	"database/sql"
	"time"
)

const (
	// writeAfter is how long a name waits for others, or for its end: most of
	// those that are given to a run are given back within it.
	writeAfter = time.Second
	// enough do not wait any longer, and there are never more than mostUnwritten.
	enough        = 64
	mostUnwritten = 256
)

// later is the part of memory about names that the file does not have yet.
type later struct {
	unwritten map[string]Edge // by entity
	timer     *time.Timer     // writes them; nil: none waits
	late      bool            // writing them has failed: no more may wait
	closed    bool
}

// writeLater adds a name to the memory and has it written soon. It refuses when it
// must be written now.
func (db *DB) writeLater(e Edge) bool {
	m := db.mem
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.late || len(m.unwritten) >= mostUnwritten {
		return false
	}
	m.addEdge(e)
	m.unwritten[e.EntityID] = e
	switch {
	case m.timer == nil:
		m.timer = time.AfterFunc(writeAfter, db.writeUnwritten)
	case len(m.unwritten) == enough:
		m.timer.Reset(0)
	}
	return true
}

// writeUnwritten is what the timer does. When it fails, whoever makes the next
// change writes them, and is told.
func (db *DB) writeUnwritten() {
	db.writing.Lock()
	defer db.writing.Unlock()
	m := db.mem
	m.mu.Lock()
	m.timer = nil
	idle := m.closed || len(m.unwritten) == 0
	m.mu.Unlock()
	if idle {
		return
	}
	_ = db.change("writing names", nil, func(*memory) {}) // giveBack remembers it
}

// takeUnwritten is for who writes them in a transaction.
func (m *memory) takeUnwritten() map[string]Edge {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := m.unwritten
	m.unwritten = map[string]Edge{}
	return names
}

// giveBack takes names of a transaction that failed. It is called with mu held.
func (m *memory) giveBack(names map[string]Edge) {
	m.late = len(names) > 0
	for id, e := range names {
		m.unwritten[id] = e
	}
}

// close lets no name wait any more. It tells whether some do.
func (m *memory) close() (left bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	left = !m.closed && len(m.unwritten) > 0
	m.closed = true
	if m.timer != nil {
		m.timer.Stop()
	}
	return left
}

// purgeUnwritten forgets an entity of which the file has nothing, and tells
// whether it has something of this one. Call it with writing held.
func (db *DB) purgeUnwritten(id string) (known bool) {
	m := db.mem
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.unwritten[id]; ok && len(m.parents[id]) == 1 { // its only edge: nobody has linked to it
		delete(m.unwritten, id)
		m.removeEntity(id)
		return false
	}
	_, known = m.parents[id]
	return known
}

// insertNames writes names that the memory has. There they are unique; where the
// file should disagree, it is Check that sets it right.
func insertNames(tx *sql.Tx, names map[string]Edge) error {
	if len(names) == 0 {
		return nil
	}
	entity, err := tx.Prepare("INSERT OR IGNORE INTO entity (id) VALUES (?)")
	if err != nil {
		return err
	}
	defer entity.Close()
	edge, err := tx.Prepare("INSERT OR IGNORE INTO edge (entity_id, parent_id, name) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	defer edge.Close()
	for _, e := range names {
		if _, err := entity.Exec(e.EntityID); err != nil {
			return err
		}
		if _, err := edge.Exec(e.EntityID, e.ParentID, e.Name); err != nil {
			return err
		}
	}
	return nil
}
