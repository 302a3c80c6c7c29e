package integration

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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
