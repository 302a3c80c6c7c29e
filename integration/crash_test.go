package integration

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/integration/leakcheck"
)

// The crash loop: clients do whatever clients do, and in every round the daemon,
// the exec engine, both, or a client is killed at a random moment. After each
// round everything that was answered must be so, and in the end nothing may be
// left on the machine.

var (
	crashRounds = flag.Int("crash.rounds", 200, "rounds of the crash loop")
	crashSeed   = flag.Uint64("crash.seed", 0, "seed of the crash loop; 0 takes one from the clock")
)

const (
	crashWorkers = 4
	crashPeople  = 8 // containers of each worker, at most
)

// crash is one run of the loop.
type crash struct {
	t       *testing.T
	d       *daemonproc.Daemon
	api     *caller
	rand    *rand.Rand  // of the loop; every worker has its own
	killed  atomic.Bool // something was killed in this round
	broken  atomic.Bool // the exec engine was killed in this round, or before the operation ended
	engaged atomic.Bool // an exec engine has answered since the last one was killed
	workers []*crashWorker
	ids     []string // of all containers there ever were
	names   map[string]bool
	serving []time.Duration // from the kill of a daemon until the next one served
	done    map[string]int  // operations by name
}

// TestCrashLoop is the loop. It prints its seed; the same seed asks for the same
// operations, though not at the same moments.
func TestCrashLoop(t *testing.T) {
	rounds := *crashRounds
	if testing.Short() {
		rounds = min(rounds, 20)
	}
	daemonproc.Require(t)
	reapOrphans(t)
	before := leakcheck.Take()
	c := newCrash(t)
	d := c.d
	for round := range rounds {
		c.round(round)
		if t.Failed() {
			text, _ := os.ReadFile(d.Root + "/execdriver/native/engine.log") // none, no messages
			t.Fatalf("after round %d; the exec engine said:\n%s", round, text[max(0, len(text)-3000):])
		}
	}
	c.removeAll()
	mine := append(c.ids, d.Bridge, d.Dir)
	if code, err := d.Stop(); err != nil || code != 0 {
		t.Errorf("stopping the last daemon: %d, %v", code, err)
	}
	if left := leakedBy(before, mine, d.Bridge); len(left) > 0 {
		t.Errorf("left on the machine: %q", left)
	}
	slices.Sort(c.serving)
	if n := len(c.serving); n > 0 {
		t.Logf("serving again after a kill: median %v, longest %v of %d", c.serving[n/2], c.serving[n-1], n)
	}
	t.Logf("%d rounds, %d containers, operations: %v", rounds, len(c.ids), c.done)
}

func newCrash(t *testing.T) *crash {
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (-crash.seed=%d)", seed, seed)
	d := daemonproc.Start(t, daemonproc.Options{Quiet: true})
	c := &crash{
		t: t, d: d, api: newCaller(d), rand: rand.New(rand.NewPCG(seed, 0)),
		names: map[string]bool{}, done: map[string]int{},
	}
	for i := range crashWorkers {
		c.workers = append(c.workers, &crashWorker{c: c, number: i, rand: rand.New(rand.NewPCG(seed, uint64(i+1))), done: map[string]int{}})
	}
	return c
}

// round works, kills, brings back and checks.
func (c *crash) round(round int) {
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	c.killed.Store(false)
	c.broken.Store(false)
	for _, w := range c.workers {
		w.round = round
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	for _, w := range c.workers {
		all.Go(func() { w.work(ctx, stop) })
	}
	time.Sleep(time.Duration(10+c.rand.IntN(200)) * time.Millisecond)
	target := []string{"daemon", "daemon", "engine", "both", "client"}[c.rand.IntN(5)]
	c.done["kill "+target]++
	engaged := c.engaged.Load()
	began := c.kill(target, cancel)
	close(stop)
	all.Wait()
	// Who ends while both are gone has no witness; until the next exec engine has
	// been given what runs, the one before is gone. Only a daemon that is killed
	// can cut off a start that the policy asked for.
	daemon := target == "daemon" || target == "both"
	both := target == "both" || daemon && !engaged
	for _, w := range c.workers {
		for _, b := range w.boxes {
			b.lost = b.lost || both && (!b.long || b.signalled) || daemon && b.policy != ""
		}
	}
	if c.d.Pid() == 0 {
		if err := c.d.Start(); err != nil {
			c.t.Fatalf("round %d, after the kill of %s: %v", round, target, err)
		}
		c.serving = append(c.serving, time.Since(began))
	}
	for _, w := range c.workers {
		for op, n := range w.done {
			c.done[op] += n
		}
		clear(w.done)
	}
	c.check(fmt.Sprintf("round %d, after the kill of %s", round, target))
}

// kill ends what the round is about and tells when the daemon could be started
// again. From now on, an operation may fail.
func (c *crash) kill(target string, leave context.CancelFunc) time.Time {
	c.killed.Store(true)
	var engine int
	if target == "engine" || target == "both" {
		c.broken.Store(true)
		var err error
		if engine, err = c.d.ExecEngine(); err != nil {
			engine = 0 // it starts with the first container, or has just been killed
		}
	}
	if target == "daemon" || target == "both" {
		if err := c.d.Kill9(); err != nil {
			c.t.Error(err)
		}
	}
	if engine != 0 {
		if err := syscall.Kill(engine, syscall.SIGKILL); err != nil {
			c.t.Errorf("killing the exec engine %d: %v", engine, err)
		}
		c.engaged.Store(false)
	}
	if target == "client" {
		leave() // every request is dropped where it is
	}
	return time.Now()
}

// removeAll removes every container and looks whether names are free.
func (c *crash) removeAll() {
	ctx := c.t.Context()
	for _, w := range c.workers {
		for _, b := range w.boxes {
			if err := c.api.call(ctx, "DELETE", "/containers/"+b.id+"?force=1&v=1", nil, nil); err != nil {
				c.t.Errorf("removing %s: %v", b, err)
			}
		}
	}
	var rest []struct{ Names []string }
	if err := c.api.call(ctx, "GET", "/containers/json?all=1", nil, &rest); err != nil || len(rest) > 0 {
		c.t.Errorf("left after removing all: %v %v", rest, err)
	}
	for name := range c.names {
		var made struct{ ID string }
		err := c.api.call(ctx, "POST", "/containers/create?name="+name, map[string]any{"Image": "busybox", "Cmd": []string{"true"}}, &made)
		if err == nil {
			err = c.api.call(ctx, "DELETE", "/containers/"+made.ID, nil, nil)
		}
		if err != nil {
			c.t.Errorf("the name %s is not free: %v", name, err)
		}
	}
	if dirs := entriesOf(c.t, c.d.Root+"/volumes"); len(dirs) > 0 {
		c.t.Errorf("volumes were left: %v", dirs)
	}
	if dirs := entriesOf(c.t, c.d.Root+"/containers"); len(dirs) > 0 {
		c.t.Errorf("directories of containers were left: %v", dirs)
	}
}
