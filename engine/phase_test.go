package engine_test

import (
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
)

// What somebody else has measured takes its time from the part that follows,
// and never more than there was.
func TestPhaseTook(t *testing.T) {
	eng := enginetest.New(t)
	clock := enginetest.NewClock()
	eng.SetClock(clock)
	must(t, eng.Register("work", func(job *engine.Job) error {
		clock.Advance(2 * time.Second)
		job.Phase("first")
		clock.Advance(10 * time.Second)
		job.PhaseTook("there", 3*time.Second)
		job.PhaseTook("gone back", -time.Second)
		job.Phase("rest")
		clock.Advance(time.Second)
		job.PhaseTook("too long", time.Hour)
		job.Phase("nothing")
		return nil
	}))
	must(t, eng.Job("work").Run())
	want := []engine.Phase{
		{Name: "first", Duration: 2 * time.Second}, {Name: "there", Duration: 3 * time.Second}, {Name: "gone back"},
		{Name: "rest", Duration: 7 * time.Second}, {Name: "too long", Duration: time.Second}, {Name: "nothing"},
	}
	got := eng.Recent(1)[0].Phases
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("phase %d is %v, want %v", i, got[i], want[i])
		}
	}
}
