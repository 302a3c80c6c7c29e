package engine_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
)

// Two subscribers and the ring see starts and ends in the same order; a child
// starts after its parent and, since that waits, ends before it.
func TestOrderOfRecords(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("leaf", nop))
	must(t, eng.Register("node", func(job *engine.Job) error {
		other := job.Job("leaf")
		if err := other.Start(); err != nil {
			return err
		}
		if err := job.Job("leaf").Run(); err != nil {
			return err
		}
		return other.Wait()
	}))
	const workers, runs = 4, 75 // three jobs each: less than the ring has
	a, b := eng.Subscribe(6*workers*runs), eng.Subscribe(6*workers*runs)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range runs {
				must(t, eng.Job("node").Run())
			}
		})
	}
	wg.Wait()
	a.Close()
	b.Close()
	var ended []string
	begun, over := map[string]bool{}, map[string]bool{}
	for r := range a.C() {
		if s := <-b.C(); s.ID != r.ID || s.Ended != r.Ended {
			t.Fatalf("one sees %s (ended: %t), the other %s (%t)", r.ID, r.Ended, s.ID, s.Ended)
		}
		switch {
		case !r.Ended && r.Parent != "" && (!begun[r.Parent] || over[r.Parent]):
			t.Fatalf("the start of %s is out of order with its parent", r.ID)
		case !r.Ended:
			begun[r.ID] = true
		case !begun[r.ID] || over[r.ID] || over[r.Parent]:
			t.Fatalf("the end of %s is out of order", r.ID)
		default:
			over[r.ID] = true
			ended = append(ended, r.ID)
		}
	}
	ring := eng.Recent(-1)
	if len(ring) != len(ended) || len(ended) != 3*workers*runs {
		t.Fatalf("%d in the ring, %d were seen to end", len(ring), len(ended))
	}
	for i, r := range ring {
		if r.ID != ended[i] {
			t.Fatalf("place %d of the ring has %s, not %s", i, r.ID, ended[i])
		}
	}
}

// When Run or Wait has returned, all that is to be known of the job is known.
func TestOrderOfTheEnd(t *testing.T) {
	eng := enginetest.New(t)
	eng.SetLimits(engine.Limits{Writes: 1})
	must(t, eng.Register("n", nop))
	sub := eng.Subscribe(10)
	defer sub.Close()
	for i := range 500 {
		job := eng.Job("n", strconv.Itoa(i)).SetContext(from("a"))
		if i%2 == 0 {
			must(t, job.Run())
		} else {
			must(t, job.Start())
			must(t, job.Wait())
		}
		r := eng.Recent(1)
		<-sub.C()
		if s := <-sub.C(); len(r) != 1 || r[0].Args[0] != job.Args[0] || s.ID != r[0].ID || !s.Ended ||
			len(eng.Running()) != 0 || eng.Stats().Jobs[0].Duration.Count != uint64(i+1) {
			t.Fatalf("run %d: %+v, %+v, %+v", i, r, s, eng.Running())
		}
		if eng.Recent(1)[0].Queued != 0 {
			t.Fatal("its place was not free")
		}
	}
}
