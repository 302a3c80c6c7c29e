package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// An engine is a set of named jobs. A job has arguments, an environment, three
// streams and a result, like a process.
func Example() {
	eng := engine.New()
	err := eng.Register("greet", func(job *engine.Job) error {
		job.Printf("Hello, %s!\n", strings.Join(job.Args, " and "))
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	job := eng.Job("greet", "Ada", "Grace")
	job.Stdout.Add(os.Stdout)
	if err := job.Run(); err != nil {
		fmt.Println(err)
	}
	// Output: Hello, Ada and Grace!
}

// A declaration says what a job takes. The engine checks it, so the handler
// needs no code for missing arguments and malformed numbers.
func ExampleEngine_Declare() {
	eng := engine.New()
	err := eng.Declare(engine.Declaration{
		Name:    "repeat",
		Summary: "Write a word several times.",
		Args:    []engine.Arg{{Name: "WORD"}},
		Env:     []engine.Key{{Name: "times", Type: engine.Int, Default: "2"}},
		Stdout:  engine.Bytes,
		Handler: func(job *engine.Job) error {
			job.Printf("%s", strings.Repeat(job.Args[0], job.GetenvInt("times")))
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	out, _ := eng.Job("repeat", "ha").Output()
	fmt.Printf("%s\n", out)

	fmt.Println(eng.Job("repeat").Run())
	job := eng.Job("repeat", "ha")
	job.Setenv("times", "often")
	fmt.Println(job.Run())
	// Output:
	// haha
	// job repeat does not take 0 arguments, usage: repeat WORD
	// job repeat: env key "times" must be a whole number, not "often"
}

// Any job can be replaced by a fake, so whoever calls it can be tested alone.
func ExampleEngine_Replace() {
	eng := engine.New()
	_ = eng.Register("disk_usage", func(*engine.Job) error { return errors.New("needs root") })

	// The fake, in three lines:
	eng.Replace("disk_usage", func(job *engine.Job) error {
		return job.WriteJSON(map[string]int{"GB": 42})
	})

	var usage struct{ GB int }
	fmt.Println(eng.Job("disk_usage").OutputJSON(&usage), usage.GB)
	// Output: <nil> 42
}

// Errors keep their kind on the way through the bus, however often they are
// wrapped.
func ExampleJob_Run_errors() {
	eng := engine.New()
	_ = eng.Register("inspect", func(job *engine.Job) error {
		return errdefs.NotFound("no such container: %s", job.Args[0])
	})
	job := eng.Job("inspect", "web")
	err := job.Run()
	fmt.Println(err, "|", errdefs.KindOf(err), "|", job.Status())

	job = eng.Job("insepct", "web")
	err = job.Run()
	fmt.Println(err, "|", errdefs.KindOf(err), "|", job.Status())
	// Output:
	// no such container: web | not_found | 1
	// insepct: command not found | unknown_job | 127
}

// A job can read a stream while it is being written, and be one stage of a pipe.
func ExampleOutput_AddPipe() {
	eng := engine.New()
	_ = eng.Register("count", func(job *engine.Job) error {
		for i := range 3 {
			job.Printf("line %d\n", i)
		}
		return nil
	})
	_ = eng.Register("upper", func(job *engine.Job) error {
		text, err := io.ReadAll(job.Stdin)
		job.Printf("%s", strings.ToUpper(string(text)))
		return err
	})
	count, upper := eng.Job("count"), eng.Job("upper")
	_ = upper.Stdin.AddCloser(count.Stdout.AddPipe())
	upper.Stdout.Add(os.Stdout)
	_ = count.Start()
	_ = upper.Run()
	_ = count.Wait()
	// Output:
	// LINE 0
	// LINE 1
	// LINE 2
}

// A job that waits looks at its context. It ends when the caller gives up.
func ExampleJob_SetContext() {
	eng := engine.New()
	_ = eng.Register("wait", func(job *engine.Job) error {
		select {
		case <-time.After(time.Hour):
			return nil
		case <-job.Context().Done():
			return fmt.Errorf("waiting: %w", job.Context().Err())
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := eng.Job("wait").SetContext(ctx).Run()
	fmt.Println(err, "|", errdefs.KindOf(err))
	// Output: waiting: context deadline exceeded | deadline
}

// A catch-all gets every job that nobody else handles: the way to another
// engine, be it in this process or in another one.
func ExampleEngine_RegisterCatchall() {
	far, near := engine.New(), engine.New()
	_ = far.Register("where", func(job *engine.Job) error { job.Printf("far away\n"); return nil })
	near.RegisterCatchall(func(job *engine.Job) error {
		there := far.Job(job.Name, job.Args...).SetContext(job.Context())
		there.Env().Init(job.Env())
		there.Stdout.Add(job.Stdout)
		return there.Run()
	})
	out, err := near.Job("where").Output()
	fmt.Printf("%s%v\n", out, err)
	// Output:
	// far away
	// <nil>
}

// Jobs can come from text: words are the name and the arguments, words with an
// equals sign the environment.
func ExampleEngine_ParseJob() {
	eng := engine.New()
	job, err := eng.ParseJob("VERBOSE=1 echo hello TEST=true world")
	fmt.Println(job.Name, job.Args, job.Environ(), err)
	// Output: echo [hello world] map[TEST:true VERBOSE:1] <nil>
}

// Shutdown refuses new work, tells running jobs to stop, waits for them, and
// then undoes what the start did, last things first.
func ExampleEngine_Shutdown() {
	eng := engine.New()
	_ = eng.Register("serve", func(job *engine.Job) error {
		<-job.Context().Done()
		fmt.Println("served")
		return nil
	})
	eng.OnShutdown("pidfile", func(context.Context) error { fmt.Println("pidfile removed"); return nil })
	eng.OnShutdown("store", func(context.Context) error { fmt.Println("store closed"); return nil })
	job := eng.Job("serve")
	_ = job.Start()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(eng.Shutdown(ctx), job.Wait())
	fmt.Println(eng.Job("serve").Run())
	// Output:
	// served
	// store closed
	// pidfile removed
	// <nil> <nil>
	// engine is shutdown
}
