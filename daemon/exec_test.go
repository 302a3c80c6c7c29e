package daemon

import (
	"fmt"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// TestExecutions_AreBounded: neither those that nobody starts nor those that have
// ended pile up.
func TestExecutions_AreBounded(t *testing.T) {
	clock := enginetest.NewClock()
	var e executions
	c := &container{id: "c"}
	first := newExecution("first", c, execProcess{})
	e.add(first)
	if err := first.claim(); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxWaiting {
		e.add(newExecution(fmt.Sprint(i), c, execProcess{}))
	}
	if n := len(e.ids("c")); n != maxWaiting+1 { // and the one that runs
		t.Errorf("%d are kept", n)
	}
	if _, err := e.find("first"); err != nil {
		t.Errorf("one that runs: %v", err)
	}
	if _, err := e.find("0"); !errdefs.IsNotFound(err) {
		t.Errorf("the oldest that nobody has started: %v", err)
	}
	if running := e.drop("c"); len(running) != 1 || running[0] != first || len(e.byID) != 1 {
		t.Errorf("the end of the container leaves %d, %d", len(running), len(e.byID))
	}
	first.end(0)
	e.retire(first, clock)
	for i := range maxEnded {
		x := newExecution(fmt.Sprint(i), c, execProcess{})
		e.add(x)
		x.end(0)
		e.retire(x, clock)
	}
	if _, err := e.find("first"); !errdefs.IsNotFound(err) || len(e.byID) != maxEnded || len(e.live) != 0 {
		t.Errorf("the oldest of those that have ended: %v, %d of them, %d live", err, len(e.byID), len(e.live))
	}
	clock.Advance(keepEnded - time.Second)
	late := newExecution("late", c, execProcess{})
	e.add(late)
	late.end(0)
	e.retire(late, clock)
	clock.Advance(time.Second)
	if _, err := e.find("late"); err != nil || len(e.byID) != 1 {
		t.Errorf("after the time of the others: %v, %d", err, len(e.byID))
	}
	clock.Advance(keepEnded)
	if len(e.byID) != 0 || len(e.ended) != 0 || clock.Timers() != 0 {
		t.Errorf("%d, %d and %d timers are left", len(e.byID), len(e.ended), clock.Timers())
	}
}

// TestExec_LostEnd: an end that the exec driver never tells is made up when the
// container has ended.
func TestExec_LostEnd(t *testing.T) {
	f := setup(t)
	clock := enginetest.NewClock()
	f.eng.SetClock(clock)
	f.create("box", "sleep 1000")
	f.run("start", "box")
	x, err := f.executions.find(f.exec("box", []string{"true"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := x.claim(); err != nil {
		t.Fatal(err)
	}
	x.begin(4711) // and no driver knows it
	f.run("kill", "box")
	f.wait("box", "not-running")
	eventually(t, "its end", func() bool {
		clock.Advance(lostExec)
		return x.over()
	})
	if n := *x.now().exitCode; n != 137 {
		t.Errorf("exit code %d", n)
	}
}
