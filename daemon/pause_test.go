package daemon

import (
	"context"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// freezer is a driver that can freeze, in name at least.
type freezer struct{ execdriver.Driver }

func (freezer) Pause(context.Context, string) error   { return nil }
func (freezer) Unpause(context.Context, string) error { return nil }

func TestPause(t *testing.T) {
	f := setup(t, func(o *Options) { o.Exec = freezer{o.Exec} })
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
	if ev := f.events.take(); ev != "pause die=143 stop" {
		t.Errorf("events %q", ev)
	}
}

func TestPause_NotByEveryDriver(t *testing.T) {
	f := setup(t)
	if _, can := f.opt.Exec.(pauser); can {
		t.Skip("the fake driver can freeze")
	}
	f.create("run", "sleep 60")
	f.run("start", "run")
	f.fails(errdefs.KindNotImplemented, f.eng.Job("pause", "run"))
}
