package daemon

import (
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestRestart(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("restart", "nobody"))
	f.create("again", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.AutoRemove = true })
	f.run("restart", "again") // starts what does not run
	first := f.inspect("again").State.Pid
	f.events.take()
	f.run("restart", "again")
	if got := f.inspect("again").State; !got.Running || got.Pid == first {
		t.Errorf("state %+v", got)
	}
	if ev := f.events.take(); ev != "kill die=143 disconnect stop connect start restart" {
		t.Errorf("events %q", ev)
	}
	f.run("stop", "again")
	f.goneSoon("again")
	f.empty()
}

// goneSoon waits until nobody knows the container.
func (f *fixture) goneSoon(name string) {
	f.t.Helper()
	eventually(f.t, "the removal of "+name, func() bool {
		_, err := f.containers.find(name)
		return errdefs.IsNotFound(err)
	})
}
