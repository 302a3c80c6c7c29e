package engine_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func TestStats(t *testing.T) {
	eng := enginetest.New(t)
	clock := enginetest.NewClock()
	eng.SetClock(clock)
	must(t, eng.Register("work", func(job *engine.Job) error {
		_, err := io.Copy(job.Stdout, job.Stdin)
		job.Warnf("12345")
		clock.Advance(3 * time.Millisecond)
		job.Phase("prepare")
		clock.Advance(5 * time.Millisecond)
		job.Phase("start")
		if len(job.Args) > 0 {
			err = errdefs.NotFound("no %s", job.Args[0])
		}
		return err
	}))
	in := eng.Job("work")
	must(t, in.Stdin.Add(strings.NewReader("hello")))
	must(t, in.Run())
	_ = eng.Job("work", "x").Run()
	_ = eng.Job("nobody").Run()
	_ = eng.Job("nothing").Run()

	r := eng.Recent(4)[0]
	if r.BytesIn != 5 || r.BytesOut != 11 || r.Duration != 8*time.Millisecond || len(r.Phases) != 2 ||
		r.Phases[0] != (engine.Phase{Name: "prepare", Duration: 3 * time.Millisecond}) ||
		r.Phases[1] != (engine.Phase{Name: "start", Duration: 5 * time.Millisecond}) {
		t.Errorf("the record is %+v", r)
	}
	s := eng.Stats()
	if len(s.Jobs) != 2 || s.Jobs[0].Name != engine.OtherJobs || s.Jobs[0].Results["unknown_job"] != 2 || s.Running != 0 {
		t.Fatalf("got %+v", s)
	}
	work := s.Jobs[1]
	if work.Name != "work" || work.Results[""] != 1 || work.Results["not_found"] != 1 || work.BytesIn != 5 || work.BytesOut != 17 ||
		work.Duration.Count != 2 || work.Duration.Sum != 16*time.Millisecond || work.Duration.Counts[13] != 2 ||
		len(work.Phases) != 2 || work.Phases[1].Name != "start" || work.Phases[1].Duration.Sum != 10*time.Millisecond {
		t.Errorf("got %+v", work)
	}
	if eng.Clock() != engine.Clock(clock) {
		t.Error("the clock is another one")
	}
	eng.SetClock(nil)
	if d := time.Since(eng.Clock().Now()); d > time.Minute {
		t.Error("nil is not the real clock")
	}
}

func TestHistogramBounds(t *testing.T) {
	eng := enginetest.New(t)
	clock := enginetest.NewClock()
	eng.SetClock(clock)
	var d time.Duration
	must(t, eng.Register("n", func(*engine.Job) error { clock.Advance(d); return nil }))
	for i := range engine.HistogramBuckets - 1 {
		bound := engine.HistogramBound(i)
		for _, d = range []time.Duration{bound, bound + 1} {
			must(t, eng.Job("n").Run())
		}
		h := eng.Stats().Jobs[0].Duration
		if h.Counts[i] == 0 || h.Counts[i+1] != 1 || h.Count != uint64(2*i+2) {
			t.Fatalf("bound %v: %v", bound, h.Counts)
		}
	}
	if engine.HistogramBound(engine.HistogramBuckets-1) != 0 || engine.HistogramBound(-1) != 0 {
		t.Error("the last bucket has a bound")
	}
	d = -time.Second // a clock that was set back
	must(t, eng.Job("n").Run())
}

// Phases are bounded per job and per name, and end with the job.
func TestPhasesAreBounded(t *testing.T) {
	eng := enginetest.New(t)
	n := 0
	must(t, eng.Register("loop", func(job *engine.Job) error {
		for range 100 {
			n++
			job.Phase(strings.Repeat("x", n))
		}
		return nil
	}))
	for range 3 {
		job := eng.Job("loop")
		job.Phase("early")
		must(t, job.Run())
		job.Phase("late")
	}
	if p := eng.Recent(1)[0].Phases; len(p) != 32 || p[0].Name == "early" {
		t.Errorf("%d phases, the first %q", len(p), p[0].Name)
	}
	if p := eng.Stats().Jobs[0].Phases; len(p) != 32 {
		t.Errorf("%d phases are counted", len(p))
	}
}

// The numbers of a name go on when its handler is replaced.
func TestStatsSurviveReplace(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("n", nop))
	must(t, eng.Job("n").Run())
	eng.Replace("n", func(*engine.Job) error { return errors.New("no") })
	eng.Use(func(next engine.Handler) engine.Handler { return next })
	_ = eng.Job("n").Run()
	if s := eng.Stats().Jobs; len(s) != 1 || s[0].Results[""] != 1 || s[0].Results["internal"] != 1 {
		t.Errorf("got %+v", s)
	}
}
