package builtins

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/runconfig"
)

// stuck is a driver on a machine that does not answer: whatever is asked of a
// container whose script says so hangs until the test ends.
type stuck struct {
	execdriver.Driver
	release chan struct{}
	asked   chan string // each call that hangs
}

func (s *stuck) hang(what string) {
	s.asked <- what
	<-s.release
}

func (s *stuck) Start(ctx context.Context, cmd *execdriver.Command, out execdriver.Output) (execdriver.State, error) {
	if strings.Contains(strings.Join(cmd.Process.Args, " "), "exit 99") {
		s.hang("start")
	}
	return s.Driver.Start(ctx, cmd, out)
}

func (s *stuck) Signal(ctx context.Context, id string, sig int) error {
	s.hang("signal")
	return s.Driver.Signal(ctx, id, sig)
}

func (s *stuck) Pause(ctx context.Context, id string) error {
	s.hang("pause")
	return s.Driver.Pause(ctx, id)
}

func (s *stuck) Remove(ctx context.Context, id string) error {
	s.hang("remove")
	return s.Driver.Remove(ctx, id)
}

// make creates a container and starts it if it is told to.
func (b *box) make(name, script string, start bool) {
	b.t.Helper()
	job := b.srv.Engine().Job("create", name)
	cfg := &runconfig.Config{Image: "box", Cmd: runconfig.Strings{"sh", "-c", script}}
	if err := job.SetenvJson("Config", cfg); err != nil {
		b.t.Fatal(err)
	}
	enginetest.MustRun(b.t, job)
	if start {
		enginetest.MustRun(b.t, b.srv.Engine().Job("start", name))
	}
}

// TestReadersNeverWait: while a start, a stop, a kill, a pause, the cleaning up
// after an end, a forced removal and an import hang, and others of their kind
// stand in line behind a limit, whoever only reads is answered at once.
func TestReadersNeverWait(t *testing.T) {
	world, dir := fake.NewWorld(), tmpdir(t)
	driver := &stuck{Driver: world.Driver(fake.Options{}), release: make(chan struct{}), asked: make(chan string, 100)}
	cfg := config(t, world, dir)
	cfg.Exec = driver
	b := bootWith(t, cfg, dir)
	release := sync.OnceFunc(func() { close(driver.release) })
	t.Cleanup(release) // before the shutdown, which would wait
	eng := b.srv.Engine()
	b.do("POST", "/images/create?fromSrc=-&repo=box", archive(t), 200)
	b.make("running", "echo hello; sleep 600", true)
	b.make("starting", "exit 99", false)
	for _, name := range []string{"stopping", "killed", "paused", "removed"} {
		b.make(name, "sleep 600", true)
	}
	b.make("ended", "true", true) // its cleaning up hangs
	<-driver.asked

	// One client may hold five of six places.
	eng.SetLimits(engine.Limits{Reads: 2, Writes: 6, QueuePerClient: 100})
	ctx := engine.WithCaller(t.Context(), &engine.Caller{Client: "uid:0"})
	var writers []*engine.Job
	ask := func(name string, args ...string) *engine.Job {
		job := eng.Job(name, args...).SetContext(ctx)
		writers = append(writers, job)
		return job
	}
	force := ask("rm", "removed")
	force.SetenvBool("forceRemove", true)
	slow, feed := io.Pipe() // an archive that never comes
	load := ask("import", "-", "other")
	if err := load.Stdin.Add(slow); err != nil {
		t.Fatal(err)
	}
	ask("start", "starting")
	ask("stop", "stopping")
	ask("kill", "killed")
	ask("pause", "paused")
	for range 10 { // these stand in line
		ask("rm", "starting")
		ask("create", "more")
	}
	for _, job := range writers {
		if err := job.Start(); err != nil {
			t.Fatalf("%s: %v", job.Name, err)
		}
	}
	for range 5 { // start, stop, kill, pause, forced removal
		select {
		case <-driver.asked:
		case <-time.After(10 * time.Second):
			t.Fatal("the writers do not hang as they should")
		}
	}
	if s := eng.Stats(); s.Queued == 0 {
		t.Errorf("nobody stands in line: %+v", s)
	}
	readAll(t, eng, ctx)

	release()
	feed.Close()
	for _, job := range writers {
		_ = job.Wait() // some fail, for what they wait for has gone
	}
}

// TestFullEngineCanBeSeenAndFreed: when all places are taken and the line is full
// too, whoever looks after the engine gets through: he sees what is stuck and
// cancels it.
func TestFullEngineCanBeSeenAndFreed(t *testing.T) {
	world, dir := fake.NewWorld(), tmpdir(t)
	b := bootWith(t, config(t, world, dir), dir)
	eng := b.srv.Engine()
	started := make(chan struct{}, 2)
	hang := func(job *engine.Job) error {
		started <- struct{}{}
		<-job.Context().Done()
		return job.Context().Err()
	}
	if err := eng.Declare(
		engine.Declaration{Name: "slow_read", Handler: hang}, engine.Declaration{Name: "slow_write", Changes: true, Handler: hang},
	); err != nil {
		t.Fatal(err)
	}
	eng.SetLimits(engine.Limits{Reads: 1, Writes: 1, QueuePerClient: 1})
	ctx := engine.WithCaller(t.Context(), &engine.Caller{Client: "uid:0"})
	stuckJobs := []*engine.Job{eng.Job("slow_read").SetContext(ctx), eng.Job("slow_write").SetContext(ctx)}
	for _, job := range stuckJobs {
		if err := job.Start(); err != nil {
			t.Fatal(err)
		}
		<-started
	}
	queuedRead := eng.Job("containers").SetContext(ctx)
	if err := queuedRead.Start(); err != nil {
		t.Fatal(err)
	}
	for eng.Stats().Queued == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := eng.Job("containers").SetContext(ctx).Run(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("with a full line: %v", err)
	}
	var seen []engine.JobInfo
	if err := eng.Job("jobs").SetContext(ctx).OutputJSON(&seen); err != nil || len(seen) < 4 {
		t.Errorf("jobs: %v, %+v", err, seen)
	}
	if _, err := eng.Job("metrics").SetContext(ctx).Output(); err != nil {
		t.Errorf("metrics: %v", err)
	}
	if err := eng.Job("job_cancel", stuckJobs[0].ID(), stuckJobs[1].ID()).SetContext(ctx).Run(); err != nil {
		t.Errorf("job_cancel: %v", err)
	}
	for _, job := range stuckJobs {
		_ = job.Wait()
	}
	if err := queuedRead.Wait(); err != nil {
		t.Errorf("who stood in line: %v", err)
	}
}

// readAll runs each job that only reads, and looks at the time it takes. The
// best of some attempts counts: the machine has other things to do.
func readAll(t *testing.T, eng *engine.Engine, ctx context.Context) {
	t.Helper()
	const limit = 50 * time.Millisecond
	readers := [][]string{{"containers"}, {"images"}, {"info"}, {"jobs"}, {"metrics"}, {"version"}, {"job_list"}, {"commands"},
		{"history", "box"}, {"image_inspect", "box"}, {"subscribers_count"}}
	for _, name := range []string{"running", "starting", "stopping", "killed", "paused", "removed", "ended"} {
		readers = append(readers, []string{"container_inspect", name}, []string{"logs", name})
	}
	for _, r := range readers {
		best := time.Hour
		for range 5 {
			job := eng.Job(r[0], r[1:]...).SetContext(ctx)
			switch r[0] {
			case "containers":
				job.SetenvBool("all", true)
			case "logs":
				job.SetenvBool("stdout", true)
			}
			began := time.Now()
			done := make(chan error, 1)
			go func() { done <- job.Run() }()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("%v: %v", r, err)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("%v waits for somebody", r)
			}
			best = min(best, time.Since(began))
		}
		if best > limit {
			t.Errorf("%v took %v, more than %v", r, best, limit)
		}
	}
}
