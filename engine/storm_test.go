package engine_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
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
