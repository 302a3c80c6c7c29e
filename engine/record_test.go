package engine_test

import (
	"fmt"
	"strings"
	"testing"

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
