package daemon

import (
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestHealth_After(t *testing.T) {
	check := &runconfig.Healthcheck{Retries: 2, StartPeriod: time.Minute, Interval: time.Hour, StartInterval: time.Second}
	for _, c := range []struct {
		name  string
		codes []int // one each ten seconds
		want  string
		fails int
	}{
		{"nothing yet", nil, healthStarting, 0},
		{"good at once", []int{0}, healthGood, 0},
		{"failures of the first minute do not count", []int{1, 1, 1, 1, 1, 1}, healthStarting, 0},
		{"one failure after it", []int{1, 1, 1, 1, 1, 1, 1}, healthStarting, 1},
		{"two failures after it", []int{1, 1, 1, 1, 1, 1, 1, 1}, healthBad, 2},
		{"once it was good they count", []int{0, 1, -1}, healthBad, 2},
		{"it recovers", []int{0, 1, 1, 0}, healthGood, 0},
	} {
		h := &health{status: healthStarting}
		for i, code := range c.codes {
			h = h.after(check, api.HealthcheckResult{ExitCode: code}, time.Duration(i)*10*time.Second)
		}
		if h.status != c.want || h.streak != c.fails || len(h.log) != min(len(c.codes), keptResults) {
			t.Errorf("%s: %s, %d failures, %d results", c.name, h.status, h.streak, len(h.log))
		}
	}
	for _, c := range []struct {
		status string
		since  time.Duration
		want   time.Duration
	}{
		{healthStarting, 0, time.Second}, {healthGood, 0, time.Hour}, {healthStarting, time.Minute, time.Hour},
	} {
		if got := (&health{status: c.status}).wait(check, c.since); got != c.want {
			t.Errorf("%s after %v waits %v", c.status, c.since, got)
		}
	}
	if got := (&health{status: healthStarting}).wait(&runconfig.Healthcheck{}, 0); got != defaultCheckInterval {
		t.Errorf("the default interval is %v", got)
	}
}

func withCheck(test ...string) func(*runconfig.Config, *runconfig.HostConfig) {
	return func(c *runconfig.Config, _ *runconfig.HostConfig) {
		c.Healthcheck = &runconfig.Healthcheck{
			Test: test, Interval: 5 * time.Millisecond, Timeout: 200 * time.Millisecond, Retries: 2,
		}
	}
}

func TestHealth(t *testing.T) {
	f := setup(t)
	f.create("good", "sleep 100", withCheck("CMD-SHELL", "echo fine"))
	f.create("bad", "sleep 100", withCheck("CMD", "sh", "-c", "echo ill; exit 4"))
	f.create("slow", "sleep 100", withCheck("CMD", "sleep", "100"))
	f.create("none", "sleep 100")
	f.create("off", "sleep 100", withCheck("NONE"))
	for _, name := range []string{"good", "bad", "slow", "none", "off"} {
		f.run("start", name)
	}
	status := func(name, want string) {
		t.Helper()
		eventually(t, name+" "+want, func() bool { h := f.inspect(name).State.Health; return h != nil && h.Status == want })
	}
	status("good", healthGood)
	status("bad", healthBad)
	status("slow", healthBad)
	if h := f.inspect("none").State.Health; h != nil {
		t.Errorf("a container without checks: %+v", h)
	}
	if h := f.inspect("off").State.Health; h != nil {
		t.Errorf("a container whose check is NONE: %+v", h)
	}
	if r := f.inspect("bad").State.Health.Log[0]; r.ExitCode != 4 || r.Output != "ill\n" || r.End.Before(r.Start) {
		t.Errorf("the first check of bad: %+v", r)
	}
	if r := f.inspect("slow").State.Health.Log[0]; r.ExitCode != -1 || !strings.HasPrefix(r.Output, "Health check exceeded timeout (200ms)") {
		t.Errorf("the first check of slow: %+v", r)
	}
	for _, c := range []struct{ filter, want string }{{healthGood, "good"}, {healthBad, "bad"}, {healthNone, "none"}} {
		var rows []api.ContainerSummary
		if err := env(f.eng.Job("containers"), "filters", `{"health":["`+c.filter+`"]}`).OutputJSON(&rows); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, r := range rows {
			found = found || r.Names[0] == "/"+c.want
		}
		if !found {
			t.Errorf("the filter %s does not find %s: %+v", c.filter, c.want, rows)
		}
	}
	if text := f.events.take(); !strings.Contains(text, "health_status: healthy") || !strings.Contains(text, "health_status: unhealthy") {
		t.Errorf("events: %s", text)
	}

	// A paused container is not asked, a new run begins anew.
	f.run("pause", "good")
	time.Sleep(20 * time.Millisecond) // a check that was under way
	before := f.inspect("good").State.Health
	time.Sleep(50 * time.Millisecond)
	if after := f.inspect("good").State.Health; len(after.Log) > 0 && !after.Log[len(after.Log)-1].Start.Equal(before.Log[len(before.Log)-1].Start) {
		t.Errorf("asked while paused: %+v, %+v", before, after)
	}
	f.run("unpause", "good")
	env(f.eng.Job("restart", "bad"), "t", "0")
	if err := env(f.eng.Job("restart", "bad"), "t", "0").Run(); err != nil {
		t.Fatal(err)
	}
	status("bad", healthBad)

	// The next daemon goes on asking.
	f.crash()
	f.boot()
	status("good", healthGood)
}

func TestHealth_Refused(t *testing.T) {
	f := setup(t)
	for _, c := range []struct {
		check runconfig.Healthcheck
		text  string
	}{
		{runconfig.Healthcheck{Interval: 1}, "Interval in Healthcheck cannot be less than 1ms"},
		{runconfig.Healthcheck{Timeout: -1}, "Timeout in Healthcheck cannot be less than 1ms"},
		{runconfig.Healthcheck{Retries: -1}, "Retries in Healthcheck cannot be negative"},
		{runconfig.Healthcheck{Test: []string{"HTTP", "x"}}, "NONE, CMD or CMD-SHELL"},
	} {
		_, err := f.tryCreate("x1", "true", func(cfg *runconfig.Config, _ *runconfig.HostConfig) { cfg.Healthcheck = &c.check })
		if errdefs.KindOf(err) != errdefs.KindInvalidArgument || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want %q", c.check, err, c.text)
		}
	}
}

// timed is the clock of a container's health checks.
type timed struct {
	*enginetest.Clock
	f *fixture
	m *monitor
}

func (f *fixture) timed(clock *enginetest.Clock, name string) timed {
	c, err := f.containers.find(name)
	if err != nil {
		f.t.Fatal(err)
	}
	return timed{clock, f, c.monitor.Load()}
}

func (c timed) timer() engine.Timer {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	return c.m.timer
}

// pass lets time pass until a check, and waits until the next one is due.
func (c timed) pass(d time.Duration) {
	c.f.t.Helper()
	before := c.timer()
	c.Advance(d)
	eventually(c.f.t, "the next time", func() bool { return c.timer() != before })
}

// TestHealth_ByTheClock: checks come at their times, whatever they do.
func TestHealth_ByTheClock(t *testing.T) {
	f := setup(t)
	clock := enginetest.NewClock()
	f.eng.SetClock(clock)
	f.create("web", "sleep 1000", func(c *runconfig.Config, _ *runconfig.HostConfig) {
		c.Healthcheck = &runconfig.Healthcheck{Test: []string{"CMD", "sh", "-c", "echo up"}, Interval: time.Minute, Retries: 1}
	})
	f.create("slow", "sleep 1000", func(c *runconfig.Config, _ *runconfig.HostConfig) {
		c.Healthcheck = &runconfig.Healthcheck{Test: []string{"CMD", "sh", "-c", "echo soon; sleep 1000"}, Timeout: 5 * time.Second, Retries: 1}
	})
	health := func(name string) *api.Health { return f.inspect(name).State.Health }
	f.run("start", "web")
	web := f.timed(clock, "web")
	clock.Advance(time.Minute - time.Nanosecond)
	if h := health("web"); h.Status != healthStarting || len(h.Log) != 0 {
		t.Errorf("checked too early: %+v", h)
	}
	web.pass(time.Nanosecond)
	if h := health("web"); h.Status != healthGood || len(h.Log) != 1 {
		t.Fatalf("after the first check: %+v", h)
	}
	if r := health("web").Log[0]; r.ExitCode != 0 || r.Output != "up\n" || !r.Start.Equal(clock.Now()) {
		t.Errorf("the first check: %+v", r)
	}
	if ids := f.inspect("web").ExecIDs; len(ids) != 0 {
		t.Errorf("left of the check: %v", ids)
	}

	// Paused, it is not asked; afterwards at the next time.
	f.run("pause", "web")
	web.pass(time.Minute)
	if h := health("web"); len(h.Log) != 1 {
		t.Errorf("checked while paused: %+v", h)
	}
	f.run("unpause", "web")
	web.pass(time.Minute)
	if h := health("web"); len(h.Log) != 2 {
		t.Errorf("not checked after the pause: %+v", h)
	}

	// Its end is the end of the checks.
	f.run("kill", "web")
	f.wait("web", "not-running")
	if h := health("web"); h.Status != healthBad || len(h.Log) != 2 {
		t.Errorf("after its end: %+v", h)
	}
	eventually(t, "the end of the checks", func() bool {
		web.m.mu.Lock()
		defer web.m.mu.Unlock()
		return web.m.over && !web.m.timer.Stop()
	})

	// A check that takes too long is killed.
	f.run("start", "slow")
	clock.Advance(defaultCheckInterval)
	eventually(t, "the check", func() bool { return len(f.inspect("slow").ExecIDs) == 1 })
	id := f.inspect("slow").ExecIDs[0]
	eventually(t, "its process", func() bool { return f.execInspect(id).Running })
	clock.Advance(5 * time.Second)
	eventually(t, "the end of its time", func() bool { return health("slow").Status == healthBad })
	if r := health("slow").Log[0]; r.ExitCode != -1 || !strings.HasPrefix(r.Output, "Health check exceeded timeout (5s)") {
		t.Errorf("after its time: %+v", r)
	}
	eventually(t, "its end", func() bool { return len(f.inspect("slow").ExecIDs) == 0 })
	f.run("kill", "slow")
}

// TestHealth_Stuck: while a killed check does not end there is no other one, and
// everything else about the container goes on.
func TestHealth_Stuck(t *testing.T) {
	f := setup(t)
	clock := enginetest.NewClock()
	f.eng.SetClock(clock)
	f.create("box", "sleep 1000", func(c *runconfig.Config, _ *runconfig.HostConfig) {
		c.Healthcheck = &runconfig.Healthcheck{Test: []string{"CMD", "true"}, Retries: 2}
	})
	f.run("start", "box")
	box := f.timed(clock, "box")
	held := &execution{id: "held", done: make(chan struct{})}
	box.m.stuck = held
	for want := 1; want <= 2; want++ {
		box.pass(defaultCheckInterval)
		if n := f.inspect("box").State.Health.FailingStreak; n != want {
			t.Errorf("%d failures, want %d", n, want)
		}
	}
	if h := f.inspect("box").State.Health; h.Status != healthBad || !strings.Contains(h.Log[1].Output, "was killed and has not ended") {
		t.Errorf("%+v", h)
	}
	close(held.done)
	box.pass(defaultCheckInterval)
	if h := f.inspect("box").State.Health; h.Status != healthGood {
		t.Errorf("after its end: %+v", h)
	}
	f.run("kill", "box")
}

// TestHealth_Restored: the next daemon knows what the last one found.
func TestHealth_Restored(t *testing.T) {
	f := setup(t)
	f.create("box", "sleep 1000", func(c *runconfig.Config, _ *runconfig.HostConfig) {
		c.Healthcheck = &runconfig.Healthcheck{Test: []string{"CMD", "true"}, Interval: time.Hour, StartInterval: time.Millisecond, StartPeriod: time.Minute}
	})
	f.run("start", "box")
	eventually(t, "its health", func() bool { return f.inspect("box").State.Health.Status == healthGood })
	eventually(t, "its record", func() bool {
		s, err := load(f.containers.all()[0].dir)
		return err == nil && s.health.word() == healthGood
	})
	f.crash()
	f.boot()
	if h := f.inspect("box").State.Health; h == nil || h.Status != healthGood {
		t.Errorf("after the restart: %+v", h)
	}
	if text := f.run("containers"); !strings.Contains(text, "(healthy)") {
		t.Errorf("the list: %s", text)
	}
	f.run("kill", "box")
}

func TestHealth_OutputIsBounded(t *testing.T) {
	o := &firstBytes{left: 4}
	for _, part := range []string{"ab", "cd", "ef"} {
		if n, err := o.Write([]byte(part)); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if got := o.String(); got != "abcd..." {
		t.Errorf("kept %q", got)
	}
}

// Rows say how a check ended when they are asked to, and are JSON with and without.
func TestContainers_Health(t *testing.T) {
	f := setup(t)
	f.create("plain", "exit 0")
	s := &snapshot{health: &health{status: "unhealthy", streak: 3}}
	for _, tc := range []struct {
		s    *snapshot
		want string
	}{
		{&snapshot{}, `{"Id":"x","Health":{"Status":"none","FailingStreak":0}}`},
		{s, `{"Id":"x","Health":{"Status":"unhealthy","FailingStreak":3}}`},
	} {
		if got := string(appendHealth([]byte(`{"Id":"x"}`), tc.s)); got != tc.want {
			t.Errorf("%s, want %s", got, tc.want)
		}
	}
	for on, want := range map[string]string{"0": "", "1": "none"} {
		var rows []struct{ Health struct{ Status string } }
		if err := env(f.eng.Job("containers"), "all", "1", "health", on).OutputJSON(&rows); err != nil {
			t.Fatal(err)
		}
		if len(rows) != 1 || rows[0].Health.Status != want {
			t.Errorf("health=%s: %+v", on, rows)
		}
	}
}
