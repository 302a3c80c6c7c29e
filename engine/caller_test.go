package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// from is a context of a client.
func from(client string) context.Context {
	return engine.WithCaller(context.Background(), &engine.Caller{Client: client, UID: -1, PID: -1})
}

func TestCallerIsInherited(t *testing.T) {
	eng := enginetest.New(t)
	var seen []string
	note := func(job *engine.Job) {
		client := "none"
		if c := job.Caller(); c != nil {
			client = c.Client
		}
		seen = append(seen, job.Name+" "+client)
	}
	must(t, eng.Register("leaf", func(job *engine.Job) error { note(job); return nil }))
	must(t, eng.Register("node", func(job *engine.Job) error {
		note(job)
		ctx, stop := context.WithCancel(job.Context())
		defer stop()
		other := engine.WithCaller(job.Context(), &engine.Caller{Client: "uid:7"})
		own := engine.WithCaller(job.Context(), nil)
		return errors.Join(job.Job("leaf").Run(), eng.Job("leaf").SetContext(ctx).Run(),
			eng.Job("leaf").SetContext(other).Run(), eng.Job("leaf").SetContext(own).Run(), eng.Job("leaf").Run())
	}))
	must(t, eng.Job("node").SetContext(from("uid:0")).Run())
	must(t, eng.Job("leaf").SetContext(context.Background()).Run())
	want := []string{"node uid:0", "leaf uid:0", "leaf uid:0", "leaf uid:7", "leaf none", "leaf none", "leaf none"}
	if !slices.Equal(seen, want) {
		t.Errorf("got %q\nwant %q", seen, want)
	}
}

// A job that another engine asked for names its parent there.
func TestParentOnAnotherEngine(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("nop", nop))
	ctx := engine.WithCaller(context.Background(), &engine.Caller{Client: "spawn", Parent: "12345678.9", Trace: "00-ab-cd-01"})
	job := eng.Job("nop").SetContext(ctx)
	must(t, job.Run())
	r := eng.Recent(1)[0]
	if job.ParentID() != "12345678.9" || r.Parent != "12345678.9" || r.Client != "spawn" || r.Trace != "00-ab-cd-01" {
		t.Errorf("got %q, %+v", job.ParentID(), r)
	}
}

// The authorizer is asked for what comes from outside, once: not for children,
// not for the program's own work, and before anything else is said about the job.
func TestAuthorizer(t *testing.T) {
	eng := enginetest.New(t)
	other := enginetest.New(t)
	var asked []string
	must(t, eng.Register("child", nop))
	must(t, eng.Declare(engine.Declaration{Name: "run", Handler: func(job *engine.Job) error {
		return errors.Join(job.Job("child").Run(), other.Job("far").SetContext(job.Context()).Run())
	}}))
	must(t, other.Register("far", nop))
	rule := func(job *engine.Job) error {
		asked = append(asked, job.Caller().Client+" "+job.Name)
		switch job.Caller().Client {
		case "uid:0":
			return nil
		case "uid:1":
			return errors.New("ask root")
		case "uid:2":
			return errdefs.Unauthorized("who are you")
		case "uid:3":
			return errdefs.NotFound("no such job")
		}
		panic("no rule")
	}
	eng.SetAuthorizer(rule)
	other.SetAuthorizer(rule)
	must(t, eng.Job("run").SetContext(from("uid:0")).Run())
	must(t, eng.Job("run").Run())
	if want := []string{"uid:0 run", "uid:0 far"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	for client, kind := range map[string]errdefs.Kind{
		"uid:1": errdefs.KindForbidden, "uid:2": errdefs.KindUnauthorized, "uid:3": errdefs.KindForbidden, "uid:4": errdefs.KindInternal,
	} {
		for _, name := range []string{"run", "nobody", ""} {
			job := eng.Job(name, "too", "many").SetContext(from(client))
			if err := job.Run(); !errdefs.Is(err, kind) {
				t.Errorf("%s by %s: %v", name, client, err)
			}
		}
	}
	last := eng.Recent(1)[0]
	if last.Kind == "" || last.Client == "" || last.Status != engine.StatusErr {
		t.Errorf("a refused job is not in the trace: %+v", last)
	}
	eng.SetAuthorizer(nil)
	must(t, eng.Job("run").SetContext(from("uid:0")).Run())
}

func TestUse(t *testing.T) {
	eng := enginetest.New(t)
	var trail []string
	around := func(name string) func(engine.Handler) engine.Handler {
		return func(next engine.Handler) engine.Handler {
			return func(job *engine.Job) error {
				trail = append(trail, name+" "+job.Name)
				err := next(job)
				trail = append(trail, name+" end")
				return err
			}
		}
	}
	must(t, eng.Register("early", nop))
	before := eng.Job("early")
	eng.Use(around("outer"))
	eng.Use(nil)
	eng.Use(func(engine.Handler) engine.Handler { return nil }) // wraps nothing
	eng.Use(around("inner"))
	must(t, eng.Register("late", nop))
	eng.RegisterCatchall(nop)
	must(t, before.Run())
	if len(trail) != 0 {
		t.Errorf("a job made before has %q", trail)
	}
	for _, name := range []string{"early", "late", "any"} {
		trail = nil
		must(t, eng.Job(name).Run())
		if got, want := strings.Join(trail, ", "), "outer "+name+", inner "+name+", inner end, outer end"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	eng.Replace("early", func(*engine.Job) error { return errdefs.Conflict("no") })
	trail = nil
	if err := eng.Job("early").Run(); !errdefs.IsConflict(err) || len(trail) != 4 {
		t.Errorf("a replaced handler: %v, %q", err, trail)
	}
}

func TestEmptyEngineForwards(t *testing.T) {
	back, front := enginetest.New(t), engine.NewEmpty()
	must(t, back.Register("echo", func(job *engine.Job) error { job.Printf("%s", job.Args[0]); return nil }))
	if len(front.Commands()) != 0 {
		t.Errorf("it has %q", front.Commands())
	}
	front.RegisterCatchall(func(job *engine.Job) error {
		far := back.Job(job.Name, job.Args...).SetContext(job.Context())
		far.Stdout.Add(job.Stdout)
		return far.Run()
	})
	if out, err := front.Job("echo", "x").Output(); err != nil || string(out) != "x" {
		t.Errorf("got %q, %v", out, err)
	}
	if out, err := front.Job("commands").Output(); err != nil || !strings.Contains(string(out), "echo") {
		t.Errorf("its own jobs are in the way: %q, %v", out, err)
	}
	if p := back.Recent(1)[0].Parent; p != front.Recent(1)[0].ID {
		t.Errorf("the parent is %q", p)
	}
}
