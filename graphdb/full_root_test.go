package graphdb_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/graphdb"
	"github.com/enginejobs/docker/pkg/testutil"
)

// On a full disk a change is refused as a whole, reads go on, and the store
// works again as soon as there is room.
func TestFullDisk(t *testing.T) {
	testutil.RequiresRoot(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("cannot mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	path, ballast := filepath.Join(dir, "db"), filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 1536<<10), 0o600))
	db, err := graphdb.Open(path)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	kept := map[string]string{}
	var full error
	for i := 0; full == nil && i < 5000; i++ {
		id := fmt.Sprintf("%064d", i)
		if full = db.Reserve(fmt.Sprint("name", i), id); full == nil {
			kept[id] = fmt.Sprint("name", i)
		}
	}
	if full == nil || len(kept) == 0 {
		t.Fatalf("the disk is not full after %d names", len(kept))
	}
	if !maps.Equal(db.Names(), kept) {
		t.Error("a refused name is shown")
	}
	gone := slices.Sorted(maps.Keys(kept))[0]
	name := kept[gone]
	delete(kept, gone)
	must(t, db.Purge(gone))
	if !maps.Equal(db.Names(), kept) {
		t.Error("a name is not forgotten on a full disk")
	}
	must(t, os.Remove(ballast))
	must(t, db.Reserve(name, "heir"))
	kept["heir"] = name
	must(t, db.Reserve("room-again", "id"))
	must(t, db.Close())
	db, err = graphdb.Open(path)
	must(t, err)
	kept["id"] = "room-again"
	if db.Moved() != "" || !maps.Equal(db.Names(), kept) {
		t.Errorf("after the reopening: %d names of %d, moved %q", len(db.Names()), len(kept), db.Moved())
	}
}
