package daemon

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/metrics"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

// published makes a container publish a port and link to db.
func published(_ *runconfig.Config, h *runconfig.HostConfig) {
	h.PortBindings = runconfig.PortMap{"80/tcp": {{HostPort: "8080"}}}
	h.Links = []string{"db"}
	h.AutoRemove = true
}

// TestTrace_Run is what `docker run --rm -p 8080:80 --link db` is to the bus: a
// newcomer reads this file to learn it. Each thing that happens stands below
// the job that it is a part of.
func TestTrace_Run(t *testing.T) {
	f := setup(t)
	f.create("db", "sleep 60", func(c *runconfig.Config, _ *runconfig.HostConfig) {
		c.ExposedPorts = map[runconfig.Port]struct{}{"5432/tcp": {}}
	})
	f.run("start", "db")
	tr := enginetest.StartTrace(t, f.eng)
	f.create("web", "sleep 60", published)
	gone := f.eng.Job("wait", "web")
	gone.Setenv("condition", "removed")
	if err := gone.Start(); err != nil {
		t.Fatal(err)
	}
	f.run("start", "web")
	f.run("kill", "web")
	if err := gone.Wait(); err != nil {
		t.Fatal(err)
	}
	f.settle()
	tr.Golden(t, "testdata/trace-run.txt")
}

// TestTrace_Restart: a restart is a stop and a start; the cleaning up in between
// is the daemon's own work, and stands by itself.
func TestTrace_Restart(t *testing.T) {
	f := setup(t)
	f.create("web", "sleep 60")
	f.run("start", "web")
	tr := enginetest.StartTrace(t, f.eng)
	if err := env(f.eng.Job("restart", "web"), "t", "3", "signal", "TERM").Run(); err != nil {
		t.Fatal(err)
	}
	f.settle()
	tr.Golden(t, "testdata/trace-restart.txt")
}

// TestTrace_Policy: what the restart policy does is a start like any other.
func TestTrace_Policy(t *testing.T) {
	f := setup(t)
	f.create("web", "sleep 0.01; exit 3", func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.RestartPolicy = runconfig.RestartPolicy{Name: "on-failure", MaximumRetryCount: 1}
	})
	tr := enginetest.StartTrace(t, f.eng)
	f.run("start", "web")
	eventually(t, "the last end", func() bool { return f.containers.all()[0].now().state.Exits == 2 })
	f.settle()
	tr.Golden(t, "testdata/trace-policy.txt")
}

// TestTrace_FailedStart: what a failed start has got is given back below it.
func TestTrace_FailedStart(t *testing.T) {
	f := setup(t)
	f.create("web", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.PortBindings = runconfig.PortMap{"80/tcp": {{HostPort: "9999"}}}
		h.AutoRemove = true
	})
	tr := enginetest.StartTrace(t, f.eng)
	if err := f.eng.Job("start", "web").Run(); err == nil {
		t.Fatal("the start did not fail")
	}
	tr.Golden(t, "testdata/trace-failed-start.txt")
}

// settle waits until the daemon's own work is done.
func (f *fixture) settle() {
	f.t.Helper()
	eventually(f.t, "the end of all jobs", func() bool { return len(f.eng.Running()) == 0 })
}

// TestPhases: each job marks the parts of its work, in order, and the metrics
// count those of starts.
func TestPhases(t *testing.T) {
	f := setup(t)
	f.create("web", "ignore-term; sleep 60")
	f.run("start", "web")
	eventually(t, "ignoring", func() bool { time.Sleep(20 * time.Millisecond); return true })
	if err := env(f.eng.Job("stop", "web"), "t", "0").Run(); err != nil {
		t.Fatal(err)
	}
	f.settle()
	got := map[string][]string{}
	for _, r := range f.eng.Recent(-1) {
		var names []string
		var sum time.Duration
		for _, p := range r.Phases {
			names = append(names, p.Name)
			sum += p.Duration
		}
		got[r.Name] = names
		if sum > r.Duration {
			t.Errorf("%s: the phases take %v, more than all of it (%v)", r.Name, sum, r.Duration)
		}
	}
	for name, want := range map[string][]string{
		"create": {"plan", "layer", "files", "keep", "publish"}, "start": startPhaseNames[:],
		"stop": {"signal", "wait", "kill", "cleanup"}, "container_exited": {"state", "cleanup", "keep"},
	} {
		if !slices.Equal(got[name], want) {
			t.Errorf("%s has the phases %v, want %v", name, got[name], want)
		}
	}
}

// TestContainerExited_IsForTheDaemonOnly: nobody from outside can pretend that a
// workload has ended.
func TestContainerExited_IsForTheDaemonOnly(t *testing.T) {
	f := setup(t)
	id := f.create("web", "sleep 60")
	f.run("start", "web")
	ctx := engine.WithCaller(t.Context(), &engine.Caller{Client: "uid:0"})
	f.fails(errdefs.KindForbidden, f.eng.Job("container_exited", id).SetContext(ctx))
	f.fails(errdefs.KindNotFound, f.eng.Job("container_exited", "none"))
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("container_exited", id), "at", "yesterday"))
	if st := f.inspect("web").State; !st.Running {
		t.Errorf("state %+v", st)
	}
}

// telling is a driver that tells the parts of its starts.
type telling struct{ execdriver.Driver }

func (d telling) Start(ctx context.Context, cmd *execdriver.Command, out execdriver.Output) (execdriver.State, error) {
	time.Sleep(2 * time.Millisecond)
	st, err := d.Driver.Start(ctx, cmd, out)
	st.Phases = []execdriver.Phase{{Name: "clone", Took: time.Millisecond}, {Name: "init", Took: time.Hour}}
	return st, err
}

// TestPhases_OfTheDriver: the launch is shown in the parts that the driver tells,
// which are never longer than it was.
func TestPhases_OfTheDriver(t *testing.T) {
	f := setup(t, func(o *Options) { o.Exec = telling{o.Exec} })
	f.create("web", "sleep 60")
	f.run("start", "web")
	records := f.eng.Recent(1)
	if len(records) != 1 || records[0].Name != "start" {
		t.Fatalf("the last job is %+v", records)
	}
	var names []string
	var sum time.Duration
	for _, p := range records[0].Phases {
		names = append(names, p.Name)
		sum += p.Duration
		if p.Name == "launch.clone" && p.Duration != time.Millisecond {
			t.Errorf("the clone took %v", p.Duration)
		}
	}
	want := []string{"reserve", "network", "prepare", "launch.clone", "launch.init", "launch.answer", "publish"}
	if !slices.Equal(names, want) || sum > records[0].Duration {
		t.Errorf("phases %v of %v, want %v; the job took %v", names, sum, want, records[0].Duration)
	}
	page := metrics.NewPage()
	f.Collect(page)
	var text strings.Builder
	if _, err := page.WriteTo(&text); err != nil || len(page.Faults()) > 0 {
		t.Fatal(err, page.Faults())
	}
	for _, line := range []string{
		`containers{state="running"} 1`, `container_start_phase_seconds_count{phase="launch"} 1`,
		`container_start_phase_seconds_count{phase="reserve"} 1`, `containers{state="dead"} 0`,
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("%q is not in\n%s", line, text.String())
		}
	}
}
