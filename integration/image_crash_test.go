//go:build linux

package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/registry/registrytest"
)

// TestImageCrashLoop kills the daemon at any moment of pulls and removals. What a
// client was told is so afterwards, and the check of all images finds nothing.
// It takes -crash.rounds and -crash.seed of the crash loop.
func TestImageCrashLoop(t *testing.T) {
	rounds, seed := *crashRounds, *crashSeed
	if testing.Short() {
		rounds = min(rounds, 10)
	}
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (-crash.seed=%d)", seed, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	daemonproc.Require(t)
	peer := registrytest.New(t, registrytest.Options{})
	d := daemonproc.Start(t, daemonproc.Options{Quiet: true})
	var names [3]string
	var ids [3]string
	for i := range names {
		names[i] = fmt.Sprintf("%s/team/n%d:v1", peer.Host(), i)
		d.Must(t, "run", "--name", "make", "--net", "none", "busybox", "sh", "-c", fmt.Sprintf("yes %d | head -c 3000000 > /more", i))
		d.Must(t, "commit", "make", names[i])
		d.Must(t, "rm", "make")
		d.Must(t, "push", names[i])
		ids[i] = identity(t, d.Must(t, "inspect", names[i])).ID
		d.Must(t, "rmi", "-f", ids[i])
	}
	changes := 0
	for range rounds {
		here := map[int]bool{} // what was answered last; absent: cut off
		killDuring(t, d, time.Duration(random.IntN(250))*time.Millisecond, func(ctx context.Context) {
			for ctx.Err() == nil {
				i := random.IntN(len(names))
				delete(here, i)
				if d.Command(ctx, d.Bin, "pull", names[i]).Run() == nil {
					here[i] = true
					changes++
				}
				if random.IntN(2) > 0 {
					delete(here, i)
					if d.Command(ctx, d.Bin, "rmi", names[i]).Run() == nil {
						here[i] = false
						changes++
					}
				}
			}
		})
		for i, want := range here {
			r := d.Docker("inspect", names[i])
			if got := r.Code == 0; got != want || got && identity(t, r.Stdout).ID != ids[i] {
				t.Errorf("%s: there: %v, as answered: %v", names[i], got, want)
			}
		}
		d.Must(t, "image", "check")
		if t.Failed() {
			return
		}
	}
	t.Logf("%d changes in %d rounds", changes, rounds)
	for i, name := range names { // and everything can be had again
		d.Must(t, "pull", name)
		if got := identity(t, d.Must(t, "inspect", name)).ID; got != ids[i] {
			t.Errorf("%s is %s, was %s", name, got, ids[i])
		}
	}
}

// killDuring kills the daemon a while after work began, and starts another one
// when work has ended.
func killDuring(t *testing.T, d *daemonproc.Daemon, after time.Duration, work func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() { // ends with its context
		defer close(done)
		work(ctx)
	}()
	time.Sleep(after)
	err := d.Kill9()
	cancel()
	<-done
	if err == nil {
		err = d.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
}
