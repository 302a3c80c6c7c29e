package engine_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// Middleware goes around every handler, whoever registered it.
func ExampleEngine_Use() {
	eng := engine.New()
	eng.Use(func(next engine.Handler) engine.Handler {
		return func(job *engine.Job) error {
			fmt.Println("before", job.Name)
			err := next(job)
			fmt.Println("after", job.Name)
			return err
		}
	})
	_ = eng.Register("greet", func(*engine.Job) error { fmt.Println("hello"); return nil })
	_ = eng.Job("greet").Run()
	// Output:
	// before greet
	// hello
	// after greet
}

// A subscriber sees every job start and end, children included.
func ExampleEngine_Subscribe() {
	eng := engine.New()
	_ = eng.Register("outer", func(job *engine.Job) error { return job.Job("inner", "x").Run() })
	_ = eng.Register("inner", func(*engine.Job) error { return errdefs.NotFound("no such thing") })

	sub := eng.Subscribe(100)
	_ = eng.Job("outer").Run()
	sub.Close()
	for r := range sub.C() {
		fmt.Println(r.Name, r.Args, "child:", r.Parent != "", "ended:", r.Ended, "not found:", r.Kind == "not_found")
	}
	// Output:
	// outer [] child: false ended: false not found: false
	// inner [x] child: true ended: false not found: false
	// inner [x] child: true ended: true not found: true
	// outer [] child: false ended: true not found: true
}

// Who asks is in the context; the authorizer decides. What a job does on behalf
// of its caller is not asked about again.
func ExampleEngine_SetAuthorizer() {
	eng := engine.New()
	_ = eng.Register("stop", func(*engine.Job) error { return nil })
	eng.SetAuthorizer(func(job *engine.Job) error {
		if d, _ := job.Eng.Describe(job.Name); d.Changes || !d.Declared {
			return errdefs.Forbidden("%s may only look", job.Caller().Client)
		}
		return nil
	})
	guest := engine.WithCaller(context.Background(), &engine.Caller{Client: "tls:guest"})
	fmt.Println(eng.Job("stop", "web").SetContext(guest).Run())
	fmt.Println(eng.Job("commands").SetContext(guest).Run())
	fmt.Println(eng.Job("stop", "web").Run()) // the program's own work
	// Output:
	// tls:guest may only look
	// <nil>
	// <nil>
}

// At most two changes at once; clients take turns.
func ExampleEngine_SetLimits() {
	eng := engine.New()
	eng.SetLimits(engine.Limits{Reads: 100, Writes: 2, QueuePerClient: 50})
	_ = eng.Declare(engine.Declaration{
		Name: "build", Changes: true,
		Handler: func(job *engine.Job) error { job.Printf("built"); return nil },
	})
	ctx := engine.WithCaller(context.Background(), &engine.Caller{Client: "uid:1000"})
	out, err := eng.Job("build").SetContext(ctx).Output()
	fmt.Println(string(out), err)
	// Output: built <nil>
}

// Phases say where the time of a job went, in traces and in statistics.
func ExampleJob_Phase() {
	eng := engine.New()
	_ = eng.Register("boot", func(job *engine.Job) error {
		// ... make the network ...
		job.Phase("network")
		// ... start the process ...
		job.Phase("process")
		return nil
	})
	_ = eng.Job("boot").Run()
	var names []string
	for _, p := range eng.Recent(1)[0].Phases {
		names = append(names, p.Name)
	}
	fmt.Println(strings.Join(names, ", "))
	// Output: network, process
}

// An engine without jobs of its own, which asks another one for everything.
func ExampleNewEmpty() {
	back := engine.New()
	_ = back.Register("echo", func(job *engine.Job) error { job.Printf("%s", job.Args[0]); return nil })

	front := engine.NewEmpty()
	front.RegisterCatchall(func(job *engine.Job) error {
		far := back.Job(job.Name, job.Args...).SetContext(job.Context())
		far.Stdout.Add(job.Stdout)
		return far.Run()
	})
	out, err := front.Job("echo", "hello").Output()
	fmt.Println(string(out), err)
	// Output: hello <nil>
}
