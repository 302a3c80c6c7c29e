package graphdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/enginejobs/docker/errdefs"
)

// DB is an open store. Its methods may be called from anywhere at any time.
type DB struct {
	path  string
	sql   *sql.DB
	mem   *memory
	moved string // where a corrupt file was put aside

	// writing is held by the one transaction that runs. mem does not change
	// while it is held, except by its holder.
	writing sync.Mutex
	owed    []stmt // guarded by writing: what a full disk did not take, see Purge
}

// Open opens the store at path and makes it if there is none. An empty file, one
// without tables and one of a classic daemon are brought into form; a file that
// SQLite cannot read is moved aside (see Moved) and replaced by an empty store,
// which Check then fills again.
func Open(path string) (*DB, error) {
	db, err := open(path)
	if err == nil || !corrupt(err) {
		return db, err
	}
	aside := path + ".corrupt-" + time.Now().UTC().Format("20060102T150405.000")
	if err := os.Rename(path, aside); err != nil {
		return nil, fmt.Errorf("moving the unreadable name database aside: %w", err)
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("moving the unreadable name database aside: %w", err)
		}
	}
	if db, err = open(path); err != nil {
		return nil, err
	}
	db.moved = aside
	return db, nil
}

func open(path string) (*DB, error) {
	// The driver reads its options behind the "?" of a file: URI.
	dsn := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: url.Values{
		"_locking":      {"EXCLUSIVE"},
		"_journal":      {"WAL"},
		"_sync":         {"NORMAL"}, // see Cost in the package comment
		"_foreign_keys": {"1"},
		"_busy_timeout": {"1000"},
		"_txlock":       {"immediate"},
		"_cache_size":   {"-256"},
	}.Encode()}
	handle, err := sql.Open("sqlite3", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("opening the name database %s: %w", path, err)
	}
	handle.SetMaxOpenConns(1)
	db := &DB{path: path, sql: handle, mem: newMemory()}
	if err := db.prepare(); err != nil {
		_ = handle.Close()
		var se sqlite3.Error
		if errors.As(err, &se) && (se.Code == sqlite3.ErrBusy || se.Code == sqlite3.ErrLocked) {
			return nil, errdefs.Unavailable("the name database %s is in use by another process", path)
		}
		return nil, fmt.Errorf("opening the name database %s: %w", path, err)
	}
	return db, nil
}

// errDamaged says that SQLite can open the file but not vouch for it.
var errDamaged = errors.New("the file is damaged")

// corrupt tells whether the file is beyond repair.
func corrupt(err error) bool {
	var se sqlite3.Error
	if errors.As(err, &se) {
		return se.Code == sqlite3.ErrCorrupt || se.Code == sqlite3.ErrNotADB
	}
	return errors.Is(err, errDamaged)
}

// Moved returns where Open put a file that it could not read, or "".
func (db *DB) Moved() string { return db.moved }

// Close writes everything into the one file and closes it.
func (db *DB) Close() error {
	db.writing.Lock()
	defer db.writing.Unlock()
	if !db.mem.close() {
		return db.sql.Close()
	}
	return errors.Join(db.change("writing names", nil, func(*memory) {}), db.sql.Close())
}

// prepare checks the file, brings the schema into form and loads it.
func (db *DB) prepare() error {
	var verdict string
	if err := db.sql.QueryRow("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, verdict)
	}
	if _, err := db.sql.Exec("PRAGMA wal_autocheckpoint=256"); err != nil {
		return err
	}
	if err := db.transaction(ensureSchema); err != nil {
		return err
	}
	return db.load()
}

// load fills the memory from the file.
func (db *DB) load() error {
	rows, err := db.sql.Query("SELECT id FROM entity")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		db.mem.addEntity(id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	edges, err := db.sql.Query("SELECT entity_id, parent_id, name FROM edge WHERE parent_id IS NOT NULL")
	if err != nil {
		return err
	}
	defer edges.Close()
	for edges.Next() {
		var e Edge
		if err := edges.Scan(&e.EntityID, &e.ParentID, &e.Name); err != nil {
			return err
		}
		db.mem.addEdge(e)
	}
	return edges.Err()
}

// transaction runs f in a transaction of its own.
func (db *DB) transaction(f func(tx *sql.Tx) error) error {
	tx, err := db.sql.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// change is one durable change: statements for the file, and the same for the
// memory, which is done only when the file has it. Names that wait to be written
// go first. Call it with writing held.
func (db *DB) change(what string, stmts []stmt, apply func(m *memory)) error {
	names := db.mem.takeUnwritten()
	err := db.transaction(func(tx *sql.Tx) error {
		if err := execute(tx, db.owed); err != nil {
			return err
		}
		if err := insertNames(tx, names); err != nil {
			return err
		}
		return execute(tx, stmts)
	})
	db.mem.mu.Lock()
	defer db.mem.mu.Unlock()
	if err != nil {
		db.mem.giveBack(names)
		return fmt.Errorf("%s: %w", what, err)
	}
	db.owed = nil
	apply(db.mem)
	return nil
}

func execute(tx *sql.Tx, stmts []stmt) error {
	for _, s := range stmts {
		if _, err := tx.Exec(s.text, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// stmt is one SQL statement with its arguments.
type stmt struct {
	text string
	args []any
}

func insertEntity(id string) stmt {
	return stmt{"INSERT OR IGNORE INTO entity (id) VALUES (?)", []any{id}}
}

func insertEdge(e Edge) stmt {
	return stmt{"INSERT INTO edge (entity_id, parent_id, name) VALUES (?, ?, ?)", []any{e.EntityID, e.ParentID, e.Name}}
}

func deleteEdge(e Edge) stmt {
	return stmt{"DELETE FROM edge WHERE parent_id = ? AND name = ?", []any{e.ParentID, e.Name}}
}

func deleteEntity(id string) stmt { return stmt{"DELETE FROM entity WHERE id = ?", []any{id}} }
