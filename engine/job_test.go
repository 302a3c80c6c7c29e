package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/testutil"
)

func TestStartAndWait(t *testing.T) {
	eng := enginetest.New(t)
	gate := make(chan struct{})
	must(t, eng.Register("wait", func(*engine.Job) error { <-gate; return errdefs.NotModified("already so") }))
	job := eng.Job("wait")
	if err := job.Wait(); !errdefs.IsConflict(err) {
		t.Errorf("waiting for a job that was not started: %v", err)
	}
	must(t, job.Start())
	if err := job.Start(); !errdefs.IsConflict(err) {
		t.Errorf("second start: %v", err)
	}
	if r := eng.Running(); len(r) != 1 || r[0].Name != "wait" || r[0].ID != job.ID() {
		t.Errorf("running: %+v", r)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := job.Wait(); !errdefs.IsNotModified(err) {
				t.Errorf("got %v", err)
			}
		})
	}
	close(gate)
	wg.Wait()
	if len(eng.Running()) != 0 || job.Status() != engine.StatusErr {
		t.Errorf("afterwards: %+v, status %d", eng.Running(), job.Status())
	}
}

func TestCancel(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("wait", func(job *engine.Job) error { <-job.Context().Done(); return job.Context().Err() }))
	must(t, eng.Register("outer", func(job *engine.Job) error { return job.Job("wait").Run() }))
	for name, cancel := range map[string]func(job *engine.Job, parent context.CancelFunc){
		"Cancel":  func(job *engine.Job, _ context.CancelFunc) { job.Cancel(); job.Cancel() },
		"context": func(_ *engine.Job, parent context.CancelFunc) { parent() },
	} {
		for _, job := range []string{"wait", "outer"} {
			ctx, stop := context.WithCancel(context.Background())
			j := eng.Job(job).SetContext(ctx)
			must(t, j.Start())
			cancel(j, stop)
			testutil.Within(t, time.Second, name, func() {
				if err := j.Wait(); !errdefs.Is(err, errdefs.KindCanceled) {
					t.Errorf("%s of %s: %v", name, job, err)
				}
			})
			stop()
		}
	}
	early := eng.Job("wait")
	early.Cancel()
	if err := early.Run(); !errdefs.Is(err, errdefs.KindCanceled) {
		t.Errorf("cancelled before the start: %v", err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 0)
	defer stop()
	if err := eng.Job("wait").SetContext(ctx).Run(); !errdefs.Is(err, errdefs.KindDeadline) {
		t.Errorf("late before the start: %v", err)
	}
}

// A handler that never looks at its context but sits in a stream is freed when
// the grace period is over.
func TestGraceFreesStreams(t *testing.T) {
	eng := enginetest.New(t)
	eng.SetGrace(30 * time.Millisecond)
	must(t, eng.Register("read", func(job *engine.Job) error { _, err := io.ReadAll(job.Stdin); return err }))
	must(t, eng.Register("write", func(job *engine.Job) error { _, err := io.WriteString(job.Stdout, "x"); return err }))
	for _, name := range []string{"read", "write"} {
		ctx, stop := context.WithCancel(context.Background())
		job := eng.Job(name).SetContext(ctx)
		job.Stdout.AddPipe()
		_, err := job.Stdin.AddPipe()
		must(t, err)
		time.AfterFunc(10*time.Millisecond, stop)
		testutil.Within(t, 2*time.Second, name, func() {
			if err := job.Run(); err == nil {
				t.Errorf("%s: no error", name)
			}
		})
	}
}

func TestWaitGivesUp(t *testing.T) {
	eng := enginetest.New(t)
	eng.SetGrace(20 * time.Millisecond)
	gate := make(chan struct{})
	must(t, eng.Register("deaf", func(*engine.Job) error { <-gate; return nil }))
	job := eng.Job("deaf")
	must(t, job.Start())
	job.Cancel()
	err := job.Wait()
	if !errdefs.Is(err, errdefs.KindDeadline) || !strings.Contains(err.Error(), "deaf") {
		t.Errorf("got %v", err)
	}
	close(gate)
}

func TestPanicIsAnError(t *testing.T) {
	eng := enginetest.New(t)
	var log strings.Builder
	eng.SetLogf(func(format string, args ...any) { fmt.Fprintf(&log, format+"\n", args...) })
	must(t, eng.Register("bug", func(job *engine.Job) error { _ = job.Args[1]; return nil }))
	job := eng.Job("bug")
	err := job.Run()
	var p *engine.PanicError
	if !errors.As(err, &p) || errdefs.KindOf(err) != errdefs.KindInternal ||
		!strings.Contains(string(p.Stack), "job_test.go") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "job_test.go") {
		t.Error("the stack is not logged")
	}
	must(t, eng.Register("gone", func(*engine.Job) error { runtime.Goexit(); return nil }))
	gone := eng.Job("gone")
	must(t, gone.Start())
	if err := gone.Wait(); errdefs.KindOf(err) != errdefs.KindInternal || err == nil {
		t.Errorf("a handler that ended its goroutine: %v", err)
	}
}

func TestFiles(t *testing.T) {
	eng := enginetest.New(t)
	result := errors.New("no")
	must(t, eng.Register("give", func(job *engine.Job) error {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		job.AddResultFile(r)
		job.AddResultFile(w)
		for _, f := range job.Files {
			_ = f.Close()
		}
		return result
	}))
	send := func() *os.File {
		f, err := os.Open(os.DevNull)
		must(t, err)
		return f
	}
	lost := eng.Job("nobody")
	lost.Files = []*os.File{send()}
	if err := lost.Run(); err == nil {
		t.Error("nobody answered")
	}
	if err := lost.Files[0].Close(); !errors.Is(err, os.ErrClosed) {
		t.Error("a file that reached no handler was left open")
	}
	if job := eng.Job("give"); job.Run() == nil || len(job.ResultFiles()) != 0 {
		t.Error("a failed job has results")
	}
	result = nil
	job := eng.Job("give")
	job.Files = []*os.File{send()}
	must(t, job.Run())
	if len(job.ResultFiles()) != 2 {
		t.Fatalf("%d results", len(job.ResultFiles()))
	}
	for _, f := range job.ResultFiles() {
		must(t, f.Close())
	}
}

func TestOutputJSON(t *testing.T) {
	eng := enginetest.New(t)
	var text string
	must(t, eng.Register("say", func(job *engine.Job) error { job.Printf("%s", text); return nil }))
	for in, good := range map[string]bool{
		`{"A":1}`: true, "{\"A\":1}\n": true, "": false, `{"A":1}{}`: false, "{": false, "[]": false,
	} {
		text = in
		var v struct{ A int }
		if err := eng.Job("say").OutputJSON(&v); (err == nil) != good || good && v.A != 1 {
			t.Errorf("%q: %v, %+v", in, err, v)
		}
	}
}

func TestReplaceKeepsTheDeclaration(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Declare(stopDeclaration(nop)))
	fake := enginetest.Fake(eng, "stop")
	if err := eng.Job("stop").Run(); err == nil {
		t.Error("the declaration is gone")
	}
	job := eng.Job("stop", "web")
	job.SetenvInt("t", 3)
	must(t, job.Run())
	if c := fake.Only(t); c.Args[0] != "web" || c.Env["t"] != "3" {
		t.Errorf("the fake saw %+v", c)
	}
}

func TestContextAfterTheEnd(t *testing.T) {
	eng := enginetest.New(t)
	var ctx context.Context
	must(t, eng.Register("keep", func(job *engine.Job) error { ctx = job.Context(); return nil }))
	job := eng.Job("keep")
	must(t, job.Run())
	if ctx.Err() == nil || job.Context().Err() == nil {
		t.Error("the context of a finished job goes on")
	}
	never := eng.Job("commands")
	must(t, never.Run())
	if never.Context().Err() == nil {
		t.Error("the context of a finished job, made late, goes on")
	}
}
