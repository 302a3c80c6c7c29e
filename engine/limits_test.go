package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/testutil"
)

// house is an engine whose jobs read and write wait at a gate, and note the
// order in which they were let in.
type house struct {
	*engine.Engine
	t    *testing.T
	mu   sync.Mutex
	in   []string
	gate chan struct{} // one value lets one job out
}

func newHouse(t *testing.T, l engine.Limits) *house {
	h := &house{Engine: enginetest.New(t), t: t, gate: make(chan struct{}, 1000)}
	handler := func(job *engine.Job) error {
		h.mu.Lock()
		h.in = append(h.in, job.Args[0])
		h.mu.Unlock()
		select {
		case <-h.gate:
			return nil
		case <-job.Context().Done():
			return job.Context().Err()
		}
	}
	who := []engine.Arg{{Name: "WHO"}}
	must(t, h.Declare(
		engine.Declaration{Name: "read", Args: who, Handler: handler},
		engine.Declaration{Name: "write", Args: who, Changes: true, Handler: handler},
		engine.Declaration{Name: "follow", Args: who, Waits: true, Handler: handler},
	))
	must(t, h.Register("free", handler))
	h.SetLimits(l)
	return h
}

// start starts a job of a client, which is the first letter of who.
func (h *house) start(name, who string) *engine.Job {
	h.t.Helper()
	job := h.Job(name, who).SetContext(from(who[:1]))
	must(h.t, job.Start())
	return job
}

// let waits until n jobs were let in, and returns them.
func (h *house) let(n int) string {
	h.t.Helper()
	for begin := time.Now(); ; time.Sleep(100 * time.Microsecond) {
		h.mu.Lock()
		in := strings.Join(h.in, " ")
		have := len(h.in)
		h.mu.Unlock()
		switch {
		case have == n:
			return in
		case have > n || time.Since(begin) > 5*time.Second:
			h.t.Fatalf("%d jobs were let in (%s), want %d", have, in, n)
		}
	}
}

// One client with many jobs does not keep another from its turn; the jobs of one
// client keep their order.
func TestLimitsAreFair(t *testing.T) {
	h := newHouse(t, engine.Limits{Writes: 1})
	var jobs []*engine.Job
	for _, who := range []string{"a0", "a1", "a2", "a3", "a4", "b1", "c1", "b2"} {
		jobs = append(jobs, h.start("write", who))
	}
	h.let(1)
	if s := h.Stats(); s.Queued != 7 || s.Running != 8 {
		t.Errorf("got %+v", s)
	}
	if r := h.Running(); r[0].State != engine.StateRunning || r[5].State != engine.StateQueued {
		t.Errorf("got %+v", r)
	}
	for i := range jobs {
		h.let(i + 1)
		h.gate <- struct{}{}
	}
	if got, want := h.let(8), "a0 a1 b1 c1 a2 b2 a3 a4"; got != want {
		t.Errorf("the order was %s, want %s", got, want)
	}
	for _, j := range jobs {
		must(t, j.Wait())
	}
	if r := h.Recent(-1); len(r) != 8 || r[0].Queued != 0 || r[7].Queued <= 0 || r[7].Queued > r[7].Duration {
		t.Errorf("got %+v", r)
	}
}

// A client whose jobs hang cannot keep the others out.
func TestLimitsLeaveRoomForOthers(t *testing.T) {
	h := newHouse(t, engine.Limits{Reads: 4})
	var jobs []*engine.Job
	for _, who := range []string{"a0", "a1", "a2", "a3", "a4"} {
		jobs = append(jobs, h.start("read", who))
	}
	h.let(3) // three of four places
	jobs = append(jobs, h.start("read", "b0"))
	if got := h.let(4); got[len(got)-2:] != "b0" {
		t.Errorf("let in: %s", got)
	}
	jobs = append(jobs, h.start("read", "b1")) // it is full, and a3 came before
	h.gate <- struct{}{}
	h.let(5)
	for range jobs[1:] {
		h.gate <- struct{}{}
	}
	for _, j := range jobs {
		must(t, j.Wait())
	}
	if s := h.Stats(); s.Queued != 0 {
		t.Errorf("%d jobs wait", s.Queued)
	}
	h.start("read", "a5") // all places are free again
	h.let(8)
	h.gate <- struct{}{}
}

// Reads do not wait for writes, children for nobody, and jobs that wait, the
// program's own and those that a shutdown permits are not counted.
func TestLimitsByClass(t *testing.T) {
	h := newHouse(t, engine.Limits{Reads: 1, Writes: 1})
	must(t, h.Declare(engine.Declaration{Name: "nest", Changes: true, Handler: func(job *engine.Job) error {
		return errors.Join(job.Job("write", "child").Run(), h.Job("write", "child").SetContext(job.Context()).Run())
	}}))
	nest := h.Job("nest").SetContext(from("a"))
	must(t, nest.Start())
	h.let(1)
	jobs := []*engine.Job{h.start("read", "r"), h.start("follow", "f"), h.start("follow", "f")}
	h.let(4)
	local := h.Job("write", "local")
	permitted := h.Job("write", "own").SetContext(h.Permit(from("a")))
	must(t, errors.Join(local.Start(), permitted.Start()))
	h.let(6)
	waiting := []*engine.Job{h.start("read", "r2"), h.start("write", "w2"), h.start("free", "w3")}
	if s := h.Stats(); s.Queued != 3 {
		t.Errorf("%d jobs wait", s.Queued)
	}
	for range 10 {
		h.gate <- struct{}{}
	}
	for _, j := range append(append(jobs, nest, local, permitted), waiting...) {
		must(t, j.Wait())
	}
}

// An engine that is full can still be seen, and freed.
func TestLimitsLetControlIn(t *testing.T) {
	h := newHouse(t, engine.Limits{Reads: 1, Writes: 1})
	read, write := h.start("read", "a"), h.start("write", "a")
	waiting := h.start("write", "a")
	h.let(2)
	var infos []engine.JobInfo
	testutil.Within(t, 5*time.Second, "the list of a full engine", func() {
		must(t, h.Job("jobs").SetContext(from("a")).OutputJSON(&infos))
		must(t, h.Job("job_cancel", read.ID(), write.ID(), waiting.ID()).SetContext(from("a")).Run())
		for _, j := range []*engine.Job{read, write, waiting} {
			if err := j.Wait(); !errdefs.Is(err, errdefs.KindCanceled) {
				t.Errorf("got %v", err)
			}
		}
	})
	if len(infos) != 4 || infos[2].State != engine.StateQueued {
		t.Errorf("got %+v", infos)
	}
}

// What leaves the queue frees its place there, closes its files, and is no job
// that ran.
func TestLimitsLeave(t *testing.T) {
	h := newHouse(t, engine.Limits{Reads: 1, QueuePerClient: 2})
	first := h.start("read", "a0")
	h.let(1)
	ctx, stop := context.WithCancel(from("a"))
	late, cancel := context.WithTimeout(from("a"), 10*time.Millisecond)
	defer cancel()
	gone, timely := h.Job("read", "gone").SetContext(ctx), h.Job("read", "late").SetContext(late)
	f, err := os.Open(os.DevNull)
	must(t, err)
	gone.Files = []*os.File{f}
	must(t, errors.Join(gone.Start(), timely.Start()))
	full := h.Job("read", "full").SetContext(from("a"))
	if err := full.Run(); !errdefs.Is(err, errdefs.KindUnavailable) || !strings.Contains(err.Error(), "try again") {
		t.Errorf("a full queue: %v", err)
	}
	if s := h.Stats(); s.Refused != 1 || s.Queued != 2 {
		t.Errorf("got %+v", s)
	}
	other := h.start("read", "b") // the queue of another client is not full
	stop()
	if err := gone.Wait(); !errdefs.Is(err, errdefs.KindCanceled) || !strings.Contains(err.Error(), "its turn") {
		t.Errorf("the caller left: %v", err)
	}
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		t.Error("its file is open")
	}
	if err := timely.Wait(); !errdefs.Is(err, errdefs.KindDeadline) {
		t.Errorf("its time was over: %v", err)
	}
	again := h.start("read", "a1")
	must(t, h.CancelJob(again.ID()))
	if err := again.Wait(); !errdefs.Is(err, errdefs.KindCanceled) {
		t.Errorf("it was cancelled: %v", err)
	}
	h.gate <- struct{}{}
	h.gate <- struct{}{}
	must(t, errors.Join(first.Wait(), other.Wait()))
	if got := h.let(2); got != "a0 b" {
		t.Errorf("let in: %s", got)
	}
	for _, r := range h.Recent(-1) {
		if r.Args[0] == "late" && (r.Queued < 5*time.Millisecond || r.Kind != "deadline") {
			t.Errorf("got %+v", r)
		}
	}
}

// New limits hold at once, also for those that wait.
func TestLimitsChange(t *testing.T) {
	h := newHouse(t, engine.Limits{Writes: 1})
	var jobs []*engine.Job
	for range 6 {
		jobs = append(jobs, h.start("write", "a"))
	}
	h.let(1)
	h.SetLimits(engine.Limits{Writes: 3})
	h.let(3)
	h.SetLimits(engine.Limits{})
	h.let(6)
	h.SetLimits(engine.Limits{Writes: 1})
	jobs = append(jobs, h.start("write", "a"))
	if s := h.Stats(); s.Queued != 1 {
		t.Errorf("%d wait", s.Queued)
	}
	for range jobs {
		h.gate <- struct{}{}
	}
	for _, j := range jobs {
		must(t, j.Wait())
	}
}

// A shutdown empties the queues: nothing that waited is begun.
func TestLimitsShutdown(t *testing.T) {
	h := newHouse(t, engine.Limits{Writes: 2})
	var jobs []*engine.Job
	for i := range 20 {
		jobs = append(jobs, h.start("write", fmt.Sprintf("%c", 'a'+i%5)))
	}
	h.let(2)
	must(t, h.Shutdown(soon(t)))
	var unavailable int
	for _, j := range jobs {
		if errdefs.Is(j.Wait(), errdefs.KindUnavailable) {
			unavailable++
		}
	}
	h.let(2)
	if unavailable < 18 {
		t.Errorf("%d of 20 are Unavailable", unavailable)
	}
	if err := h.Job("write", "a").SetContext(from("a")).Run(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("afterwards: %v", err)
	}
}

// Many clients at once, some of which lose patience: the limit holds, every job
// ends, and no place is lost.
func TestLimitsStorm(t *testing.T) {
	eng := enginetest.New(t)
	var busy [2]atomic.Int32
	limits := engine.Limits{Reads: 3, Writes: 2, QueuePerClient: 8}
	eng.SetLimits(limits)
	declare := func(name string, class int, most int32) {
		must(t, eng.Declare(engine.Declaration{Name: name, Changes: class == 1, Handler: func(job *engine.Job) error {
			if n := busy[class].Add(1); n > most {
				t.Errorf("%d jobs %s run", n, name)
			}
			defer busy[class].Add(-1)
			if rand.IntN(3) == 0 {
				time.Sleep(rand.N(200 * time.Microsecond))
			}
			_, err := io.WriteString(job.Stdout, "x")
			return err
		}}))
	}
	declare("read", 0, 3)
	declare("write", 1, 2)
	var wg sync.WaitGroup
	var ran, gone, refused atomic.Int32
	for client := range 6 {
		for range 4 {
			wg.Go(func() {
				for range 50 {
					ctx, stop := context.WithTimeout(from(fmt.Sprint(client)), rand.N(3*time.Millisecond))
					err := eng.Job([]string{"read", "write"}[rand.IntN(2)]).SetContext(ctx).Run()
					stop()
					switch {
					case err == nil:
						ran.Add(1)
					case errdefs.Is(err, errdefs.KindUnavailable):
						refused.Add(1)
					case errdefs.Is(err, errdefs.KindDeadline):
						gone.Add(1)
					default:
						t.Errorf("got %v", err)
					}
				}
			})
		}
	}
	wg.Wait()
	t.Logf("%d ran, %d lost patience, %d were refused", ran.Load(), gone.Load(), refused.Load())
	if s := eng.Stats(); s.Queued != 0 || s.Running != 0 || ran.Load() == 0 {
		t.Errorf("got %+v", s)
	}
	// All places are free: as many as the limit get in at once.
	for range 10 {
		must(t, eng.Job("read").SetContext(from("x")).Run())
		must(t, eng.Job("write").SetContext(from("x")).Run())
	}
	in, out := make(chan struct{}), make(chan struct{})
	must(t, eng.Declare(engine.Declaration{Name: "hold", Changes: true, Handler: func(*engine.Job) error { in <- struct{}{}; <-out; return nil }}))
	for range limits.Writes {
		wg.Go(func() { must(t, eng.Job("hold").SetContext(from("x")).Run()) })
	}
	testutil.Within(t, 2*time.Second, "a free place", func() { <-in; <-in })
	close(out)
	wg.Wait()
}
