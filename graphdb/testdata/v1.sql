-- A store of form 1, as `sqlite3 linkgraph.db .dump` shows it. Never change it:
-- every later version has to read it. A new form gets a file of its own.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE entity (id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
INSERT INTO entity VALUES('0');
INSERT INTO entity VALUES('4f1c');
INSERT INTO entity VALUES('9ab0');
CREATE TABLE edge (
	entity_id TEXT NOT NULL REFERENCES entity (id) ON DELETE CASCADE,
	parent_id TEXT REFERENCES entity (id) ON DELETE CASCADE,
	name      TEXT NOT NULL CHECK (name <> ''),
	CHECK (parent_id IS NOT entity_id),
	CHECK (parent_id IS NOT NULL OR (entity_id = '0' AND name = '/'))
);
INSERT INTO edge VALUES('0',NULL,'/');
INSERT INTO edge VALUES('4f1c','0','web');
INSERT INTO edge VALUES('9ab0','0','db');
INSERT INTO edge VALUES('9ab0','4f1c','sql');
CREATE UNIQUE INDEX name_parent_ix ON edge (parent_id, name);
CREATE INDEX entity_ix ON edge (entity_id);
CREATE UNIQUE INDEX one_root_ix ON edge (name) WHERE parent_id IS NULL;
CREATE UNIQUE INDEX one_name_ix ON edge (entity_id) WHERE parent_id = '0';
PRAGMA user_version = 1;
COMMIT;
