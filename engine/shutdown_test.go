package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/testutil"
)

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestShutdownHandlersRunBackwardsOnce(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	eng := engine.New()
	var order []string
	broken := errors.New("broken")
	for _, name := range []string{"pidfile", "store", "listeners"} {
		eng.OnShutdown(name, func(context.Context) error {
			order = append(order, name)
			if name == "store" {
				return broken
			}
			return nil
		})
	}
	eng.OnShutdown("bug", func(context.Context) error { panic("oh") })
	err := eng.Shutdown(soon(t))
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"store", "bug panicked: oh"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	if again := eng.Shutdown(soon(t)); !errors.Is(again, broken) {
		t.Errorf("the second caller got %v", again)
	}
	if got := strings.Join(order, " "); got != "listeners store pidfile" {
		t.Errorf("order %s", got)
	}
}

// What belongs to running work is let in; everything else is refused.
func TestShutdownAdmitsOnlyItsOwn(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	eng := engine.New()
	must(t, eng.Register("release", nop))
	var child, own, late, stolen error
	must(t, eng.Register("run", func(job *engine.Job) error {
		<-job.Context().Done()
		child = eng.Job("release").SetContext(context.WithoutCancel(job.Context())).Run()
		own = eng.Job("release").SetContext(eng.Permit(context.Background())).Run()
		return nil
	}))
	eng.OnShutdown("containers", func(ctx context.Context) error {
		stolen = eng.Job("release").SetContext(context.Background()).Run()
		return eng.Job("release").SetContext(ctx).Run()
	})
	job := eng.Job("run")
	must(t, job.Start())
	must(t, eng.Shutdown(soon(t)))
	must(t, job.Wait())
	late = eng.Job("release").SetContext(job.Context()).Run()
	if child != nil || own != nil {
		t.Errorf("the child of a running job: %v, work of the engine's own: %v", child, own)
	}
	for _, err := range []error{stolen, late} {
		if !errdefs.Is(err, errdefs.KindUnavailable) && !errdefs.Is(err, errdefs.KindCanceled) {
			t.Errorf("a stranger: %v", err)
		}
	}
}

func TestShutdownCallersWait(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	eng := engine.New()
	done := false
	eng.OnShutdown("slow", func(context.Context) error {
		time.Sleep(50 * time.Millisecond)
		done = true
		return nil
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := eng.Shutdown(soon(t)); err != nil || !done {
				t.Errorf("returned %v before the end", err)
			}
		})
	}
	wg.Wait()
}

func TestShutdownDeadline(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	eng := engine.New()
	gate := make(chan struct{})
	must(t, eng.Register("deaf", func(*engine.Job) error { <-gate; return nil }))
	must(t, eng.Job("deaf").Start())
	ran := false
	eng.OnShutdown("last", func(context.Context) error { ran = true; return nil })
	eng.OnShutdown("deaf too", func(context.Context) error { <-gate; return nil })
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	err := eng.Shutdown(ctx)
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("it took %v", d)
	}
	if err == nil || !strings.Contains(err.Error(), `"deaf"`) || !strings.Contains(err.Error(), "deaf too") || !ran {
		t.Errorf("got %v, last handler ran: %v", err, ran)
	}
	close(gate)
}

func TestShutdownRace(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	eng := engine.New()
	must(t, eng.Register("nop", nop))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for eng.Job("nop").Run() == nil {
			}
		})
		wg.Go(func() {
			for !eng.IsShutdown() {
				eng.Replace("nop", nop)
				eng.Running()
			}
		})
	}
	time.Sleep(10 * time.Millisecond)
	must(t, eng.Shutdown(soon(t)))
	wg.Wait()
	if len(eng.Running()) != 0 {
		t.Error("jobs run after the shutdown")
	}
}
