package engine_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/testutil"
)

// parseTrace reads the lines of a job_trace.
func parseTrace(t *testing.T, text string) []engine.Record {
	t.Helper()
	var list []engine.Record
	for dec := json.NewDecoder(strings.NewReader(text)); dec.More(); {
		var r engine.Record
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

func TestJobTraceShowsTheLast(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Declare(engine.Declaration{Name: "n", Args: []engine.Arg{{Name: "N"}}, AnyEnv: true, Handler: nop}))
	for i := range 5 {
		job := eng.Job("n", fmt.Sprint(i))
		job.Setenv("k", "v")
		must(t, job.Run())
	}
	ask := func(last string, env bool) []engine.Record {
		job := eng.Job("job_trace")
		job.Setenv("last", last)
		job.SetenvBool("env", env)
		return parseTrace(t, enginetest.MustRun(t, job))
	}
	list := ask("2", true) // the trace itself is not among them
	if len(list) != 2 || list[0].Args[0] != "3" || list[1].Args[0] != "4" || !list[1].Ended || list[1].Env["k"] != "v" {
		t.Errorf("got %+v", list)
	}
	list = ask("", false)
	if len(list) != 6 || list[0].Args[0] != "0" || list[0].Env != nil || list[5].Name != "job_trace" {
		t.Errorf("got %+v", list)
	}
	if list := ask("0", false); len(list) != 0 {
		t.Errorf("got %+v", list)
	}
	bad := eng.Job("job_trace")
	bad.Setenv("last", "-1")
	if err := bad.Run(); !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.Contains(err.Error(), "last") {
		t.Errorf("got %v", err)
	}
}

// While jobs come and go without a pause a trace begins; it has the end of every
// job exactly once, and in front of it the start of each that had not ended.
func TestJobTraceFollowsWithoutAGap(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("n", nop))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					_ = eng.Job("n").Run()
					time.Sleep(20 * time.Microsecond)
				}
			}
		})
	}
	time.Sleep(5 * time.Millisecond)
	job := eng.Job("job_trace")
	job.SetenvBool("follow", true)
	lines := bufio.NewScanner(job.Stdout.AddPipe())
	must(t, job.Start())
	started, ended := map[string]bool{}, map[string]bool{}
	live := 0
	for lines.Scan() && live < 500 {
		var r engine.Record
		must(t, json.Unmarshal(lines.Bytes(), &r))
		switch {
		case r.Name == "job_trace":
			t.Fatalf("the trace shows itself: %+v", r)
		case !r.Ended && (started[r.ID] || ended[r.ID]):
			t.Fatalf("job %s started twice or after its end", r.ID)
		case !r.Ended:
			started[r.ID] = true
		case ended[r.ID]:
			t.Fatalf("job %s ended twice", r.ID)
		case len(started) > 0 && !started[r.ID]:
			t.Fatalf("job %s ended without a start", r.ID)
		default:
			ended[r.ID] = true
		}
		if len(started) > 0 {
			live++
		}
	}
	close(stop)
	wg.Wait()
	job.Cancel()
	go func() {
		for lines.Scan() {
		}
	}()
	if err := job.Wait(); !errdefs.Is(err, errdefs.KindCanceled) {
		t.Errorf("ended with %v", err)
	}
	if s := eng.Stats(); s.Subscribers != 0 {
		t.Errorf("%d subscribers are left", s.Subscribers)
	}
}

// A reader that does not read stops nobody, and is told what it lost.
func TestJobTraceSlowReader(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("n", nop))
	job := eng.Job("job_trace")
	job.SetenvBool("follow", true)
	job.SetenvInt("last", 0)
	out := job.Stdout.AddPipe()
	var warnings strings.Builder
	job.Stderr.Add(&warnings)
	must(t, job.Start())
	for eng.Stats().Subscribers == 0 {
		time.Sleep(time.Millisecond)
	}
	testutil.Within(t, 5*time.Second, "the bus", func() {
		for range 2000 {
			must(t, eng.Job("n").Run())
		}
	})
	if eng.Stats().Dropped == 0 {
		t.Error("nothing was dropped")
	}
	read := make(chan int, 1)
	go func() {
		n := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n++
			if n == 1024 {
				job.Cancel()
			}
		}
		read <- n
	}()
	_ = job.Wait()
	_, _ = io.Copy(io.Discard, out)
	if n := <-read; n < 1024 || n > 1100 {
		t.Errorf("%d records came", n)
	}
	if !strings.Contains(warnings.String(), "records were lost") {
		t.Errorf("said %q", warnings.String())
	}
}
