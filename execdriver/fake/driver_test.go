package fake

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/exectest"
	"github.com/enginejobs/docker/pkg/mount"
)

func TestContract(t *testing.T) {
	exectest.Run(t, func(t *testing.T) exectest.Harness {
		world := NewWorld()
		t.Cleanup(world.KillAll)
		root := t.TempDir()
		return exectest.Harness{
			Open:    func(*testing.T) execdriver.Driver { return world.Driver(Options{}) },
			Command: func(*testing.T) *execdriver.Command { return newCommand(root) },
		}
	})
}

func newCommand(root string, args ...string) *execdriver.Command {
	c := &execdriver.Command{ID: "c", Process: execdriver.Process{Args: args}}
	c.Root = []mount.Mount{{Type: "bind", Source: root}}
	return c
}

func TestFailStart(t *testing.T) {
	broken := errors.New("the third start breaks")
	starts := 0
	d := New(Options{FailStart: func(*execdriver.Command) error {
		if starts++; starts == 3 {
			return broken
		}
		return nil
	}})
	t.Cleanup(d.world.KillAll)
	for i, want := range []error{nil, nil, broken, nil} {
		cmd := newCommand("/", "true")
		cmd.ID = string(rune('a' + i))
		if _, err := d.Start(context.Background(), cmd, execdriver.Output{}); !errors.Is(err, want) {
			t.Errorf("start %d: %v, want %v", i+1, err, want)
		}
	}
}

func TestTermIsIgnoredOnRequest(t *testing.T) {
	d := New(Options{})
	exits := make(chan execdriver.Exit, 1)
	d.OnExit(func(e execdriver.Exit) { exits <- e })
	if _, err := d.Start(context.Background(), newCommand("/", "sh", "-c", "ignore-term; sleep 60"), execdriver.Output{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	if err := d.Signal(context.Background(), "c", sigTerm); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-exits:
		t.Fatalf("it ended: %+v", e)
	case <-time.After(50 * time.Millisecond):
	}
	d.world.KillAll()
	if e := <-exits; e.Code != 137 {
		t.Fatalf("%+v", e)
	}
}

func TestScripts(t *testing.T) {
	for script, want := range map[string]int{
		"true": 0, "false": 1, "false || exit 4": 4, "true && exit 5": 5, "true || exit 6; false": 1,
		"nothing-of-the-kind": 127, "exit 300": 44, "": 0, ";;": 0,
	} {
		run, err := parseScript([]string{"/bin/sh", "-c", script})
		if err != nil {
			t.Errorf("%q: %v", script, err)
			continue
		}
		p := &process{killed: make(chan struct{})}
		if got, _ := run(p); got != want {
			t.Errorf("%q: %d, want %d", script, got, want)
		}
	}
	for _, bad := range [][]string{nil, {"sleep", "soon"}, {"sh", "-c", "echo 'open"}, {"sh", "-c", "sleep x"}} {
		if _, err := parseScript(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
