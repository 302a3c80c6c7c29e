package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// otherVersion is that of a binary which differs from ours in nothing else.
const otherVersion = "99.1.2-upgrade"

// otherBinary builds docker with another version, and the dockerinit inside too,
// as hack/make/build does. The tree is left alone.
func otherBinary(t *testing.T) string {
	t.Helper()
	const pkg = "github.com/enginejobs/docker"
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	build := func(cgo string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-trimpath", "-buildvcs=false"}, args...)...)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED="+cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	flags := "-s -w -X " + pkg + "/dockerversion.Version=" + otherVersion
	inside, binary := filepath.Join(dir, "dockerinit"), filepath.Join(dir, "docker")
	build("0", "-ldflags", flags, "-tags", "netgo osusergo", "-o", inside, "./dockerinit")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "dockerinit/embedded/dockerinit"): inside}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	build("1", "-overlay", list, "-ldflags", flags+" -linkmode external -extldflags -static",
		"-tags", "netgo osusergo sqlite_omit_load_extension static_build embed_dockerinit", "-o", binary, "./docker")
	return binary
}

// TestContainersOutliveAnUpgrade replaces the binary under running containers:
// first the daemon's, which finds the exec engine of the old one, then that of the
// exec engine.
func TestContainersOutliveAnUpgrade(t *testing.T) {
	daemonproc.Require(t)
	next := otherBinary(t)
	d := daemonproc.Start(t, daemonproc.Options{Args: []string{"--live-restore"}})
	old := d.Must(t, "version", "--format", "{{.Server.Version}}")
	pids, port := startCounters(t, d)
	d.Must(t, "run", "-d", "--name", "fresh", "busybox", "sleep", "1000")
	d.Must(t, "run", "-d", "--name", "failing", "busybox", "sh", "-c", "trap 'exit 43' TERM; sleep 1000 & wait")
	engine, err := d.ExecEngine()
	if err != nil {
		t.Fatal(err)
	}
	if code, err := d.Stop(); err != nil || code != 0 {
		t.Fatalf("stopping the old daemon: %d, %v", code, err)
	}
	d.Bin = next
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	if now := d.Must(t, "version", "--format", "{{.Server.Version}}"); now == old || !strings.HasPrefix(now, otherVersion) {
		t.Fatalf("the daemon is %s, it was %s", now, old)
	}
	if now, err := d.ExecEngine(); err != nil || now != engine {
		t.Errorf("the exec engine is %d, it was %d: %v", now, engine, err)
	}
	checkUpgraded(t, d, pids, port)
	if err := syscall.Kill(engine, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	checkUpgraded(t, d, pids, port)
	d.Must(t, "stop", "failing")
	if code := d.Must(t, "wait", "failing"); code != "43" {
		t.Errorf("failing ended with %s, want 43", code)
	}
}

// checkUpgraded demands that what runs is as it was and can be worked with.
func checkUpgraded(t *testing.T, d *daemonproc.Daemon, pids map[string]string, port string) {
	t.Helper()
	checkCounters(t, d, pids, port)
	if said := d.Must(t, "exec", "c0", "echo", "inside"); said != "inside" {
		t.Errorf("exec said %q", said)
	}
	if r := d.Docker("exec", "c1", "sh", "-c", "exit 7"); r.Code != 7 {
		t.Errorf("exec: %s", r)
	}
	if said := d.Must(t, "run", "--rm", "busybox", "echo", "new"); said != "new" {
		t.Errorf("run said %q", said)
	}
	d.Must(t, "restart", "-t", "0", "fresh")
}
