package remote_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// newEngine makes an engine with a job for everything that crosses the wire.
func newEngine(t testing.TB) *engine.Engine {
	t.Helper()
	eng := enginetest.New(t)
	for name, handler := range map[string]engine.Handler{
		"say":   say,
		"cat":   func(job *engine.Job) error { _, err := io.Copy(job.Stdout, job.Stdin); return err },
		"hang":  hang,
		"who":   who,
		"mute":  func(job *engine.Job) error { return nil },
		"yes":   func(job *engine.Job) error { return yes(job) },
		"count": func(job *engine.Job) error { n, err := io.Copy(io.Discard, job.Stdin); job.Printf("%d", n); return err },
		"panic": func(*engine.Job) error { panic("on purpose") },
		"echo": func(job *engine.Job) error {
			job.Printf("%s", strings.Join(job.Args, " "))
			return nil
		},
		"fail": func(job *engine.Job) error {
			if len(job.Args) > 1 {
				job.Printf("%s", job.Args[1])
			}
			kind, text := errdefs.ParseKind(job.Args[0]), job.Getenv("text")
			return &errdefs.Error{Kind: kind, Code: job.GetenvInt("code"), Err: fmt.Errorf("failing: %s", text)}
		},
	} {
		if err := eng.Register(name, handler); err != nil {
			t.Fatal(err)
		}
	}
	err := eng.Declare(engine.Declaration{
		Name: "strict", Summary: "Take one argument and one key.",
		Args:    []engine.Arg{{Name: "WHAT", Summary: "anything"}},
		Env:     []engine.Key{{Name: "count", Type: engine.Int, Summary: "a number"}},
		Handler: func(job *engine.Job) error { job.Printf("%s %d", job.Args[0], job.GetenvInt("count")); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return eng
}

func say(job *engine.Job) error {
	job.Printf("%s\n", strings.Join(job.Args, " "))
	job.Warnf("careful")
	return errdefs.Conflict("and that was it")
}

// hang writes a line and waits for its end.
func hang(job *engine.Job) error {
	job.Printf("%s", job.Getenv("first"))
	<-job.Context().Done()
	return job.Context().Err()
}

// yes writes until somebody stops it.
func yes(job *engine.Job) error {
	line := []byte(strings.Repeat("y\n", 2048))
	for {
		if _, err := job.Stdout.Write(line); err != nil {
			return err
		}
		if err := job.Context().Err(); err != nil {
			return err
		}
	}
}

// who writes what the job knows of its caller and its env.
func who(job *engine.Job) error {
	c := job.Caller()
	job.Printf("%s|%s|%s|%s|%s|", c.Network, c.Client, strings.Join(c.Via, ">"), c.Parent, c.Trace)
	_, limited := job.Context().Deadline()
	job.Printf("%v|", limited)
	return job.EncodeEnv(job.Stdout)
}
