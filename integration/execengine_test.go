package integration

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestExecEngineDiesUnderJobs kills the exec engine in the middle of ten starts.
// It is stopped first, so that all ten are on their way to it.
func TestExecEngineDiesUnderJobs(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	pids, port := startCounters(t, d)
	for i := range 10 {
		d.Must(t, "create", "--name", fmt.Sprintf("s%d", i), "busybox", "sleep", "1000")
	}
	there, err := remote.Dial(t.Context(), d.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	engine, err := d.ExecEngine()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(engine, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	type end struct {
		err error
		at  time.Time
	}
	ends := make(chan end, 10)
	for i := range 10 {
		go func() {
			err := there.Job("start", fmt.Sprintf("s%d", i)).SetContext(t.Context()).Run()
			ends <- end{err, time.Now()}
		}()
	}
	time.Sleep(500 * time.Millisecond)
	if n := len(ends); n > 0 {
		t.Errorf("%d starts have ended without an exec engine: %v", n, (<-ends).err)
	}
	killed := time.Now()
	if err := syscall.Kill(engine, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		select {
		case e := <-ends:
			if d := e.at.Sub(killed); !errdefs.Is(e.err, errdefs.KindUnavailable) || d > 100*time.Millisecond {
				t.Errorf("after %v: %v", d, e.err)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("a start hangs")
		}
	}
	if got := d.Must(t, "run", "--rm", "busybox", "echo", "healthy"); got != "healthy" {
		t.Errorf("run: %q", got)
	}
	t.Logf("the next run had ended %v after the kill", time.Since(killed))
	for i := range 10 {
		name := fmt.Sprintf("s%d", i)
		d.Must(t, "start", name) // nothing is left of the first try
		if got := d.Must(t, "inspect", "-f", "{{.State.Running}}", name); got != "true" {
			t.Errorf("%s runs: %s", name, got)
		}
	}
	next, err := d.ExecEngine()
	if err != nil || next == engine {
		t.Errorf("exec engine %d is back as %d: %v", engine, next, err)
	}
	checkCounters(t, d, pids, port)
}
