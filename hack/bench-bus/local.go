package main

import (
	"context"
	"io"

	"github.com/enginejobs/docker/engine"
)

// localContenders are jobs on an engine in the process of the caller.
func localContenders() []contender {
	bare := func(ctx context.Context, eng *engine.Engine, payload string) (string, error) {
		return payload, eng.Job("nothing", payload).Run()
	}
	full := func(ctx context.Context, eng *engine.Engine, payload string) (string, error) {
		job := eng.Job("echo", payload).SetContext(ctx)
		job.Setenv("suffix", "")
		out, err := job.Output()
		return string(out), err
	}
	return []contender{
		{name: nameDispatch, about: "Job(name, arg).Run() of a handler that does nothing, in this process", dial: dialLocal(bare)},
		{name: nameLocal, about: "Job(name, payload).Output() in this process: the echo itself, no other process, no bytes on a wire", dial: dialLocal(localEcho)},
		{name: "local echo, all", about: "the same with a declared env key and a context that can be cancelled", dial: dialLocal(full)},
	}
}

func localEcho(_ context.Context, eng *engine.Engine, payload string) (string, error) {
	out, err := eng.Job("echo", payload).Output()
	return string(out), err
}

// newEngine makes the engine that every form of the bus serves: echo answers
// with its argument, cat with its stdin.
func newEngine() (*engine.Engine, error) {
	eng := engine.New()
	return eng, eng.Declare(
		engine.Declaration{Name: "nothing", Args: []engine.Arg{{Name: "PAYLOAD"}}, Handler: func(*engine.Job) error { return nil }},
		engine.Declaration{
			Name: "echo", Args: []engine.Arg{{Name: "PAYLOAD"}}, Env: []engine.Key{{Name: "suffix"}}, Stdout: engine.Bytes,
			Handler: func(job *engine.Job) error {
				_, err := io.WriteString(job.Stdout, job.Args[0])
				return err
			},
		},
		engine.Declaration{Name: "cat", Stdin: engine.Bytes, Stdout: engine.Bytes, Handler: func(job *engine.Job) error {
			_, err := io.Copy(job.Stdout, job.Stdin)
			return err
		}},
	)
}

// localClient runs jobs on an engine of this process.
type localClient struct {
	eng  *engine.Engine
	call func(ctx context.Context, eng *engine.Engine, payload string) (string, error)
}

func dialLocal(call func(context.Context, *engine.Engine, string) (string, error)) func(context.Context, string) (client, error) {
	return func(context.Context, string) (client, error) {
		eng, err := newEngine()
		return &localClient{eng, call}, err
	}
}

func (c *localClient) echo(ctx context.Context, payload string) (string, error) {
	return c.call(ctx, c.eng, payload)
}

func (c *localClient) close() error { return nil }
