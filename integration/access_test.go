package integration

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// policy writes an access policy that denies uid 0 the jobs named and allows the
// rest.
func policy(t *testing.T, path, denied string) {
	t.Helper()
	text := `{"default": "allow", "rules": [{"name": "no ` + denied + `", "clients": ["uid:0"], "jobs": ["` + denied + `"], "allow": false}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAccessPolicy: the same rule holds for a command, for the official client
// and for the job by its name; a file that is right is taken over on SIGHUP, one
// that is wrong is not.
func TestAccessPolicy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.json")
	policy(t, file, "rm")
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Args: []string{"--access-policy", file}})
	d.Must(t, "run", "--name", "one", "busybox", "true")
	refused := func(r daemonproc.Result) {
		t.Helper()
		if r.Code != 1 || !strings.Contains(r.Stderr, "uid:0") || !strings.Contains(r.Stderr, "rm") || strings.Contains(r.Stdout, "one") {
			t.Errorf("want it refused: %s", r)
		}
	}
	refused(d.Docker("rm", "one"))
	refused(d.Docker("job", "run", "rm", "one"))
	refused(d.Official(t, "rm", "one"))
	if out := d.Must(t, "ps", "-a", "-q"); out == "" {
		t.Error("the container is gone")
	}

	if err := os.WriteFile(file, []byte(`{"rules": [{"alow": true}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	hangup := func() {
		t.Helper()
		if err := syscall.Kill(d.Pid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangup()
	if !daemonproc.Poll(5*time.Second, func() bool { return strings.Contains(d.Log(1<<20), "unknown key alow") }) {
		t.Fatalf("the log does not name the wrong key:\n%s", d.Log(4000))
	}
	refused(d.Docker("rm", "one"))

	policy(t, file, "tag")
	hangup()
	if !daemonproc.Poll(5*time.Second, func() bool { return d.Docker("rm", "one").Code == 0 }) {
		t.Error("the new rules do not hold")
	}
	if r := d.Docker("job", "run", "tag", "busybox", "other"); r.Code != 1 || !strings.Contains(r.Stderr, "tag") {
		t.Errorf("want it refused: %s", r)
	}
}

// TestJobLimits: runs wait for their turn, and the bus can be seen meanwhile.
func TestJobLimits(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Args: []string{"--max-write-jobs", "1", "--max-read-jobs", "2"}})
	results := make(chan daemonproc.Result, 4)
	for range cap(results) {
		go func() { results <- d.Docker("run", "--rm", "busybox", "sh", "-c", "sleep 0.2; echo done") }()
	}
	for range 5 {
		d.Must(t, "job", "ls")
	}
	for range cap(results) {
		if r := <-results; r.Code != 0 || r.Out() != "done" {
			t.Error(r)
		}
	}
}
