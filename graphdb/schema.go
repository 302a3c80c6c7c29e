package graphdb

import (
	"database/sql"
	"fmt"
)

// version is the user_version of files in today's form. Files of a classic
// daemon have 0 and the same two tables without enforced constraints.
const version = 1

// schema is today's form. Both foreign keys cascade, so an edge never outlives
// one of its ends. The last index gives each container one name.
const schema = `
CREATE TABLE entity (id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE edge (
	entity_id TEXT NOT NULL REFERENCES entity (id) ON DELETE CASCADE,
	parent_id TEXT REFERENCES entity (id) ON DELETE CASCADE,
	name      TEXT NOT NULL CHECK (name <> ''),
	CHECK (parent_id IS NOT entity_id),
	CHECK (parent_id IS NOT NULL OR (entity_id = '0' AND name = '/'))
);
CREATE UNIQUE INDEX name_parent_ix ON edge (parent_id, name);
CREATE INDEX entity_ix ON edge (entity_id);
CREATE UNIQUE INDEX one_root_ix ON edge (name) WHERE parent_id IS NULL;
CREATE UNIQUE INDEX one_name_ix ON edge (entity_id) WHERE parent_id = '0';
`

// rootRows makes the root anew where it is missing.
const rootRows = `
INSERT OR IGNORE INTO entity (id) VALUES ('0');
INSERT OR IGNORE INTO edge (entity_id, parent_id, name) VALUES ('0', NULL, '/');
`

// takeOver copies what is sound from the tables of a classic daemon.
const takeOver = `
INSERT OR IGNORE INTO entity (id) SELECT id FROM old_entity WHERE id IS NOT NULL;
INSERT OR IGNORE INTO edge (entity_id, parent_id, name)
	SELECT entity_id, parent_id, name FROM old_edge
	WHERE name <> '' AND entity_id <> parent_id
	AND entity_id IN (SELECT id FROM entity) AND parent_id IN (SELECT id FROM entity)
	ORDER BY rowid;
DROP TABLE old_edge;
DROP TABLE old_entity;
`

// ensureSchema brings the file into today's form, whatever it has now.
func ensureSchema(tx *sql.Tx) error {
	var have int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have > version {
		return fmt.Errorf("it was written by a newer version (form %d, this one knows %d)", have, version)
	}
	if have == version {
		return run(tx, rootRows)
	}
	for _, table := range []string{"entity", "edge"} {
		var n int
		err := tx.QueryRow("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", table).Scan(&n)
		if err != nil {
			return err
		}
		if n == 0 { // so that takeOver finds both, be it empty
			if err := run(tx, "CREATE TABLE "+table+" (id TEXT, entity_id TEXT, parent_id TEXT, name TEXT)"); err != nil {
				return err
			}
		}
	}
	return run(tx, `
DROP INDEX IF EXISTS name_parent_ix;
ALTER TABLE edge RENAME TO old_edge;
ALTER TABLE entity RENAME TO old_entity;
`+schema+rootRows+takeOver+fmt.Sprintf("PRAGMA user_version = %d;", version))
}

func run(tx *sql.Tx, statements string) error {
	_, err := tx.Exec(statements)
	return err
}
