package native

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver"
)

// engineOf finds the exec engine of a driver.
func engineOf(t testing.TB, d *Driver) int {
	t.Helper()
	if pids := enginesOf(t, d); len(pids) > 0 {
		return pids[0]
	}
	t.Fatal("no exec engine runs")
	return 0
}

// enginesOf finds the exec engines of a driver by their argument.
func enginesOf(t testing.TB, d *Driver) (pids []int) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		line, _ := os.ReadFile(path)
		if string(line) == "dockerinit\x00engine\x00"+d.path("records")+"\x00" {
			var pid int
			fmt.Sscanf(path, "/proc/%d/", &pid)
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestCloseLeavesNoExecEngine closes drivers at all moments of their start, some
// of them beside others that keep the processors busy.
func TestCloseLeavesNoExecEngine(t *testing.T) {
	b := newBench(t)
	var all sync.WaitGroup
	for lane := range 4 {
		opt := b.opt
		opt.Root = b.dir + "/" + string(rune('a'+lane))
		all.Go(func() {
			for i := range 10 {
				d, err := New(opt)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Duration(i*i) * 300 * time.Microsecond)
				if err := d.Close(); err != nil {
					t.Error(err)
				}
				// The process is at its end when Close returns.
				end := time.Now().Add(5 * time.Second)
				for len(enginesOf(t, d)) > 0 && time.Now().Before(end) {
					time.Sleep(time.Millisecond)
				}
				if pids := enginesOf(t, d); len(pids) > 0 {
					t.Errorf("lane %d, round %d: exec engines %v are left", lane, i, pids)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestCloseKeepsAnExecEngine closes a driver whose exec engine was just killed
// under a container: somebody has to look after it.
func TestCloseKeepsAnExecEngine(t *testing.T) {
	b := newBench(t)
	d := b.open()
	cmd := b.command("sleep", "100")
	if _, err := d.Start(t.Context(), cmd, execdriver.Output{}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(engineOf(t, d), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	b.until("finding the exec engine", func() error {
		if len(enginesOf(t, d)) == 0 {
			return os.ErrNotExist
		}
		return nil
	})
	var ws unix.WaitStatus
	d = b.open()
	states, err := d.Restore(t.Context())
	if err != nil || len(states) != 1 || states[0].Exit != nil {
		t.Fatalf("restored %+v, %v", states, err)
	}
	if err := d.Signal(t.Context(), cmd.ID, int(unix.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	_, _ = unix.Wait4(states[0].Pid, &ws, 0, nil) // this test stands in for process 1
}

// TestLonelyExecEngineEnds takes the daemon away from an exec engine that has
// nothing to look after.
func TestLonelyExecEngineEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes the time that an exec engine waits for a daemon")
	}
	b := newBench(t)
	d := b.open()
	if _, err := d.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.stop()
	<-d.left
	begin := time.Now()
	for len(enginesOf(t, d)) > 0 {
		if time.Since(begin) > 20*time.Second {
			t.Fatal("it is still there")
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("it ended after %v", time.Since(begin))
}
