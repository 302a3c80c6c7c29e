package daemon

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/runconfig"
)

func TestStart_RunsWaitsRemoves(t *testing.T) {
	f := setup(t)
	f.create("job", "exit 3", func(c *runconfig.Config, h *runconfig.HostConfig) {
		c.ExposedPorts = map[runconfig.Port]struct{}{"80/tcp": {}}
		h.PortBindings = runconfig.PortMap{"81/tcp": {{HostPort: "8081"}}}
	})
	f.run("start", "job")
	if code := f.wait("job", "not-running"); code != 3 {
		t.Fatalf("exit code %d", code)
	}
	f.run("rm", "job")
	f.empty()
	if ev := f.events.take(); ev != "create connect start die=3 disconnect destroy" {
		t.Errorf("events %q", ev)
	}
}

func TestStart_NetworkIsShownWhileRunning(t *testing.T) {
	f := setup(t)
	f.create("web", "sleep 60", func(c *runconfig.Config, h *runconfig.HostConfig) {
		c.ExposedPorts = map[runconfig.Port]struct{}{"80/tcp": {}, "53/udp": {}}
		h.PublishAllPorts = false
		h.PortBindings = runconfig.PortMap{"80/tcp": {{HostPort: "8080"}}}
	})
	f.run("start", "web")
	got := f.inspect("web")
	if got.NetworkSettings.IPAddress == "" || got.NetworkSettings.Networks["bridge"].IPAddress == "" || got.State.Pid == 0 {
		t.Fatalf("%+v", got.NetworkSettings)
	}
	if b := got.NetworkSettings.Ports["80/tcp"]; len(b) != 1 || b[0].HostPort != "8080" {
		t.Errorf("ports %+v", got.NetworkSettings.Ports)
	}
	if b, there := got.NetworkSettings.Ports["53/udp"]; !there || b != nil {
		t.Errorf("an exposed port is not shown: %+v", got.NetworkSettings.Ports)
	}
	f.run("kill", "web")
	if got := f.inspect("web"); got.NetworkSettings.IPAddress != "" || got.State.ExitCode != 137 {
		t.Errorf("after the end: %+v %+v", got.NetworkSettings, got.State)
	}
	f.run("rm", "web")
	f.empty()
}

func TestStart_FailureCleansUpAndIsRecorded(t *testing.T) {
	f := setup(t)
	f.create("bad", "x", func(c *runconfig.Config, h *runconfig.HostConfig) {
		c.Cmd = runconfig.Strings{"nonesuch"}
		h.PortBindings = runconfig.PortMap{"80/tcp": {{}}}
	})
	err := f.fails(errdefs.KindNotFound, f.eng.Job("start", "bad"))
	if !strings.HasPrefix(err.Error(), "Cannot start container bad: ") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("text: %v", err)
	}
	st := f.inspect("bad").State
	if st.ExitCode != 127 || st.Error != err.Error() || st.Status != "created" {
		t.Errorf("state %+v", st)
	}
	if !f.net.idle() {
		t.Error("the network was not released")
	}
	f.create("port", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.PortBindings = runconfig.PortMap{"80/tcp": {{HostPort: "9999"}}}
	})
	err = f.fails(errdefs.KindConflict, f.eng.Job("start", "port"))
	if !strings.Contains(err.Error(), "port is already allocated") || f.inspect("port").State.ExitCode != 128 {
		t.Errorf("%v, %+v", err, f.inspect("port").State)
	}
	f.run("rm", "bad")
	f.run("rm", "port")
	f.empty()
}

func TestStart_FailingAutoRemoveLeavesNothing(t *testing.T) {
	f := setup(t)
	f.create("gone", "x", func(c *runconfig.Config, h *runconfig.HostConfig) {
		c.Cmd, h.AutoRemove = runconfig.Strings{"nonesuch"}, true
	})
	f.fails(errdefs.KindNotFound, f.eng.Job("start", "gone"))
	f.empty()
}

func TestStart_TwoAtOnceAndRmDuringIt(t *testing.T) {
	f := setup(t, func(o *Options) {
		o.Exec = o.Exec.(*fake.Driver)
	})
	slow := make(chan struct{})
	f.opt.Exec = f.world.Driver(fake.Options{FailStart: func(*execdriver.Command) error { <-slow; return nil }})
	f.opt.Exec.OnExit(f.exited)
	id := f.create("one", "sleep 60")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var kinds []string
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			err := f.eng.Job("start", "one").Run()
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				kinds = append(kinds, "ok")
			} else {
				kinds = append(kinds, errdefs.KindOf(err).String())
			}
		}()
	}
	eventually(t, "the start", func() bool { return f.containers.byID(id).now().state.Phase == starting })
	f.fails(errdefs.KindConflict, f.eng.Job("rm", "one"))
	close(slow)
	wg.Wait()
	slices.Sort(kinds)
	if strings.Join(kinds, " ") != "not_modified ok" {
		t.Errorf("two starts gave %v", kinds)
	}
	if err := env(f.eng.Job("rm", "one"), "forceRemove", "1").Run(); err != nil {
		t.Fatal(err)
	}
	f.empty()
}

func TestStart_Kinds(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("start", "nobody"))
	f.create("run", "sleep 60")
	f.run("start", "run")
	f.fails(errdefs.KindNotModified, f.eng.Job("start", "run"))
	f.create("joiner", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.NetworkMode = "container:nobody" })
	f.fails(errdefs.KindNotFound, f.eng.Job("start", "joiner"))
}

func TestStart_JoinsNamespacesAndLinks(t *testing.T) {
	f := setup(t)
	var cmds []*execdriver.Command
	f.opt.Exec = f.world.Driver(fake.Options{FailStart: func(c *execdriver.Command) error { cmds = append(cmds, c); return nil }})
	f.opt.Exec.OnExit(f.exited)
	f.create("db", "sleep 60", func(c *runconfig.Config, _ *runconfig.HostConfig) {
		c.ExposedPorts = map[runconfig.Port]struct{}{"5432/tcp": {}}
		c.Env = []string{"PW=secret"}
	})
	f.create("web", "sleep 60", func(c *runconfig.Config, h *runconfig.HostConfig) {
		h.Links = []string{"db:data-base"}
		c.Env = []string{"FROM", "PATH=/bin"}
	})
	err := f.fails(errdefs.KindConflict, f.eng.Job("start", "web"))
	if !strings.Contains(err.Error(), "Cannot link to a non running container: /db AS /web/data-base") {
		t.Error(err)
	}
	f.run("start", "db")
	f.run("start", "web")
	env := strings.Join(cmds[1].Process.Env, "\n")
	for _, want := range []string{
		"PATH=/bin\nHOSTNAME=", "DATA_BASE_PORT=tcp://172.17.0.2:5432", "DATA_BASE_PORT_5432_TCP_ADDR=172.17.0.2",
		"DATA_BASE_NAME=/web/data-base", "DATA_BASE_ENV_PW=secret",
	} {
		if !strings.Contains(env, want) {
			t.Errorf("environment lacks %q:\n%s", want, env)
		}
	}
	if got := f.inspect("web/data-base"); got.Name != "/db" {
		t.Errorf("web/data-base is %s", got.Name)
	}
	if got := f.inspect("web").HostConfig.Links; len(got) != 1 || got[0] != "/db:/web/data-base" {
		t.Errorf("links %v", got)
	}
	f.create("side", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.NetworkMode, h.PidMode, h.IpcMode = "container:db", "container:db", "host"
	})
	f.run("start", "side")
	ns := cmds[2].Namespaces
	if !strings.HasSuffix(ns.Net, "/ns/net") || !strings.HasSuffix(ns.PID, "/ns/pid") || ns.IPC != "host" {
		t.Errorf("namespaces %+v", ns)
	}
	for _, name := range []string{"side", "web", "db"} {
		f.run("kill", name)
		f.run("rm", name)
	}
	f.empty()
}

// TestStart_LinksFollow starts a container again that another one links to: the
// way is open to its new address, and closed to the old one.
func TestStart_LinksFollow(t *testing.T) {
	f := setup(t)
	f.create("db", "sleep 60")
	f.create("web", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.Links = []string{"db:store"} })
	f.run("start", "db")
	f.run("start", "web")
	f.run("kill", "db")
	f.wait("db", "")
	f.run("start", "db")
	web, db := f.inspect("web"), f.inspect("db").NetworkSettings.IPAddress
	f.net.mu.Lock()
	if len(f.net.links) != 1 || f.net.links[web.NetworkSettings.IPAddress+">"+db] != 1 {
		t.Errorf("links to %s: %v", db, f.net.links)
	}
	f.net.mu.Unlock()
	if hosts, err := os.ReadFile(web.HostsPath); err != nil || !strings.Contains(string(hosts), db+"\tstore\n") {
		t.Errorf("%s %v", hosts, err)
	}
	for _, name := range []string{"web", "db"} {
		f.run("kill", name)
		f.run("rm", name)
	}
	f.empty()
}

func TestStart_ReplacesHostConfig(t *testing.T) {
	f := setup(t)
	f.create("old", "sleep 60")
	if err := env(f.eng.Job("start", "old"), "HostConfig", `{"Privileged":true}`).Run(); err != nil {
		t.Fatal(err)
	}
	if !f.inspect("old").HostConfig.Privileged {
		t.Error("the HostConfig of start was ignored")
	}
	f.run("kill", "old")
	eventually(t, "the end", func() bool { return f.net.idle() })
}

// Limits that a client of then gave at create stay, unless the start gives others.
func TestStart_KeepsMembers(t *testing.T) {
	f := setup(t)
	f.create("old", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.Memory, h.CpuShares, h.Dns, h.ReadonlyRootfs = 64<<20, 7, []string{"10.0.0.1"}, true
	})
	job := env(f.eng.Job("start", "old"), "HostConfig", `{"CpuShares":9}`)
	job.SetenvList("keep", []string{"Memory", "MemorySwap", "CpuShares", "CpusetCpus", "Dns", "VolumesFrom", "Privileged", "nonsense"})
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	if h := f.inspect("old").HostConfig; h.Memory != 64<<20 || h.CpuShares != 9 || len(h.Dns) != 1 || h.ReadonlyRootfs || h.Privileged {
		t.Errorf("%+v", h)
	}
	f.run("kill", "old")
	eventually(t, "the end", func() bool { return f.net.idle() })
}

func TestRestartPolicy(t *testing.T) {
	f := setup(t)
	f.create("twice", "exit 7", func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.RestartPolicy = runconfig.RestartPolicy{Name: "on-failure", MaximumRetryCount: 1}
	})
	f.run("start", "twice")
	if code := f.wait("twice", "not-running"); code != 7 {
		t.Fatalf("code %d", code)
	}
	eventually(t, "the rest", func() bool { return f.net.idle() })
	if n := f.inspect("twice").RestartCount; n != 1 {
		t.Errorf("restarted %d times", n)
	}
	if ev := f.events.take(); ev != "create connect start die=7 start die=7 disconnect" {
		t.Errorf("events %q", ev)
	}
	f.create("always", "exit 0", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.RestartPolicy.Name = "always" })
	f.run("start", "always")
	eventually(t, "the wait for a restart", func() bool { return f.inspect("always").State.Restarting })
	f.run("stop", "always")
	if st := f.inspect("always").State; st.Restarting || st.Running || !f.net.idle() {
		t.Errorf("after stop: %+v", st)
	}
	f.run("rm", "always")
	f.run("rm", "twice")
	f.empty()
}

func TestAutoRemove(t *testing.T) {
	f := setup(t)
	f.create("brief", "exit 5", func(c *runconfig.Config, h *runconfig.HostConfig) {
		h.AutoRemove = true
		c.Volumes = map[string]struct{}{"/data": {}}
	})
	code := make(chan int)
	go func() { code <- f.wait("brief", "removed") }()
	time.Sleep(5 * time.Millisecond)
	f.run("start", "brief")
	if got := <-code; got != 5 {
		t.Errorf("code %d", got)
	}
	f.empty()
}

func TestDelayGrowsToAMinute(t *testing.T) {
	s := &state{}
	run := func(length time.Duration) time.Duration {
		t.Helper()
		s.Phase, s.StartedAt = running, time.Unix(1000, 0)
		if err := s.ended(1, false, s.StartedAt.Add(length), true); err != nil {
			t.Fatal(err)
		}
		return s.delay()
	}
	for i, want := range []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond} {
		if got := run(time.Second); got != want {
			t.Errorf("delay %d is %v", i, got)
		}
	}
	for range 1000 {
		run(time.Second)
	}
	if got := run(time.Second); got != time.Minute {
		t.Errorf("longest delay %v", got)
	}
	if got := run(11 * time.Second); got != firstDelay {
		t.Errorf("after a steady run %v", got)
	}
	s.RestartCount = 1000
	if got := run(time.Second); got != 200*time.Millisecond {
		t.Errorf("after the first short run since a steady one: %v", got)
	}
}
