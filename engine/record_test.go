package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// Start and end of a job and of its child, with what is secret masked, in the
// log and in the records.
func TestRecords(t *testing.T) {
	eng := enginetest.New(t)
	sub := eng.Subscribe(16)
	var log []string
	eng.SetLogf(func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) })
	inner := func(job *engine.Job) error { return errdefs.NotFound("no such container: %s", job.Args[0]) }
	must(t, eng.Declare(stopDeclaration(inner), engine.Declaration{
		Name: "login", Args: []engine.Arg{{Name: "PASSWORD", Secret: true}}, Handler: func(job *engine.Job) error {
			// A domain method knows the context only; the relation is kept.
			stop := eng.Job("stop", "web", "100%d").SetContext(job.Context())
			stop.Setenv("token", "123")
			stop.Setenv("t", "5")
			return stop.Run()
		},
	}))
	job := eng.Job("login", "hunter2")
	if err := job.Run(); err == nil {
		t.Fatal("no error")
	}
	sub.Close()
	var start, end []engine.Record
	for r := range sub.C() {
		if r.Ended {
			end = append(end, r)
		} else {
			start = append(start, r)
		}
	}
	if len(start) != 2 || len(end) != 2 {
		t.Fatalf("%d starts, %d ends", len(start), len(end))
	}
	stop := end[0]
	if stop.Name != "stop" || stop.Parent != job.ID() || stop.Status != engine.StatusErr || stop.Kind != "not_found" ||
		stop.Env["token"] != "***" || stop.Env["t"] != "5" || stop.Duration <= 0 {
		t.Errorf("got %+v", stop)
	}
	if login := start[0]; login.Args[0] != "***" || login.Parent != "" {
		t.Errorf("got %+v", login)
	}
	text := strings.Join(log, "\n")
	for _, want := range []string{"+job login(***) #", "+job stop(web, 100%d) #", "-job stop(web, 100%d) = ERR (1) #"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the log:\n%s", want, text)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Error("a secret is in the log")
	}
}

// What the ring keeps does not follow the caller: neither what it changes later
// nor how much it sends.
func TestRecordsAreBounded(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Declare(engine.Declaration{
		Name: "many", AnyEnv: true, Args: []engine.Arg{{Name: "A", Variadic: true, Optional: true}}, Handler: nop,
	}))
	args := []string{"one", "two"}
	job := eng.Job("many", args...)
	job.Setenv("k", "v")
	must(t, job.Run())
	args[0], job.Args[1] = "changed", "too"
	job.Setenv("k", "changed")
	if r := eng.Recent(1)[0]; r.Args[0] != "one" || r.Args[1] != "two" || r.Env["k"] != "v" {
		t.Errorf("it changed: %+v", r)
	}

	long := strings.Repeat("ä", 5000)
	big := make([]string, 100)
	for i := range big {
		big[i] = long
	}
	job = eng.Job("many", big...)
	for i := range 200 {
		job.Setenv(fmt.Sprintf("%s%d", long, i), long)
	}
	must(t, job.Run())
	_ = eng.Job(long).SetContext(engine.WithCaller(context.Background(), &engine.Caller{
		Client: long, Detail: long, Trace: long, Parent: long,
	})).Run()
	for _, r := range eng.Recent(2) {
		text, err := json.Marshal(r)
		must(t, err)
		if len(text) > 20_000 || !utf8.Valid(text) || strings.Contains(string(text), `\ufffd`) {
			t.Errorf("a record of %d bytes", len(text))
		}
	}
	if r := eng.Recent(2)[0]; len(r.Args) != 17 || r.Args[16] != "... and 84 more" || len(r.Env) > 64 {
		t.Errorf("%d arguments, the last %q, %d keys", len(r.Args), r.Args[len(r.Args)-1], len(r.Env))
	}
}

// Nothing secret outlives its job, also where nobody said what is secret.
func TestRecordsMask(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("free", nop))
	must(t, eng.Declare(engine.Declaration{
		Name: "login", Handler: nop,
		Args: []engine.Arg{{Name: "USER"}, {Name: "PASSWORDS", Secret: true, Variadic: true}},
		Env:  []engine.Key{{Name: "token", Secret: true}, {Name: "host"}},
	}))
	run := func(name string, args ...string) engine.Record {
		job := eng.Job(name, args...)
		job.Setenv("token", "hunter2")
		job.Setenv("host", "h")
		_ = job.Run()
		return eng.Recent(1)[0]
	}
	free, login, nobody := run("free", "a"), run("login", "u", "hunter2", "hunter2", "3", "4", "5"), run("nobody")
	if text := fmt.Sprint(free, login, nobody); strings.Contains(text, "hunter2") {
		t.Errorf("a secret is in %s", text)
	}
	if free.Env["host"] != "***" || nobody.Env["host"] != "***" || login.Env["host"] != "h" || login.Args[0] != "u" ||
		strings.Join(login.Args[1:], " ") != "*** *** *** *** ***" {
		t.Errorf("got %+v and %+v", free, login)
	}
	// A key that the job does not declare may be a secret with a typing error.
	job := eng.Job("login", "u", "p")
	job.Setenv("tokken", "hunter2")
	if err := job.Run(); err == nil || strings.Contains(err.Error(), "hunter2") || eng.Recent(1)[0].Env["tokken"] != "***" {
		t.Errorf("got %v, %+v", err, eng.Recent(1)[0])
	}
}

func TestRing(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("n", nop))
	if r := eng.Recent(-1); len(r) != 0 {
		t.Errorf("a new engine remembers %+v", r)
	}
	for i := range 2345 {
		must(t, eng.Job("n", fmt.Sprint(i)).Run())
		if i == 998 {
			if r := eng.Recent(-1); len(r) != 999 || r[0].Args[0] != "0" || r[998].Args[0] != "998" {
				t.Fatalf("%d records, first %q", len(r), r[0].Args)
			}
		}
	}
	all := eng.Recent(5000)
	if len(all) != 1000 {
		t.Fatalf("%d records", len(all))
	}
	for i, r := range all {
		if want := fmt.Sprint(1345 + i); r.Args[0] != want {
			t.Fatalf("record %d is of job %s, want %s", i, r.Args[0], want)
		}
	}
	if r := eng.Recent(3); len(r) != 3 || r[0].Args[0] != "2342" || len(eng.Recent(0)) != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestSubscription(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("n", nop))
	slow, quick := eng.Subscribe(0), eng.Subscribe(100)
	for range 3 {
		must(t, eng.Job("n").Run())
	}
	if slow.Dropped() != 5 || quick.Dropped() != 0 || len(quick.C()) != 6 || eng.Stats().Dropped != 5 {
		t.Errorf("dropped %d and %d, %d queued", slow.Dropped(), quick.Dropped(), len(quick.C()))
	}
	slow.Close()
	slow.Close()
	must(t, eng.Job("n").Run())
	if r, ok := <-slow.C(); !ok || r.Ended {
		t.Errorf("what was queued is %+v, %t", r, ok)
	}
	if _, ok := <-slow.C(); ok || slow.Dropped() != 5 {
		t.Error("it goes on after Close")
	}
	quick.Close()
}

// An error that cannot be read is an error all the same.
type brokenError struct{}

func (*brokenError) Error() string { panic("no text") }

func TestRecordOfABrokenError(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("bug", func(*engine.Job) error { return &brokenError{} }))
	if err := eng.Job("bug").Run(); err == nil {
		t.Fatal("no error")
	}
	if r := eng.Recent(1)[0]; r.Status != engine.StatusErr || r.Error == "" {
		t.Errorf("got %+v", r)
	}
}
