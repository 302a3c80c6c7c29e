package engine_test

import (
	"context"
	"testing"

	"github.com/enginejobs/docker/engine"
)

// A job without options costs a handful of allocations, whatever the machine.
func TestDispatchAllocations(t *testing.T) {
	eng := engine.New()
	if err := eng.Register("nop", nop); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = eng.Job("nop", "x").Run() }); n > 4 {
		t.Errorf("%v allocations", n)
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
