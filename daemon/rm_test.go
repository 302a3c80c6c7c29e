package daemon

import (
	"errors"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestRm(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("rm", "nobody"))
	f.create("run", "sleep 60")
	f.run("start", "run")
	f.fails(errdefs.KindConflict, f.eng.Job("rm", "run"))
	if err := env(f.eng.Job("rm", "run"), "forceRemove", "1").Run(); err != nil {
		t.Fatal(err)
	}
	f.empty()
}

func TestRm_AFailureCanBeRepeated(t *testing.T) {
	f := setup(t)
	f.create("stuck", "true")
	f.images.failRm = errors.New("device busy")
	f.fails(errdefs.KindInternal, f.eng.Job("rm", "stuck"))
	if st := f.inspect("stuck").State; !st.Dead || st.Status != "dead" {
		t.Errorf("state %+v", st)
	}
	f.fails(errdefs.KindConflict, f.eng.Job("start", "stuck"))
	f.images.failRm = nil
	f.run("rm", "stuck")
	f.empty()
}

// rm is how a user makes room on a full disk.
func TestRm_OnAFullDisk(t *testing.T) {
	f := setup(t)
	id := f.create("big", "true")
	f.names.full = 1
	f.run("rm", id)
	f.empty()
	id = f.create("big", "true")
	f.names.full = 2
	f.fails(errdefs.KindInternal, f.eng.Job("rm", id))
	f.run("rm", id)
	f.empty()
}

func TestRm_Link(t *testing.T) {
	f := setup(t)
	f.create("db", "true")
	f.create("web", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.Links = []string{"db:store"} })
	link := func(name string) error { return env(f.eng.Job("rm", name), "removeLink", "1").Run() }
	if err := link("web"); !errdefs.IsConflict(err) {
		t.Error(err)
	}
	if err := link("/web/nope"); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
	if err := link("/web/store"); err != nil {
		t.Error(err)
	}
	if got := f.inspect("web").HostConfig.Links; len(got) != 0 {
		t.Errorf("links %v", got)
	}
}
