package metrics_test

import (
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
)

// TestDurationsAreInTheirBuckets holds what is shown of a duration against the
// duration itself, around every bound.
func TestDurationsAreInTheirBuckets(t *testing.T) {
	eng, _ := setup(t)
	clock := enginetest.NewClock()
	eng.SetClock(clock)
	var took time.Duration
	if err := eng.Declare(engine.Declaration{Name: "take", Handler: func(*engine.Job) error {
		clock.Advance(took)
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	var all []time.Duration
	for i := range engine.HistogramBuckets - 1 {
		for _, off := range []time.Duration{-1, 0, 1} {
			took = engine.HistogramBound(i) + off
			if err := eng.Job("take").Run(); err != nil {
				t.Fatal(err)
			}
			all = append(all, took)
		}
	}
	got, text := scrape(t, eng)
	h := find(got["engine_job_duration_seconds"], "job", "take").Histogram
	if len(h.Bucket) != 14 || h.GetSampleCount() != uint64(len(all)) {
		t.Fatalf("%d buckets, %d samples of %d:\n%s", len(h.Bucket), h.GetSampleCount(), len(all), text)
	}
	for _, b := range h.Bucket {
		want := uint64(0)
		for _, d := range all {
			if d.Seconds() <= b.GetUpperBound() {
				want++
			}
		}
		if b.GetCumulativeCount() != want {
			t.Errorf("up to %v: %d, want %d", b.GetUpperBound(), b.GetCumulativeCount(), want)
		}
	}
}
