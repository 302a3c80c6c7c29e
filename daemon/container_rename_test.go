package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestContainerRename(t *testing.T) {
	f := setup(t)
	f.create("old", "true")
	f.create("taken", "true")
	f.fails(errdefs.KindNotFound, f.eng.Job("container_rename", "nobody", "xx"))
	f.fails(errdefs.KindConflict, f.eng.Job("container_rename", "old", "taken"))
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("container_rename", "old", "old"))
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("container_rename", "old", ""))
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("container_rename", "old", "a b"))
	f.events.take()
	f.run("container_rename", "old", "/new")
	if got := f.inspect("new").Name; got != "/new" {
		t.Errorf("name %q", got)
	}
	f.fails(errdefs.KindNotFound, f.eng.Job("container_inspect", "old"))
	if ev := f.events.take(); ev != "rename" {
		t.Errorf("events %q", ev)
	}
	f.create("old", "true") // the name is free again
	f.crash()
	f.boot()
	if got := f.inspect("new").Name; got != "/new" {
		t.Errorf("after a restart of the daemon: %q", got)
	}
}

// A name that cannot be written down is not given.
func TestContainerRename_OnAFullDisk(t *testing.T) {
	f := setup(t)
	id := f.create("old", "true")
	tmp := filepath.Join(f.root, "containers", id, configFile+".tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil { // where the new file would be made
		t.Fatal(err)
	}
	if err := f.eng.Job("container_rename", "old", "new").Run(); err == nil {
		t.Fatal("it worked")
	}
	if name := f.inspect("old").Name; name != "/old" {
		t.Errorf("it is called %s", name)
	}
	f.create("new", "true")
	if _, err := f.tryCreate("old", "true"); !errdefs.IsConflict(err) {
		t.Errorf("its name is given away: %v", err)
	}
	if err := os.Remove(tmp); err != nil {
		t.Fatal(err)
	}
	f.run("container_rename", "old", "newer")
	f.create("old", "true")
}
