package daemon

import (
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
	f.reinstall()
	if got := f.inspect("new").Name; got != "/new" {
		t.Errorf("after a restart of the daemon: %q", got)
	}
}
