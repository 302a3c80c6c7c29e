package daemon

import (
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestUnpause(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("unpause", "nobody"))
	f.create("ice", "sleep 60")
	f.fails(errdefs.KindConflict, f.eng.Job("unpause", "ice"))
	f.run("start", "ice")
	f.fails(errdefs.KindConflict, f.eng.Job("unpause", "ice"))
	f.run("pause", "ice")
	f.run("unpause", "ice")
	if st := f.inspect("ice").State; st.Paused || st.Status != "running" {
		t.Errorf("state %+v", st)
	}
}
