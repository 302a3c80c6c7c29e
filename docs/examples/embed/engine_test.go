package embed_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// install puts the jobs of a small shop on an engine.
func install(eng *engine.Engine) error {
	return eng.Declare(
		engine.Declaration{
			Name: "charge", Summary: "Charge a card.",
			Args:    []engine.Arg{{Name: "CENTS"}},
			Env:     []engine.Key{{Name: "card", Secret: true, Summary: "its number"}},
			Changes: true,
			Handler: func(*engine.Job) error { return errdefs.Unavailable("the bank is closed") },
		},
		engine.Declaration{
			Name: "order", Summary: "Order what comes on stdin, one thing in a line.",
			Env:   []engine.Key{{Name: "card", Secret: true}},
			Stdin: engine.Bytes, Stdout: engine.Bytes, Changes: true,
			Handler: order,
		},
	)
}

// order charges first: a child job has its parent's context and trace.
func order(job *engine.Job) error {
	list, err := io.ReadAll(job.Stdin)
	if err != nil {
		return err
	}
	things := strings.Fields(string(list))
	if len(things) == 0 {
		return errdefs.InvalidArgument("there is nothing to order")
	}
	charge := job.Job("charge", fmt.Sprint(100*len(things)))
	charge.Setenv("card", job.Getenv("card"))
	if err := charge.Run(); err != nil {
		return fmt.Errorf("ordering %d things: %w", len(things), err)
	}
	job.Printf("%d things are on their way\n", len(things))
	return nil
}

func TestOrder(t *testing.T) {
	eng := enginetest.New(t)
	if err := install(eng); err != nil {
		t.Fatal(err)
	}
	bank := enginetest.Fake(eng, "charge") // instead of the real one
	bank.Answers = []enginetest.Answer{{Err: errdefs.Forbidden("the card is blocked")}}
	trace := enginetest.StartTrace(t, eng)

	buy := func(list string) enginetest.Result {
		job := eng.Job("order")
		job.Setenv("card", "4000 0000 0000 0002")
		if err := job.Stdin.Add(strings.NewReader(list)); err != nil {
			t.Fatal(err)
		}
		return enginetest.Run(job)
	}
	// The first answer of the fake is a refusal; its kind reaches the caller.
	if r := buy("tea\n"); errdefs.KindOf(r.Err) != errdefs.KindForbidden {
		t.Errorf("with a blocked card: %v", r.Err)
	}
	if r := buy("tea\nmilk\n"); r.Err != nil || r.Stdout != "2 things are on their way\n" {
		t.Errorf("%+v", r)
	}
	if calls := bank.Calls(); len(calls) != 2 || calls[1].Args[0] != "200" {
		t.Errorf("the bank saw %+v", calls)
	}
	// The whole run as a tree, with the card masked, beside the test.
	trace.Golden(t, "testdata/order.trace")
}

// A handler that panics fails its job and nothing else.
func TestPanic(t *testing.T) {
	eng := enginetest.New(t)
	enginetest.Fake(eng, "divide").Do = func(*engine.Job) error {
		var nothing []int
		_ = nothing[7]
		return nil
	}
	err := eng.Job("divide").Run()
	var panicked *engine.PanicError
	if !errors.As(err, &panicked) {
		t.Errorf("got %v", err)
	}
}
