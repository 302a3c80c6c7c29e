package daemon

import (
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestStop(t *testing.T) {
	f := setup(t)
	f.create("soft", "sleep 60")
	f.fails(errdefs.KindNotModified, f.eng.Job("stop", "soft"))
	f.fails(errdefs.KindNotFound, f.eng.Job("stop", "nobody"))
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("stop", "soft"), "t", "x"))
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("stop", "soft"), "signal", "SIGFOO"))
	f.run("start", "soft")
	f.events.take()
	f.run("stop", "soft")
	if st := f.inspect("soft").State; st.Running || st.ExitCode != 143 {
		t.Errorf("state %+v", st)
	}
	if ev := f.events.take(); ev != "kill die=143 disconnect stop" {
		t.Errorf("events %q", ev)
	}
	f.run("start", "soft") // at once: the last run is cleaned up
	if err := env(f.eng.Job("stop", "soft"), "signal", "INT").Run(); err != nil {
		t.Fatal(err)
	}
	f.run("rm", "soft")
	f.empty()
}

func TestStop_KillsWhenTimeIsOver(t *testing.T) {
	f := setup(t)
	f.create("hard", "ignore-term; sleep 60", func(c *runconfig.Config, _ *runconfig.HostConfig) {
		zero := 0
		c.StopTimeout = &zero
	})
	f.run("start", "hard")
	time.Sleep(20 * time.Millisecond)
	f.run("stop", "hard")
	if code := f.inspect("hard").State.ExitCode; code != 137 && code != 143 {
		t.Errorf("exit code %d", code)
	}
	f.run("start", "hard")
	time.Sleep(20 * time.Millisecond)
	if err := env(f.eng.Job("stop", "hard"), "t", "1").Run(); err != nil {
		t.Fatal(err)
	}
	if code := f.inspect("hard").State.ExitCode; code != 137 {
		t.Errorf("exit code %d", code)
	}
}
