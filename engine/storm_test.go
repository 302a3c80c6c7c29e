package engine_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// Many jobs with children, pipes, decoders and cancels at once; at the end
// nothing runs and nothing is left. It is worth most under -race.
func TestStorm(t *testing.T) {
	eng := enginetest.New(t)
	eng.SetGrace(5 * time.Millisecond)
	eng.SetLogf(func(string, ...any) {})
	eng.Subscribe(8) // nobody reads it
	must(t, eng.Register("leaf", func(job *engine.Job) error {
		job.Printf("{\"n\":1}\n")
		if rand.IntN(4) == 0 {
			<-job.Context().Done()
			return job.Context().Err()
		}
		_, err := io.Copy(job.Stdout, job.Stdin)
		return err
	}))
	must(t, eng.Register("node", func(job *engine.Job) error {
		a, b := job.Job("leaf"), eng.Job("leaf").SetContext(job.Context())
		a.Stdout.Add(job.Stdout)
		b.Stdout.Add(job.Stdout)
		env := b.Stdout.AddEnv()
		if err := b.Start(); err != nil {
			return err
		}
		err := a.Run()
		if werr := b.Wait(); werr == nil && env.GetInt("n") != 1 {
			return errors.New("the decoder has not ended")
		}
		return err
	}))
	run := func() {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		job := eng.Job("node").SetContext(ctx)
		r := job.Stdout.AddPipe()
		must(t, job.Stdin.Add(strings.NewReader("")))
		must(t, job.Start())
		timer := time.AfterFunc(rand.N(4*time.Millisecond), job.Cancel)
		if rand.IntN(2) == 0 {
			timer.Reset(time.Hour)
			time.AfterFunc(rand.N(4*time.Millisecond), stop)
		}
		if rand.IntN(2) == 0 {
			_, _ = io.Copy(io.Discard, r)
		}
		err := job.Wait()
		timer.Stop()
		switch kind := errdefs.KindOf(err); {
		case err == nil, errors.Is(err, io.ErrClosedPipe), kind == errdefs.KindCanceled:
		case kind == errdefs.KindDeadline: // a busy machine
		default:
			t.Errorf("got %v", err)
		}
		job.Cancel()
		_ = job.Status()
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				run()
				eng.Running()
			}
		})
	}
	wg.Wait()
	for deadline := time.Now().Add(2 * time.Second); len(eng.Running()) > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if left := eng.Running(); len(left) != 0 {
		t.Errorf("left running: %+v", left)
	}
}

// Everybody looks at and changes everything while jobs run. It is worth most
// under -race; at the end the numbers add up.
func TestLookingStorm(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Declare(engine.Declaration{
		Name: "work", Args: []engine.Arg{{Name: "A", Variadic: true, Optional: true}}, Env: []engine.Key{{Name: "k"}},
		Handler: func(job *engine.Job) error {
			job.Phase("one")
			job.Printf("x")
			job.Phase("two")
			return job.Context().Err()
		},
	}))
	stop := make(chan struct{})
	var lookers, workers sync.WaitGroup
	look := func(f func()) {
		lookers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	var started, ended, seen atomic.Int64
	look(func() {
		sub := eng.Subscribe(rand.IntN(64))
		defer sub.Close()
		for range rand.IntN(200) {
			select {
			case <-sub.C():
				seen.Add(1)
			case <-time.After(time.Millisecond):
			}
		}
	})
	look(func() { eng.Recent(10 - rand.IntN(20)) })
	look(func() { eng.Stats(); time.Sleep(time.Millisecond) })
	look(func() {
		for _, j := range eng.Running() {
			if rand.IntN(8) == 0 {
				_ = eng.CancelJob(j.ID)
			}
		}
	})
	look(func() {
		eng.SetLimits(engine.Limits{Reads: rand.IntN(4), Writes: rand.IntN(4), QueuePerClient: rand.IntN(3)})
		eng.SetAuthorizer(func(*engine.Job) error { return nil })
		time.Sleep(time.Millisecond)
	})
	for client := range 4 {
		workers.Go(func() {
			ctx := from(string(rune('a' + client)))
			for i := range 1500 {
				job := eng.Job("work", "a", "b", "c", "d", "e")
				job.Setenv("k", "v")
				if i%2 == 0 {
					job.SetContext(ctx)
				}
				started.Add(1)
				if job.Run() == nil {
					ended.Add(1)
				}
				job.Args[0] = "changed" // the caller's again
			}
		})
	}
	workers.Wait()
	close(stop)
	lookers.Wait()
	s := eng.Stats()
	var all uint64
	for _, n := range s.Jobs[0].Results {
		all += n
	}
	if s.Running != 0 || s.Queued != 0 || s.Subscribers != 0 || len(s.Jobs) != 1 ||
		all != uint64(started.Load()) || s.Jobs[0].Results[""] != uint64(ended.Load()) || s.Jobs[0].Duration.Count != all {
		t.Errorf("%d started, %d ended well, %+v", started.Load(), ended.Load(), s)
	}
	t.Logf("%d jobs, %d ended well, %d records seen", started.Load(), ended.Load(), seen.Load())
}
