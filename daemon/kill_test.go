package daemon

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestKill(t *testing.T) {
	f := setup(t)
	f.create("prey", "sleep 60")
	err := f.fails(errdefs.KindConflict, f.eng.Job("kill", "prey"))
	if !strings.Contains(err.Error(), "is not running") {
		t.Error(err)
	}
	f.fails(errdefs.KindNotFound, f.eng.Job("kill", "nobody"))
	f.run("start", "prey")
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("kill", "prey", "SIGNOPE"))
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("kill", "prey", "0"))
	f.events.take()
	f.run("kill", "prey", "15")
	if code := f.wait("prey", "not-running"); code != 143 {
		t.Errorf("code %d", code)
	}
	f.run("start", "prey")
	f.run("kill", "prey")
	if st := f.inspect("prey").State; st.Running || st.ExitCode != 137 {
		t.Errorf("state %+v", st)
	}
}

func TestKill_EndsTheRestartPolicy(t *testing.T) {
	f := setup(t)
	f.create("phoenix", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.RestartPolicy.Name = "always" })
	f.run("start", "phoenix")
	f.run("kill", "phoenix")
	if st := f.inspect("phoenix").State; st.Running || st.Restarting {
		t.Errorf("state %+v", st)
	}
}
