package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// reaperImage is what the suite's version of testcontainers-go starts beside the
// first container. It cannot be pulled where the tests run, nor can its module be
// had: clients/testcontainers/reaper stands in for it.
const reaperImage = "testcontainers/ryuk:0.14.0"

// TestTestcontainers runs the suite of clients/testcontainers, whose tests use this
// daemon by testcontainers-go. When it has ended its reaper removes what it left.
func TestTestcontainers(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	dir := t.TempDir()
	build := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir, cmd.Env = "clients/testcontainers", append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	build("build", "-ldflags", "-s -w", "-o", filepath.Join(dir, "reaper"), "./reaper")
	build("test", "-c", "-o", filepath.Join(dir, "suite"), ".")
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY reaper /bin/ryuk\nCMD [\"/bin/ryuk\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Must(t, "build", "-t", reaperImage, dir)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := d.Command(ctx, filepath.Join(dir, "suite"), "-test.v", "-test.timeout=50s")
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "RYUK_RECONNECTION_TIMEOUT=300ms", "GOMAXPROCS=4")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "\n--- PASS: ") != 8 || strings.Count(string(out), "\n--- SKIP: ") != 1 {
		t.Fatalf("the suite: %v\n%s", err, out)
	}
	if !daemonproc.Poll(20*time.Second, func() bool { return d.Must(t, "ps", "-aq") == "" }) {
		t.Errorf("left, and not removed:\n%s", d.Must(t, "ps", "-a"))
	}
}
