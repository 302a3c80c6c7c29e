package daemon

import (
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestPause(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("pause", "nobody"))
	f.create("ice", "sleep 60")
	f.fails(errdefs.KindConflict, f.eng.Job("pause", "ice"))
	f.run("start", "ice")
	f.events.take()
	f.run("pause", "ice")
	f.fails(errdefs.KindConflict, f.eng.Job("pause", "ice"))
	if st := f.inspect("ice").State; !st.Paused || !st.Running || st.Status != "paused" {
		t.Errorf("state %+v", st)
	}
	if got := f.ps("filters", `{"status":["paused"]}`); got != "ice" {
		t.Errorf("ps: %q", got)
	}
	f.fails(errdefs.KindConflict, f.eng.Job("start", "ice"))
	f.fails(errdefs.KindConflict, env(f.eng.Job("attach", "ice"), "stream", "1"))
	f.fails(errdefs.KindConflict, f.eng.Job("rm", "ice"))
	f.run("stop", "ice") // a frozen one is thawed to take its signal
	if st := f.inspect("ice").State; st.Running || st.Paused {
		t.Errorf("state %+v", st)
	}
	if ev := f.events.take(); ev != "pause kill die=143 disconnect stop" {
		t.Errorf("events %q", ev)
	}
}

func TestPause_IsKnownToTheNextDaemon(t *testing.T) {
	f := setup(t)
	f.create("ice", "sleep 60")
	f.run("start", "ice")
	f.run("pause", "ice")
	f.crash()
	f.boot()
	if st := f.inspect("ice").State; !st.Paused || st.Status != "paused" {
		t.Errorf("state %+v", st)
	}
	f.run("kill", "ice")
	if st := f.inspect("ice").State; st.Running || st.ExitCode != 137 {
		t.Errorf("state after kill %+v", st)
	}
}
