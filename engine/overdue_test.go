package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	list []string
}

func (l *lines) logf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, fmt.Sprintf(format, args...))
}

func (l *lines) count(part string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.list {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

// A job that ignores its cancel is logged by name once, shown and counted, until
// it ends, which is logged too.
func TestOverdue(t *testing.T) {
	eng := enginetest.New(t)
	clock := enginetest.NewClock()
	eng.SetClock(clock)
	var log lines
	eng.SetWarnf(log.logf)
	gate := make(chan struct{})
	must(t, eng.Register("deaf", func(*engine.Job) error { <-gate; return nil }))
	job := eng.Job("deaf", "one")
	must(t, job.Start())
	job.Cancel()
	state := func() string { return eng.Running()[0].State }
	if state() != engine.StateCancelled {
		t.Errorf("it is %s", state())
	}
	clock.Advance(engine.DefaultGrace)
	if state() != engine.StateCancelled || log.count("deaf") != 0 {
		t.Errorf("when its streams are cut it is %s, %q", state(), log.list)
	}
	clock.Advance(time.Second)
	s := eng.Stats()
	if state() != engine.StateOverdue || log.count("job deaf(one) #") != 1 || s.Overdue != 1 || s.Jobs[0].Overdue != 1 || s.Running != 1 {
		t.Errorf("it is %s, the log has %q, the numbers are %+v", state(), log.list, s)
	}
	if err := job.Wait(); !errdefs.Is(err, errdefs.KindDeadline) {
		t.Errorf("Wait says %v", err)
	}
	clock.Advance(time.Hour)
	close(gate)
	for len(eng.Running()) > 0 {
		time.Sleep(time.Millisecond)
	}
	if s := eng.Stats(); log.count("has ended now") != 1 || log.count("deaf") != 2 || s.Overdue != 0 || s.Jobs[0].Overdue != 1 {
		t.Errorf("afterwards the log has %q, the numbers are %+v", log.list, s)
	}
}

// The same for jobs that nothing watches, since they run in the goroutine of
// their caller and have no streams; also the child of such a job.
func TestOverdueOfWhatNobodyWatches(t *testing.T) {
	eng := enginetest.New(t)
	eng.SetGrace(20 * time.Millisecond)
	var log lines
	eng.SetLogf(log.logf)
	gate, within := make(chan struct{}), make(chan struct{})
	must(t, eng.Register("deaf", func(*engine.Job) error { close(within); <-gate; return nil }))
	must(t, eng.Register("outer", func(job *engine.Job) error { return job.Job("deaf").Run() }))
	must(t, eng.Register("nop", nop))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { _ = eng.Job("outer").SetContext(ctx).Run() })
	<-within
	must(t, eng.Job("nop").SetContext(ctx).Run())
	time.Sleep(50 * time.Millisecond) // some rounds in which there is nothing to do
	stop()
	for begin := time.Now(); eng.Stats().Overdue < 2; time.Sleep(time.Millisecond) {
		if time.Since(begin) > 5*time.Second {
			t.Fatalf("the numbers are %+v", eng.Stats())
		}
	}
	close(gate)
	wg.Wait()
	for _, want := range []string{"job deaf() #", "job outer() #"} {
		if log.count(want) != 3 || log.count("still runs") != 2 || log.count("has ended now") != 2 { // "+", "still", "ended"
			t.Errorf("%s: the log has %q", want, log.list)
		}
	}
}
