package integration

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/runconfig"
)

// TestTransientContainersGoWithTheirDaemon kills a daemon that runs containers of
// builds: the next one ends and removes them, with their volumes and layers, and
// leaves all others alone.
func TestTransientContainersGoWithTheirDaemon(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	d.Must(t, "run", "-d", "--name", "stays", "busybox", "sleep", "1000")
	there, err := remote.Dial(t.Context(), d.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	const n = 4
	var pids []int
	for i := range n {
		job := there.Job("create", fmt.Sprintf("passing%d", i)).SetContext(t.Context())
		cfg := runconfig.Config{
			Image: "busybox", Cmd: runconfig.Strings{"sh", "-c", "trap '' TERM; sleep 1000 & wait; wait"},
			Volumes: map[string]struct{}{"/v": {}},
		}
		if err := job.SetenvJson("Config", &cfg); err != nil {
			t.Fatal(err)
		}
		job.SetenvBool("transient", true)
		job.Stdout.Add(io.Discard)
		if err := job.Run(); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // the others were never started
			d.Must(t, "start", fmt.Sprintf("passing%d", i))
			var pid int
			if _, err := fmt.Sscan(d.Must(t, "inspect", "-f", "{{.State.Pid}}", fmt.Sprintf("passing%d", i)), &pid); err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	if err := d.Kill9(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); err != nil {
			t.Errorf("process %d ended with the daemon: %v", pid, err)
		}
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	left := func() string { return d.Must(t, "ps", "-a", "--format", "{{.Names}}") }
	for deadline := time.Now().Add(5 * time.Second); left() != "stays"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("containers that are left: %q", left())
		}
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); err == nil {
			t.Errorf("process %d still runs", pid)
		}
	}
	if got := d.Must(t, "volume", "ls", "-q"); got != "" {
		t.Errorf("volumes that are left: %s", got)
	}
	dirs, err := filepath.Glob(filepath.Join(d.Root, "containers", "*"))
	if err != nil || len(dirs) != 1 {
		t.Errorf("directories that are left: %s %v", strings.Join(dirs, " "), err)
	}
	d.Must(t, "rm", "-f", "stays")
}

// TestDaemonKilledDuringABuild kills a daemon while a RUN has mounts of all types: the
// next one has no container, mount, secret or half an image of it, and the caches.
func TestDaemonKilledDuringABuild(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	var last string
	for round := range 3 {
		there, err := remote.Dial(t.Context(), d.Host)
		if err != nil {
			t.Fatal(err)
		}
		job := buildJob(t, there, "sleep 1000")
		if err := job.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(10 * time.Second); d.Must(t, "ps", "-q") == ""; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the command does not run")
			}
		}
		time.Sleep(time.Duration(round) * 100 * time.Millisecond)
		if err := d.Kill9(); err != nil {
			t.Fatal(err)
		}
		if err := job.Wait(); err == nil {
			t.Error("the build of a killed daemon ended well")
		}
		there.Close()
		if err := d.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Second); d.Must(t, "ps", "-aq") != ""; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("containers that are left: %s", d.Must(t, "ps", "-a"))
			}
		}
		nothingOfABuild(t, d)
		if got := d.Must(t, "images", "-q", "made"); got != "" {
			t.Errorf("the image was tagged: %s", got)
		}
	}
	there, err := remote.Dial(t.Context(), d.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	for range 2 { // the second time from the cache
		out, err := buildJob(t, there, "true").Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		id := d.Must(t, "inspect", "-f", "{{.Id}}", "made")
		if last != "" && id != last {
			t.Errorf("the second build made another image: %s, %s", last, id)
		}
		last = id
	}
	if got := d.Must(t, "run", "--rm", "made", "find", "/run/secrets", "/cache", "-mindepth", "1"); got != "" {
		t.Errorf("left in the image: %s", got)
	}
	nothingOfABuild(t, d)
}

// buildJob is a build whose command has mounts of all types.
func buildJob(t *testing.T, there *remote.Engine, command string) *engine.Job {
	t.Helper()
	file := "FROM busybox\nRUN mkdir -p /run/secrets /cache\n" +
		"RUN --mount=type=cache,target=/cache --mount=type=secret,id=s --mount=type=bind,from=busybox,source=/bin,target=/other,rw " +
		"--mount=type=tmpfs,target=/t  echo x >>/cache/times; touch /other/new; " + command + "\n"
	job := there.Job("build").SetContext(t.Context())
	job.SetenvList("t", []string{"made"})
	job.SetenvBool("rm", true)
	if err := job.SetenvJson("secrets", map[string][]byte{"s": []byte("geheim")}); err != nil {
		t.Fatal(err)
	}
	if err := job.Stdin.Add(strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	return job
}

// nothingOfABuild fails when a build has left mounts or scratch files.
func nothingOfABuild(t *testing.T, d *daemonproc.Daemon) {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(table) {
		if bytes.Contains(line, []byte(d.Root+"/builder")) {
			t.Errorf("mounted still: %s", line)
		}
	}
	for _, pattern := range []string{"builder/run/run/*", "builder/tmp/*", "run/builder/*/*"} {
		if left, _ := filepath.Glob(filepath.Join(d.Root, pattern)); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}

// TestDaemonStoppedDuringABuild: a build does not hold a stop up, whatever its command
// does about signals.
func TestDaemonStoppedDuringABuild(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	there, err := remote.Dial(t.Context(), d.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	job := buildJob(t, there, "trap '' TERM INT HUP; sleep 1000")
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); d.Must(t, "ps", "-q") == ""; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the command does not run")
		}
	}
	began := time.Now()
	if code, err := d.Stop(); err != nil || code != 0 {
		t.Errorf("stop: %d %v", code, err)
	}
	// The API gives what changes something four seconds to end by itself.
	if took := time.Since(began); took > 7*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if err := job.Wait(); err == nil {
		t.Error("the build of a stopped daemon ended well")
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	if got := d.Must(t, "ps", "-aq"); got != "" {
		t.Errorf("containers that are left: %s", got)
	}
	nothingOfABuild(t, d)
}
