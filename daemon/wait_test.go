package daemon

import (
	"context"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

func TestWait(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("wait", "nobody"))
	f.create("w1", "sleep 60")
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("wait", "w1"), "condition", "bored"))
	if code := f.wait("w1", "not-running"); code != 0 {
		t.Errorf("never started: %d", code)
	}
	next := make(chan int)
	go func() { next <- f.wait("w1", "next-exit") }()
	gone := make(chan int)
	go func() { gone <- f.wait("w1", "removed") }()
	time.Sleep(10 * time.Millisecond)
	f.run("start", "w1")
	f.run("kill", "w1")
	if code := <-next; code != 137 {
		t.Errorf("next-exit: %d", code)
	}
	f.run("rm", "w1")
	if code := <-gone; code != 137 {
		t.Errorf("removed: %d", code)
	}
}

func TestWait_Cancel(t *testing.T) {
	f := setup(t)
	f.create("w1", "sleep 60")
	f.run("start", "w1")
	ctx, cancel := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- f.eng.Job("wait", "w1").SetContext(ctx).Run() }()
	time.Sleep(5 * time.Millisecond)
	cancel()
	select {
	case err := <-end:
		if !errdefs.Is(err, errdefs.KindCanceled) {
			t.Error(err)
		}
	case <-time.After(time.Second):
		t.Fatal("the wait did not end")
	}
}
