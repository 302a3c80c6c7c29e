package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
)

// transient makes a container as a build does.
func (f *fixture) transient(name, script string, keys ...string) {
	f.t.Helper()
	cfg, host := config(script)
	cfg.Volumes = map[string]struct{}{"/v": {}}
	job := env(f.eng.Job("create", name), append(keys, "transient", "1")...)
	if err := job.SetenvJson("Config", cfg); err != nil {
		f.t.Fatal(err)
	}
	if err := job.SetenvJson("HostConfig", host); err != nil {
		f.t.Fatal(err)
	}
	var out api.ContainerCreated
	if err := job.OutputJSON(&out); err != nil {
		f.t.Fatal(err)
	}
}

func TestTransient_GoesWithItsDaemon(t *testing.T) {
	f := setup(t)
	f.transient("made", "true")
	f.transient("runs", "sleep 60")
	f.transient("ended", "exit 3")
	f.transient("kept", "exit 4")
	f.run("start", "runs")
	for name, code := range map[string]int{"ended": 3, "kept": 4} {
		f.run("start", name)
		if got := f.wait(name, "not-running"); got != code {
			t.Errorf("%s ended with %d", name, got)
		}
	}
	if err := env(f.eng.Job("container_update", "kept"), "keep", "1").Run(); err != nil {
		t.Fatal(err)
	}
	f.crash()
	f.boot()
	eventually(t, "only the kept one", func() bool {
		return len(f.containers.all()) == 1
	})
	if st := f.inspect("kept").State; st.ExitCode != 4 || st.Running {
		t.Errorf("kept: %+v", st)
	}
	if err := env(f.eng.Job("rm", "kept"), "removeVolume", "1").Run(); err != nil {
		t.Error(err)
	}
	f.empty()
}

func TestTransient_IsNotPruned(t *testing.T) {
	f := setup(t)
	f.transient("one", "true")
	f.create("two", "true")
	f.run("containers_prune")
	if _, err := f.containers.find("one"); err != nil {
		t.Error(err)
	}
	if _, err := f.containers.find("two"); !errdefs.IsNotFound(err) {
		t.Errorf("two: %v", err)
	}
}

func TestHiddenEnv(t *testing.T) {
	f := setup(t)
	f.transient("one", "env", "hiddenEnv", `["TOKEN=geheim"]`)
	job := env(f.eng.Job("attach", "one"), "stream", "1", "stdout", "1")
	stands := job.Stdout.AddPipe()
	if err := env(job, "headers", "1").Start(); err != nil {
		t.Fatal(err)
	}
	text, attached := make(chan string, 1), make(chan struct{})
	go func() {
		var b strings.Builder
		buf := make([]byte, 1024)
		_, _ = stands.Read(buf) // of no bytes
		close(attached)
		for {
			n, err := stands.Read(buf)
			b.Write(buf[:n])
			if err != nil {
				break
			}
		}
		text <- b.String()
	}()
	<-attached
	f.run("start", "one")
	if err := job.Wait(); err != nil {
		t.Error(err)
	}
	_ = job.Stdout.Close()
	f.wait("one", "not-running")
	if out := <-text; !strings.Contains(out, "TOKEN=geheim") {
		t.Errorf("the workload sees %q", out)
	}
	if out := f.run("container_inspect", "one"); strings.Contains(out, "geheim") {
		t.Errorf("inspect shows it: %s", out)
	}
	_ = filepath.WalkDir(f.root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || strings.HasSuffix(path, ".log") {
			return nil // the log has what the workload wrote
		}
		if b, _ := os.ReadFile(path); strings.Contains(string(b), "geheim") {
			t.Errorf("%s has it", path)
		}
		return nil
	})
}
