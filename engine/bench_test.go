package engine_test

import (
	"context"
	"testing"

	"github.com/enginejobs/docker/engine"
)

// When nobody looks, a job costs one allocation: the job. That its end is noted
// in the ring and in the numbers adds none, nor do middleware, an authorizer,
// limits and a context.
func TestDispatchAllocations(t *testing.T) {
	eng := engine.New()
	must(t, eng.Declare(engine.Declaration{
		Name: "nop", Args: []engine.Arg{{Name: "NAME", Optional: true}}, Env: []engine.Key{{Name: "t"}}, Handler: nop,
	}))
	eng.Use(func(next engine.Handler) engine.Handler { return next })
	eng.SetAuthorizer(func(*engine.Job) error { return nil })
	eng.SetLimits(engine.Limits{Reads: 2, Writes: 2, QueuePerClient: 2})
	for range 1200 { // the ring has grown, and goes round
		_ = eng.Job("nop").Run()
	}
	ctx, cancel := context.WithCancel(from("uid:0"))
	defer cancel()
	args := []string{"x"}
	for what, c := range map[string]struct {
		run  func()
		most float64
	}{
		"bare":    {func() { _ = eng.Job("nop").Run() }, 1},
		"arg":     {func() { _ = eng.Job("nop", args...).Run() }, 1},
		"context": {func() { _ = eng.Job("nop").SetContext(ctx).Run() }, 1},
		"env":     {func() { j := eng.Job("nop"); j.Setenv("t", "x"); _ = j.Run() }, 2},
	} {
		if n := testing.AllocsPerRun(2000, c.run); n > c.most {
			t.Errorf("%s: %v allocations, want %v", what, n, c.most)
		}
	}
}

// BenchmarkLooked is what it costs a job that somebody looks: a subscriber that
// keeps up, and one that does not read at all.
func BenchmarkLooked(b *testing.B) {
	for _, c := range []struct {
		name  string
		watch func(eng *engine.Engine) (stop func())
	}{
		{"nobody", func(*engine.Engine) func() { return func() {} }},
		{"one subscriber", func(eng *engine.Engine) func() {
			sub := eng.Subscribe(1024)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range sub.C() {
				}
			}()
			return func() { sub.Close(); <-done }
		}},
		{"one that does not read", func(eng *engine.Engine) func() { return eng.Subscribe(1).Close }},
	} {
		b.Run(c.name, func(b *testing.B) {
			eng := engine.New()
			_ = eng.Register("nop", nop)
			defer c.watch(eng)()
			b.ReportAllocs()
			for b.Loop() {
				_ = eng.Job("nop").Run()
			}
		})
	}
}

// BenchmarkLimited is a job that has to ask for its turn and gets it.
func BenchmarkLimited(b *testing.B) {
	eng := engine.New()
	_ = eng.Register("nop", nop)
	eng.SetLimits(engine.Limits{Reads: 4, Writes: 4})
	ctx := from("uid:0")
	b.ReportAllocs()
	for b.Loop() {
		_ = eng.Job("nop").SetContext(ctx).Run()
	}
}

func BenchmarkDispatch(b *testing.B) {
	nop := func(*engine.Job) error { return nil }
	eng := engine.New()
	if err := eng.Declare(engine.Declaration{
		Name: "nop", Args: []engine.Arg{{Name: "NAME", Optional: true}},
		Env: []engine.Key{{Name: "t", Type: engine.Int}}, Handler: nop,
	}); err != nil {
		b.Fatal(err)
	}
	run := func(b *testing.B, job func() *engine.Job) {
		b.ReportAllocs()
		for b.Loop() {
			if err := job().Run(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("bare", func(b *testing.B) { run(b, func() *engine.Job { return eng.Job("nop") }) })
	b.Run("arg", func(b *testing.B) { run(b, func() *engine.Job { return eng.Job("nop", "x") }) })
	b.Run("env", func(b *testing.B) {
		run(b, func() *engine.Job { j := eng.Job("nop", "x"); j.SetenvInt("t", 3); return j })
	})
	b.Run("context", func(b *testing.B) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		run(b, func() *engine.Job { return eng.Job("nop").SetContext(ctx) })
	})
	b.Run("output", func(b *testing.B) {
		run(b, func() *engine.Job { j := eng.Job("nop"); _, _ = j.Output(); return eng.Job("nop") })
	})
	b.Run("child", func(b *testing.B) {
		eng.Replace("outer", func(job *engine.Job) error { return job.Job("nop").Run() })
		run(b, func() *engine.Job { return eng.Job("outer") })
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_ = eng.Job("nop").Run()
			}
		})
	})
}
