package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
)

func TestInfo(t *testing.T) {
	f := setup(t, func(o *Options) { o.ProcDir, o.Labels = t.TempDir(), []string{"a=b"} })
	f.create("idle", "true")
	f.create("run", "sleep 60")
	f.run("start", "run")
	var info api.SystemInfo
	if err := f.eng.Job("info").OutputJSON(&info); err != nil {
		t.Fatal(err)
	}
	if info.Containers != 2 || info.ContainersRunning != 1 || info.ContainersStopped != 1 || info.Images != 1 {
		t.Errorf("counts: %+v", info)
	}
	if info.Driver != "fake" || info.ServerVersion != "test" || info.NCPU == 0 || info.MemTotal == 0 ||
		info.KernelVersion == "" || info.ID != f.eng.ID() || info.Labels[0] != "a=b" || info.RegistryConfig == nil {
		t.Errorf("%+v", info)
	}
	if text := strings.Join(info.Warnings, "\n"); !strings.Contains(text, "sysctl -w net.ipv4.ip_forward=1") {
		t.Errorf("a warning does not say what to do: %q", text)
	}
}

// Both ways to count open files agree, give or take what the counting opens.
func TestCountFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/proc/self", filepath.Join(dir, "self")); err != nil {
		t.Fatal(err)
	}
	if quick, slow := countFiles("/proc"), countFiles(dir); quick <= 0 || slow < quick || slow > quick+1 {
		t.Errorf("%d and %d open files", quick, slow)
	}
	if n := countFiles(filepath.Join(dir, "nowhere")); n != -1 {
		t.Errorf("%d open files in no directory", n)
	}
}

// BenchmarkInfo is the whole job, with its JSON.
func BenchmarkInfo(b *testing.B) {
	f := setup(b, func(o *Options) { o.ProcDir = "/proc" })
	b.ReportAllocs()
	for b.Loop() {
		f.run("info")
	}
}
