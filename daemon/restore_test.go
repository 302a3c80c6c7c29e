package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestRestore_TakesOverWhatRuns(t *testing.T) {
	f := setup(t)
	f.create("live", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.PortBindings = runconfig.PortMap{"80/tcp": {{}}}
	})
	f.create("brief", "sleep 0.05; exit 9")
	f.create("idle", "true", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.Volumes = map[string]struct{}{"/v": {}} })
	f.run("start", "live")
	f.run("start", "brief")
	before := f.inspect("live")
	f.crash()
	eventually(t, "the end of brief", func() bool {
		states, _ := f.opt.Exec.Restore(t.Context())
		for _, s := range states {
			if s.Exit != nil {
				return true
			}
		}
		return false
	})
	f.net.used, f.net.ports = map[string]string{}, map[string]int{}
	f.boot()
	after := f.inspect("live")
	if !after.State.Running || after.State.Pid != before.State.Pid || after.NetworkSettings.IPAddress != before.NetworkSettings.IPAddress {
		t.Errorf("live: %+v %+v", after.State, after.NetworkSettings)
	}
	if f.net.used[after.Id] != before.NetworkSettings.IPAddress || f.net.ports[after.Id] != 1 {
		t.Errorf("address or ports were not taken over: %v %v", f.net.used, f.net.ports)
	}
	if last := f.net.allocates[len(f.net.allocates)-1]; last["Restore"] != "1" {
		t.Errorf("allocate_interface was asked for a sandbox: %v", last)
	}
	if st := f.inspect("brief").State; st.Running || st.ExitCode != 9 {
		t.Errorf("brief: %+v", st)
	}
	if st := f.inspect("idle").State; st.Status != "created" {
		t.Errorf("idle: %+v", st)
	}
	f.run("stop", "live")
	for _, name := range []string{"live", "brief", "idle"} {
		if err := env(f.eng.Job("rm", name), "removeVolume", "1").Run(); err != nil {
			t.Error(err)
		}
	}
	f.empty()
}

func TestRestore_LostContainers(t *testing.T) {
	f := setup(t)
	f.create("lost", "sleep 60")
	f.create("auto", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.AutoRemove = true })
	f.run("start", "lost")
	f.run("start", "auto")
	f.crash()
	f.world.KillAll()
	for _, id := range []string{f.containers.names["lost"], f.containers.names["auto"]} {
		f.opt.Exec.Remove(t.Context(), id) // the power cut takes the driver's records too
	}
	f.net.used, f.net.ports = map[string]string{}, map[string]int{}
	f.boot()
	if st := f.inspect("lost").State; st.Running || st.ExitCode != lostCode || st.FinishedAt.IsZero() {
		t.Errorf("state %+v", st)
	}
	if _, err := f.containers.find("auto"); !errdefs.IsNotFound(err) {
		t.Error("a container that removes itself is still there")
	}
	f.run("rm", "lost")
	f.empty()
}

func TestRestore_Leftovers(t *testing.T) {
	f := setup(t)
	keep := f.create("keep", "true")
	f.crash()
	root := filepath.Join(f.root, "containers")
	id := func(c string) string { return strings.Repeat(c, 64) }
	for _, dir := range []string{id("a") + making, id("b") + unmaking, id("c"), id("d")} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f.images.layers[id("a")], f.images.layers[id("b")], f.images.layers[id("c")] = true, true, true
	f.images.layers[id("e")] = true // a power cut took the directory alone
	f.names.names["ghost"] = id("a")
	if err := os.WriteFile(filepath.Join(root, id("c"), configFile), nil, 0o600); err != nil { // power cut
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, id("d"), configFile), []byte("{damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.boot()
	entries, _ := os.ReadDir(root)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name()[:4])
	}
	if len(left) != 2 || f.images.count() != 1 || f.names.count() != 1 {
		t.Errorf("left: %v, layers %v, names %v", left, f.images.layers, f.names.names)
	}
	if _, err := f.tryCreate("ghost", "true"); err != nil {
		t.Errorf("the name of half a container is still taken: %v", err)
	}
	if f.inspect("keep").Id != keep {
		t.Error("keep is lost")
	}
}

// A removal that had not begun to remove anything when the daemon was killed
// can be asked for again.
func TestRestore_RemovalThatHadNotBegun(t *testing.T) {
	f := setup(t)
	for _, name := range []string{"used", "fresh"} {
		id := f.create(name, "true")
		if name == "used" {
			f.run("start", id)
			f.wait(id, "not-running")
		}
		c := f.containers.byID(id)
		if _, err := c.settled(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.transition((*state).remove); err != nil {
			t.Fatal(err)
		}
		if err := f.saveState(c, true); err != nil {
			t.Fatal(err)
		}
	}
	f.crash()
	f.boot()
	if s := f.inspect("used").State; s.Status != "exited" {
		t.Errorf("used is %s", s.Status)
	}
	if s := f.inspect("fresh").State; s.Status != "created" {
		t.Errorf("fresh is %s", s.Status)
	}
	f.run("rm", "used")
	f.run("rm", "fresh")
	f.empty()
}

func TestRestore_NamesAreUnique(t *testing.T) {
	f := setup(t)
	a, b := f.create("same", "true"), f.create("other", "true")
	f.crash()
	path := filepath.Join(f.root, "containers", b, configFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), `"/other"`, `"/same"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	f.boot()
	if f.inspect("same").Id != a {
		t.Error("the older one lost its name")
	}
	if name := f.inspect(b).Name; name == "/same" || name == "" {
		t.Errorf("the younger one is called %q", name)
	}
}

func TestRestore_Policies(t *testing.T) {
	f := setup(t)
	policy := func(name string) docs {
		return func(_ *runconfig.Config, h *runconfig.HostConfig) { h.RestartPolicy.Name = name }
	}
	f.create("always", "sleep 60", policy("always"))
	f.create("unless", "sleep 60", policy("unless-stopped"))
	f.create("halted", "sleep 60", policy("unless-stopped"))
	f.create("never", "sleep 60")
	for _, name := range []string{"always", "unless", "halted", "never"} {
		f.run("start", name)
	}
	f.run("stop", "halted")
	if err := f.Close(t.Context()); err != nil { // a clean shutdown stops all
		t.Fatal(err)
	}
	if states, _ := f.opt.Exec.Restore(t.Context()); len(states) != 0 || !f.net.idle() {
		t.Fatalf("left after the shutdown: %v %v", states, f.net.used)
	}
	f.boot()
	for name, want := range map[string]bool{"always": true, "unless": true} {
		eventually(t, name, func() bool { return f.inspect(name).State.Running == want })
	}
	for _, name := range []string{"halted", "never"} {
		if f.inspect(name).State.Running {
			t.Errorf("%s was started", name)
		}
	}
}

func TestRestore_ReapsWhatBelongsToNobody(t *testing.T) {
	f := setup(t)
	id := f.create("orphan", "sleep 60")
	f.run("start", "orphan")
	f.crash()
	if err := os.RemoveAll(filepath.Join(f.root, "containers", id)); err != nil {
		t.Fatal(err)
	}
	f.boot()
	eventually(t, "the end of the orphan", func() bool {
		states, _ := f.opt.Exec.Restore(t.Context())
		return len(states) == 0
	})
}
