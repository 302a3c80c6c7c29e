package server

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/errdefs"
)

// serving declares two jobs, one that changes something, and serves.
func serving(t *testing.T) (b *bench, api *engine.Job, path string, entered, release chan struct{}) {
	t.Helper()
	b = newBench(t)
	entered, release = make(chan struct{}, 2), make(chan struct{})
	hold := func(job *engine.Job) error {
		entered <- struct{}{}
		select {
		case <-release:
			job.Printf("held for %s", job.Caller().Client)
			return nil
		case <-job.Context().Done():
			return job.Context().Err()
		}
	}
	err := b.eng.Declare(
		engine.Declaration{Name: "build", Changes: true, Handler: hold},
		engine.Declaration{Name: "look", Handler: hold},
		engine.Declaration{Name: "stop", Changes: true, Waits: true, Handler: hold},
		engine.Declaration{Name: "attach", Changes: true, Waits: true, Stdin: engine.Bytes, Handler: hold},
	)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "s")
	api, _ = up(t, b, map[string]string{"BufferRequests": "0"}, "unix://"+path)
	return b, api, path, entered, release
}

func TestJobsByName(t *testing.T) {
	b := newBench(t)
	whoAsks(b)
	b.eng.SetAuthorizer(func(job *engine.Job) error {
		if job.Name == "rm" {
			return errdefs.Forbidden("no, %s", job.Caller().Client)
		}
		return nil
	})
	w := b.do("GET", "/jobs/info", "")
	wantAll(t, w.Body.String(), `"Client":"tcp:192.0.2.1"`)
	if w := b.do("GET", "/jobs/nojob", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "command not found") {
		t.Errorf("classic: %d %s", w.Code, w.Body)
	}
	if w := b.do("GET", "/v1.40/jobs/info", ""); w.Code != http.StatusNotFound {
		t.Errorf("with a version: %d", w.Code)
	}
	if w := b.do("GET", "/jobs", ""); w.Code != http.StatusNotFound {
		t.Errorf("the bare word: %d", w.Code)
	}
	if w := b.do("GET", "/jobs/rm?a=x", ""); !strings.Contains(w.Body.String(), "no, tcp:192.0.2.1") {
		t.Errorf("forbidden: %s", w.Body)
	}
	if w := b.do("GET", "/jobs/x/%2e%2e/../info", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "Client") {
		t.Errorf("a path with dots: %d %s", w.Code, w.Body)
	}
}

// TestStopWaitsForJobsOfSessions: what a session changes may end, what it reads
// is cut, and so is the session.
func TestStopWaitsForJobsOfSessions(t *testing.T) {
	b, api, path, entered, release := serving(t)
	far, err := remote.Dial(context.Background(), "unix://"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }()
	type result struct {
		out string
		err error
	}
	run := func(name string) chan result {
		done := make(chan result, 1)
		go func() {
			out, err := far.Job(name).Output()
			done <- result{string(out), err}
		}()
		<-entered
		return done
	}
	change, read := run("build"), run("look")
	stop, typed := run("stop"), run("attach") // what is typed into something is not waited for
	api.Cancel()
	time.Sleep(30 * time.Millisecond)
	select {
	case <-change:
		t.Error("a change was cut")
	case <-stop:
		t.Error("a stop was cut")
	default:
	}
	close(release)
	if r := <-change; r.err != nil || !strings.HasPrefix(r.out, "held for uid:") {
		t.Errorf("change: %q %v", r.out, r.err)
	}
	if r := <-stop; r.err != nil || r.out == "" {
		t.Errorf("stop: %q %v", r.out, r.err)
	}
	<-read
	<-typed
	if err := api.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := far.Job("commands").Output(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("after the stop: %v", err)
	}
	_ = b.eng.Shutdown(context.Background())
}

func TestHurryWaitsForNoSession(t *testing.T) {
	b, api, path, entered, _ := serving(t)
	far, err := remote.Dial(context.Background(), "unix://"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }()
	failed := make(chan error, 1)
	go func() { failed <- far.Job("build").Run() }()
	<-entered
	began := time.Now()
	api.Cancel()
	b.srv.Hurry()
	if err := <-failed; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("job: %v", err)
	}
	if err := api.Wait(); err != nil || time.Since(began) > drainTimeout/2 {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	_ = b.eng.Shutdown(context.Background())
}
