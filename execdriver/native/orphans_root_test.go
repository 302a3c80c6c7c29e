package native

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// zombiesOf lists the dead children of a process.
func zombiesOf(t testing.TB, parent int) (list []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		b, _ := os.ReadFile(path)
		stat := string(b)
		if strings.HasPrefix(stat[strings.LastIndexByte(stat, ')')+1:], fmt.Sprintf(" Z %d ", parent)) {
			list = append(list, stat)
		}
	}
	return list
}

// leaver makes orphans in the host's pid namespace, ten a second.
func leaver(b *bench) *execdriver.Command {
	cmd := b.command("sh", "-c", "while :; do sh -c 'sleep 0.2 & sleep 0.1 &'; sleep 0.1; done")
	cmd.Namespaces.PID = "host"
	return cmd
}

// TestOrphansAreCollected leaves orphans to the exec engine while others start
// and end, whose exit codes must stay true.
func TestOrphansAreCollected(t *testing.T) {
	b := newBench(t)
	d := b.open()
	if _, err := d.Start(t.Context(), leaver(b), execdriver.Output{}); err != nil {
		t.Fatal(err)
	}
	engine := engineOf(t, d)
	for i := range 40 {
		cmd := b.command("sh", "-c", fmt.Sprintf("exit %d", i))
		if i%2 == 0 {
			cmd.Namespaces.PID = "host"
		}
		if _, exit, _ := b.run(d, cmd); exit.Code != i {
			t.Errorf("exit code %d instead of %d", exit.Code, i)
		}
		failing := b.command("nothing")
		failing.Namespaces.PID = "host"
		if _, err := d.Start(t.Context(), failing, execdriver.Output{}); !errdefs.IsNotFound(err) {
			t.Errorf("a missing program: %v", err)
		}
	}
	time.Sleep(500 * time.Millisecond)
	if z := zombiesOf(t, engine); len(z) > 5 { // those of this very moment
		t.Errorf("%d dead children of the exec engine: %q", len(z), z)
	}
}

// TestOrphansComeToTheDaemon kills the exec engine first. Children that somebody
// else in the process has started are not touched.
func TestOrphansComeToTheDaemon(t *testing.T) {
	b := newBench(t)
	d := b.open()
	if _, err := d.Start(t.Context(), leaver(b), execdriver.Output{}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(engineOf(t, d), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	patient := exec.Command("sh", "-c", "exit 4")
	apart := exec.Command("sh", "-c", "exit 5")
	apart.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	for _, c := range []*exec.Cmd{patient, apart} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	end := time.Now().Add(3 * orphanAge)
	most := 0
	for time.Now().Before(end) {
		most = max(most, len(zombiesOf(t, os.Getpid())))
		if out, err := exec.Command("sh", "-c", "exit 3").CombinedOutput(); err == nil || err.Error() != "exit status 3" {
			t.Fatalf("a child of our own: %v, %s", err, out)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if bound := 3 * 20 * int(orphanAge/time.Second); most == 0 || most > bound {
		t.Errorf("at most %d dead children at a time, want some, but not more than %d", most, bound)
	}
	for want, c := range map[string]*exec.Cmd{"exit status 4": patient, "exit status 5": apart} {
		if err := c.Wait(); err == nil || err.Error() != want {
			t.Errorf("a child that nobody waited for: %v, want %s", err, want)
		}
	}
}
