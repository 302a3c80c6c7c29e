package run_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/builder/run"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
	"github.com/enginejobs/docker/server/daemontest"
)

// bench is a daemon with a Runner.
type bench struct {
	*run.Runner
	*daemontest.Daemon
	t    testing.TB
	root string
}

func fakeBench(t testing.TB) *bench {
	t.Helper()
	d := daemontest.New(t, daemontest.Fake())
	d.ImportBox(t)
	return newBench(t, d)
}

func newBench(t testing.TB, d *daemontest.Daemon) *bench {
	t.Helper()
	b := &bench{Daemon: d, t: t, root: filepath.Join(d.Dir(), "builder")}
	b.open()
	t.Cleanup(func() {
		if left, _ := os.ReadDir(filepath.Join(b.root, "run")); len(left) > 0 {
			t.Errorf("left in the scratch directory: %v", left)
		}
	})
	return b
}

// open makes a Runner as a daemon that starts does.
func (b *bench) open() {
	b.t.Helper()
	r, err := run.New(run.Options{Engine: b.Engine(), Root: b.root, Logf: b.t.Logf})
	if err == nil {
		err = r.Recover(b.t.Context())
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.Runner = r
}

// do runs a script and returns what it wrote to both streams, in order.
func (b *bench) do(script string, mounts ...run.Mount) (string, run.Result) {
	b.t.Helper()
	out, res, err := b.try(b.t.Context(), script, mounts...)
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	if err := b.Remove(b.t.Context(), res.Container); err != nil {
		b.t.Error(err)
	}
	return out, res
}

func (b *bench) try(ctx context.Context, script string, mounts ...run.Mount) (string, run.Result, error) {
	var out bytes.Buffer
	req := request(script)
	req.Mounts, req.Stdout, req.Stderr = mounts, &out, &out
	res, err := b.Run(ctx, req)
	return out.String(), res, err
}

func request(script string) run.Request {
	return run.Request{Config: &runconfig.Config{Image: "box", Cmd: runconfig.Strings{"sh", "-c", script}}}
}

// containers are the ids of all there are.
func (b *bench) containers() []string {
	b.t.Helper()
	job := b.Engine().Job("containers")
	job.SetenvBool("all", true)
	var list []struct{ ID string }
	if err := job.OutputJSON(&list); err != nil {
		b.t.Fatal(err)
	}
	var ids []string
	for _, c := range list {
		ids = append(ids, c.ID)
	}
	return ids
}

func (b *bench) noContainers() {
	b.t.Helper()
	eventually(b.t, "no containers", func() bool { return len(b.containers()) == 0 })
}

func TestRun(t *testing.T) {
	b := fakeBench(t)
	var started []string
	var out, errs bytes.Buffer
	req := request("echo one; echo two >&2; exit 7")
	req.Stdout, req.Stderr = &out, &errs
	req.Started = func(id string) { started = append(started, id) }
	before := *req.Config
	res, err := b.Run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if res.ExitCode != 7 || out.String() != "one\n" || errs.String() != "two\n" || len(res.Stubs) != 0 {
		t.Errorf("%+v, stdout %q, stderr %q", res, out.String(), errs.String())
	}
	if !slices.Equal(started, []string{res.Container}) || !slices.Equal(b.containers(), started) {
		t.Errorf("started %v of %v", started, b.containers())
	}
	if before.Entrypoint != nil || len(before.Env) != 0 || req.Config.Healthcheck != nil {
		t.Errorf("the request was changed: %+v", req.Config)
	}
	if err := b.Remove(t.Context(), res.Container); err != nil {
		t.Error(err)
	}
	if err := b.Remove(t.Context(), res.Container); err != nil {
		t.Errorf("removing it twice: %v", err)
	}
	b.noContainers()
}

func TestRun_OutputIsComplete(t *testing.T) {
	b := fakeBench(t)
	out, _ := b.do("seq 20000")
	if n := strings.Count(out, "\n"); n != 20000 || !strings.HasSuffix(out, "\n20000\n") {
		t.Errorf("%d lines, the last %q", n, out[max(0, len(out)-20):])
	}
}

func TestRun_Errors(t *testing.T) {
	b := fakeBench(t)
	missing := request("true")
	missing.Config = &runconfig.Config{Image: "none", Cmd: runconfig.Strings{"true"}}
	program := request("")
	program.Config = &runconfig.Config{Image: "box", Cmd: runconfig.Strings{"/no/such"}}
	for name, req := range map[string]run.Request{"image": missing, "program": program} {
		if _, err := b.Run(t.Context(), req); !errdefs.IsNotFound(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, job := range []string{"create", "attach", "start", "wait"} {
		fault := errdefs.Unavailable("%s is out of order", job)
		enginetest.FailNth(b.Engine(), job, 1, fault)
		if _, err := b.Run(t.Context(), request("true")); !errors.Is(err, fault) {
			t.Errorf("%s: %v", job, err)
		}
	}
	b.noContainers()
}

func TestRun_Cancel(t *testing.T) {
	b := fakeBench(t)
	unread := stuck{make(chan struct{})}
	defer close(unread.never)
	for name, stdout := range map[string]io.Writer{"read": io.Discard, "unread": unread} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			why := errors.New("the client has left")
			req := request("ignore-term; echo begun; sleep 60")
			req.Stdout = stdout
			req.Started = func(string) { time.AfterFunc(50*time.Millisecond, func() { cancel(why) }) }
			began := time.Now()
			_, err := b.Run(ctx, req)
			if took := time.Since(began); !errors.Is(err, why) || took > time.Second {
				t.Errorf("%v after %v", err, took)
			}
			b.noContainers()
		})
	}
}

// stuck is a client that does not read.
type stuck struct{ never chan struct{} }

func (s stuck) Write([]byte) (int, error) { <-s.never; return 0, nil }

func TestRun_CancelAtEveryMoment(t *testing.T) {
	b := fakeBench(t)
	for i := range 30 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*300*time.Microsecond)
		if _, res, err := b.try(ctx, "sleep 0.002"); err == nil {
			if err := b.Remove(t.Context(), res.Container); err != nil {
				t.Error(err)
			}
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
	}
	b.noContainers()
}

func TestRun_JobsAreChildren(t *testing.T) {
	b := fakeBench(t)
	var running []engine.JobInfo
	err := b.Engine().Register("make", func(job *engine.Job) error {
		req := request("echo x; sleep 0.05")
		req.Stdout = look(func() { running = b.Engine().Running() })
		res, err := b.Run(job.Context(), req)
		return errors.Join(err, b.Remove(job.Context(), res.Container))
	})
	if err != nil {
		t.Fatal(err)
	}
	job := b.Engine().Job("make")
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(running, func(j engine.JobInfo) bool { return j.Name == "attach" && j.Parent == job.ID() }) {
		t.Errorf("no attach of %s in %+v", job.ID(), running)
	}
}

// look is called when there is output.
type look func()

func (l look) Write(b []byte) (int, error) { l(); return len(b), nil }

func TestLeave(t *testing.T) {
	b := fakeBench(t)
	_, res, err := b.try(t.Context(), "exit 3")
	if err != nil || res.ExitCode != 3 {
		t.Fatal(res, err)
	}
	_, other, err := b.try(t.Context(), "exit 4")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Leave(t.Context(), res.Container); err != nil {
		t.Fatal(err)
	}
	b.Restart(t)
	b.open()
	eventually(t, "only the one that was left", func() bool {
		return slices.Equal(b.containers(), []string{res.Container})
	})
	if err := b.Leave(t.Context(), other.Container); !errdefs.IsNotFound(err) {
		t.Errorf("the other one: %v", err)
	}
	if err := b.Remove(t.Context(), res.Container); err != nil {
		t.Error(err)
	}
}

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within five seconds: %s", what)
		}
	}
}
