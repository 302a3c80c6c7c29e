package graphdb_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdb"
	"github.com/enginejobs/docker/graphdb/graphdbtest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, path string) *graphdb.DB {
	t.Helper()
	db, err := graphdb.Open(path)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestSuite(t *testing.T) {
	graphdbtest.Run(t, func(t testing.TB) (graphdbtest.Store, func() graphdbtest.Store) {
		path := filepath.Join(t.TempDir(), "a dir with ? # % &", "linkgraph.db")
		must(t, os.Mkdir(filepath.Dir(path), 0o700))
		db := open(t, path)
		return db, func() graphdbtest.Store {
			must(t, db.Close())
			db = open(t, path)
			return db
		}
	})
}

func TestSecondProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	open(t, path)
	if _, err := graphdb.Open(path); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("a second opening: %v", err)
	}
}

func TestDamagedFiles(t *testing.T) {
	good := filepath.Join(t.TempDir(), "good")
	db, err := graphdb.Open(good)
	must(t, err)
	for i := range 200 {
		must(t, db.Reserve(fmt.Sprint("a-rather-long-name-", i), fmt.Sprint("id", i)))
	}
	must(t, db.Close())
	text, err := os.ReadFile(good)
	must(t, err)
	holed := append([]byte{}, text...)
	for i := 4096; i < len(holed); i++ {
		holed[i] ^= 0x5a
	}
	for name, c := range map[string]struct {
		content []byte
		moved   bool
	}{
		"empty":     {nil, false},
		"garbage":   {[]byte("this is not a database, it is a sentence that goes on for a while"), true},
		"holed":     {holed, true},
		"truncated": {text[:len(text)/2], true},
		"good":      {text, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db")
			must(t, os.WriteFile(path, c.content, 0o600))
			db := open(t, path)
			if (db.Moved() != "") != c.moved {
				t.Errorf("moved to %q", db.Moved())
			}
			if c.moved {
				if left, err := os.ReadFile(db.Moved()); err != nil || len(left) == 0 {
					t.Errorf("the old file is not kept: %v", err)
				}
			}
			must(t, db.Check(map[string]string{"id1": "one"}))
			if id, _ := db.Get("/one"); id != "id1" {
				t.Error("the store does not work")
			}
		})
	}
}

func TestClassicFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	raw, err := sql.Open("sqlite3", path)
	must(t, err)
	_, err = raw.Exec(`
		CREATE TABLE entity (id text NOT NULL PRIMARY KEY);
		CREATE TABLE edge ("entity_id" text NOT NULL, "parent_id" text NULL, "name" text NOT NULL,
			CONSTRAINT "parent_fk" FOREIGN KEY ("parent_id") REFERENCES "entity" ("id"),
			CONSTRAINT "entity_fk" FOREIGN KEY ("entity_id") REFERENCES "entity" ("id"));
		CREATE UNIQUE INDEX "name_parent_ix" ON "edge" (parent_id, name);
		INSERT INTO entity VALUES ('0'), ('id1'), ('id2');
		INSERT INTO edge VALUES ('0', NULL, '/'), ('0', NULL, '/'), ('id1', '0', 'web'), ('id2', '0', 'db'),
			('id2', 'id1', 'sql'), ('id1', '0', 'web2'), ('id9', '0', 'nobody'), ('id2', 'gone', 'orphan');`)
	must(t, err)
	must(t, raw.Close())
	for range 2 {
		db, err := graphdb.Open(path)
		must(t, err)
		if fmt.Sprint(db.Names()) != "map[id1:web id2:db]" || db.Links("id1")["sql"] != "id2" {
			t.Errorf("names %v, links %v", db.Names(), db.Links("id1"))
		}
		must(t, db.Close())
	}
}

// Every form that was ever written has a sample that is still read. Today's is
// also what is written now, statement by statement.
func TestSampleOfFormOne(t *testing.T) {
	dir := t.TempDir()
	dump, err := os.ReadFile("testdata/v1.sql")
	must(t, err)
	old, fresh := filepath.Join(dir, "old"), filepath.Join(dir, "fresh")
	raw, err := sql.Open("sqlite3", old)
	must(t, err)
	_, err = raw.Exec(string(dump))
	must(t, err)
	must(t, raw.Close())
	db, err := graphdb.Open(old)
	must(t, err)
	if fmt.Sprint(db.Names(), db.Links("4f1c")) != "map[4f1c:web 9ab0:db] map[sql:9ab0]" {
		t.Errorf("names %v, links %v", db.Names(), db.Links("4f1c"))
	}
	must(t, db.Close())
	db, err = graphdb.Open(fresh)
	must(t, err)
	must(t, db.Close())
	if a, b := statements(t, old), statements(t, fresh); a != b {
		t.Errorf("the sample has\n%s\na new store has\n%s", a, b)
	}
}

// statements gives the schema of a file.
func statements(t *testing.T, path string) string {
	t.Helper()
	raw, err := sql.Open("sqlite3", path)
	must(t, err)
	defer raw.Close()
	var text string
	must(t, raw.QueryRow("SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_master ORDER BY name)").Scan(&text))
	return text
}

func TestNewerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	raw, err := sql.Open("sqlite3", path)
	must(t, err)
	_, err = raw.Exec("PRAGMA user_version = 99")
	must(t, err)
	must(t, raw.Close())
	if _, err := graphdb.Open(path); err == nil {
		t.Error("a file of a newer version was opened")
	}
}

func TestMissingRootRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := graphdb.Open(path)
	must(t, err)
	must(t, db.Reserve("web", "id1"))
	must(t, db.Close())
	raw, err := sql.Open("sqlite3", path)
	must(t, err)
	_, err = raw.Exec("PRAGMA foreign_keys=0; DELETE FROM entity WHERE id='0'; DELETE FROM edge WHERE parent_id IS NULL")
	must(t, err)
	must(t, raw.Close())
	if id, _ := open(t, path).Get("/web"); id != "id1" {
		t.Errorf("the name is lost, got %q", id)
	}
}

func TestVerify(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	must(t, db.Reserve("a", "id1"))
	must(t, db.Reserve("b", "id2"))
	r, err := db.Verify(context.Background(), func(id string) bool { return id == "id1" })
	must(t, err)
	if r.Entities != 1 || fmt.Sprint(r.Forgotten) != "[id2]" || db.Exists("/b") {
		t.Errorf("got %+v", r)
	}
}

// When the commit fails after publish, the caller is told and nobody has the
// name; when it is the process that ends there, Check gives the name back.
func TestCommitFailsAfterPublish(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := open(t, path)
	published := false
	err := db.Create("web", "id1", func() error {
		published = true
		return db.Close()
	})
	if err == nil || !published || db.Exists("/web") {
		t.Errorf("error %v, published %v, name taken %v", err, published, db.Exists("/web"))
	}
	db = open(t, path)
	if db.Exists("/web") {
		t.Error("the name was kept")
	}
	must(t, db.Check(map[string]string{"id1": "/web"}))
	if id, _ := db.Get("/web"); id != "id1" {
		t.Errorf("the name belongs to %q", id)
	}
}

// A power cut takes the last transactions, as whole ones. What the containers'
// own files say, also names that changed hands, is put back by Check.
func TestPowerCutTakesTheLastTransactions(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	db := open(t, path)
	must(t, db.Reserve("web", "id1"))
	must(t, db.Reserve("db", "id2"))
	must(t, db.Reserve("old", "id3"))
	must(t, db.Close())
	before, err := os.ReadFile(path)
	must(t, err)

	db = open(t, path)
	must(t, db.Rename("/web", "/front")) // id1
	must(t, db.Rename("/db", "/web"))    // id2
	must(t, db.Purge("id3"))
	must(t, db.Reserve("db", "id4"))
	must(t, db.Close())
	must(t, os.WriteFile(path, before, 0o600))

	db = open(t, path)
	now := map[string]string{"id1": "/front", "id2": "/web", "id4": "/db"}
	must(t, db.Check(now))
	for id, name := range now {
		if got, ok := db.Get(name); !ok || got != id {
			t.Errorf("%s belongs to %q, want %s", name, got, id)
		}
	}
	if db.Exists("/old") {
		t.Error("a removed container has its name again")
	}
}

// BenchmarkLife is what a run --rm costs: a name taken and given back.
func BenchmarkLife(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "db"))
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("%064d", i)
		must(b, db.Create("name", id, nil))
		must(b, db.Purge(id))
	}
}

func BenchmarkReserve(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "db"))
	for i := 0; b.Loop(); i++ {
		must(b, db.Reserve(fmt.Sprint("n", i), fmt.Sprint("id", i)))
	}
}

func BenchmarkGet(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "db"))
	must(b, db.Reserve("web", "id1"))
	for b.Loop() {
		db.Get("/web")
	}
}

func BenchmarkOpenAndCheck500(b *testing.B) {
	path := filepath.Join(b.TempDir(), "db")
	names := map[string]string{}
	for i := range 500 {
		names[fmt.Sprintf("%064d", i)] = fmt.Sprint("name", i)
	}
	db, err := graphdb.Open(path)
	must(b, err)
	must(b, db.Check(names))
	must(b, db.Close())
	for b.Loop() {
		db, err := graphdb.Open(path)
		must(b, err)
		must(b, db.Check(names))
		must(b, db.Close())
	}
}
