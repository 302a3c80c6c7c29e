package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func stopDeclaration(h engine.Handler) engine.Declaration {
	return engine.Declaration{
		Name: "stop", Summary: "Stop a container.",
		Args: []engine.Arg{{Name: "CONTAINER"}, {Name: "MORE", Optional: true, Variadic: true}},
		Env: []engine.Key{
			{Name: "t", Type: engine.Int, Default: "10"},
			{Name: "force", Type: engine.Bool},
			{Name: "big", Type: engine.Int64},
			{Name: "list", Type: engine.List},
			{Name: "json", Type: engine.JSON},
			{Name: "at", Type: engine.Time},
			{Name: "token", Type: engine.Int, Secret: true},
		},
		Stdout: engine.JSONDocument, Changes: true, Handler: h,
	}
}

func TestDeclaredArgs(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Declare(stopDeclaration(nop), engine.Declaration{Name: "none", Handler: nop}))
	for _, c := range []struct {
		name string
		args []string
		want string // of the error; empty: none
	}{
		{"stop", []string{"a"}, ""},
		{"stop", []string{"a", "b", "c"}, ""},
		{"stop", nil, "job stop does not take 0 arguments, usage: stop CONTAINER [MORE...]"},
		{"none", nil, ""},
		{"none", []string{"x"}, "job none does not take 1 argument, usage: none"},
	} {
		err := eng.Job(c.name, c.args...).Run()
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || err.Error() != c.want):
			t.Errorf("%s %q: %v", c.name, c.args, err)
		case err != nil && !errdefs.Is(err, errdefs.KindInvalidArgument):
			t.Errorf("%s %q: kind %s", c.name, c.args, errdefs.KindOf(err))
		}
	}
}

func TestDeclaredEnv(t *testing.T) {
	eng := enginetest.New(t)
	called := false
	must(t, eng.Declare(stopDeclaration(func(*engine.Job) error { called = true; return nil })))
	for _, c := range []struct {
		key, value string
		good       bool
	}{
		{"t", "5", true}, {"t", " -5\t", true}, {"t", "", true}, {"t", "5s", false}, {"t", "1.0", false},
		{"t", "true", false}, {"t", "99999999999999999999", false},
		{"big", "9223372036854775807", true}, {"big", "9223372036854775808", false},
		{"force", "1", true}, {"force", "True", true}, {"force", "no", true}, {"force", "", true},
		{"force", "off", false}, {"force", "maybe", false},
		{"list", `["a","b"]`, true}, {"list", "plain", true}, {"list", "null", true},
		{"list", `["a",1]`, false}, {"list", `["a"`, false},
		{"json", `{"a":1}`, true}, {"json", "3", true}, {"json", "{", false}, {"json", "plain", false},
		{"at", "2014-01-02T03:04:05.6Z", true}, {"at", "1400000000.5", true}, {"at", "noon", false}, {"at", "1.x", false},
		{"unknown", "", false}, {"T", "5", false}, {"overrideShutdown", "1", false}, {"token", "12", true},
	} {
		job := eng.Job("stop", "a")
		job.Setenv(c.key, c.value)
		called = false
		err := job.Run()
		if c.good && (err != nil || !called) {
			t.Errorf("%s=%q: %v", c.key, c.value, err)
		}
		if c.good {
			continue
		}
		if called || !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.Contains(err.Error(), `"`+c.key+`"`) {
			t.Errorf("%s=%q: %v, called: %v", c.key, c.value, err, called)
		}
	}
}

func TestSecretsStaySecret(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Declare(stopDeclaration(nop)))
	job := eng.Job("stop", "a")
	job.Setenv("token", "hunter2")
	if err := job.Run(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestDefaults(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Declare(stopDeclaration(func(job *engine.Job) error {
		job.Printf("%d %v", job.GetenvInt("t"), job.EnvExists("t"))
		return nil
	})))
	job := eng.Job("stop", "a")
	if out := enginetest.MustRun(t, job); out != "10 false" {
		t.Errorf("not set: %s", out)
	}
	job = eng.Job("stop", "a")
	job.SetenvInt("t", 0)
	if out := enginetest.MustRun(t, job); out != "0 true" {
		t.Errorf("set to zero: %s", out)
	}
}

func TestTypedValues(t *testing.T) {
	eng := enginetest.New(t)
	at := time.Date(2014, 1, 2, 3, 4, 5, 6, time.UTC)
	must(t, eng.Declare(stopDeclaration(func(job *engine.Job) error {
		var v struct{ A int }
		if err := job.GetenvJson("json", &v); err != nil {
			return err
		}
		got, err := job.GetenvTime("at")
		if err != nil || !got.Equal(at) || v.A != 7 || !job.GetenvBool("force") ||
			job.GetenvInt64("big") != 1<<60 || strings.Join(job.GetenvList("list"), "|") != "a|b" {
			t.Errorf("got %v %v %v %v %v", got, err, v, job.GetenvInt64("big"), job.GetenvList("list"))
		}
		return job.GetenvJson("t", &v)
	})))
	job := eng.Job("stop", "a")
	job.SetenvBool("force", true)
	job.SetenvInt64("big", 1<<60)
	job.SetenvList("list", []string{"a", "b"})
	must(t, job.SetenvJson("json", map[string]int{"A": 7}))
	job.SetenvTime("at", at)
	if err := job.Run(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("a number read as an object: %v", err)
	}
}

func TestBadDeclarations(t *testing.T) {
	eng := enginetest.New(t)
	for what, d := range map[string]engine.Declaration{
		"no name":          {Handler: nop},
		"no handler":       {Name: "x"},
		"variadic first":   {Name: "x", Handler: nop, Args: []engine.Arg{{Name: "A", Variadic: true}, {Name: "B"}}},
		"optional first":   {Name: "x", Handler: nop, Args: []engine.Arg{{Name: "A", Optional: true}, {Name: "B"}}},
		"key twice":        {Name: "x", Handler: nop, Env: []engine.Key{{Name: "a"}, {Name: "a"}}},
		"key without name": {Name: "x", Handler: nop, Env: []engine.Key{{}}},
		"bad default":      {Name: "x", Handler: nop, Env: []engine.Key{{Name: "a", Type: engine.Int, Default: "many"}}},
	} {
		if err := eng.Declare(engine.Declaration{Name: "fine", Handler: nop}, d); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if eng.Has("fine") {
		t.Error("a part of a refused table is registered")
	}
	if err := eng.Register("", nop); err == nil {
		t.Error("the empty name was registered")
	}
	if err := eng.Register("x", nil); err == nil {
		t.Error("a nil handler was registered")
	}
}

func TestRequiredVariadic(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Declare(engine.Declaration{Name: "rm", Handler: nop, Args: []engine.Arg{{Name: "C", Variadic: true}}}))
	if err := eng.Job("rm").Run(); err == nil {
		t.Error("a required argument may be left out")
	}
	must(t, eng.Job("rm", "a", "b").Run())
}

func TestJobList(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Declare(stopDeclaration(nop)))
	must(t, eng.Register("wild", nop))
	var list []struct {
		Name, Usage, Stdout string
		Env                 []struct{ Name, Type, Default string }
		Declared, Changes   bool
	}
	must(t, eng.Job("job_list").OutputJSON(&list))
	if len(list) != 7 {
		t.Fatalf("%d jobs", len(list))
	}
	stop, wild := list[5], list[6]
	if stop.Usage != "stop CONTAINER [MORE...]" || stop.Stdout != "json" || !stop.Declared || !stop.Changes ||
		stop.Env[0].Type != "int" || stop.Env[0].Default != "10" || stop.Env[4].Type != "json" || stop.Env[5].Type != "time" {
		t.Errorf("got %+v", stop)
	}
	if wild.Name != "wild" || wild.Declared {
		t.Errorf("got %+v", wild)
	}
	must(t, eng.Job("job_list", "stop").OutputJSON(&list))
	if len(list) != 1 || list[0].Name != "stop" {
		t.Errorf("asked for one, got %+v", list)
	}
	if err := eng.Job("job_list", "none").Run(); !errdefs.IsNotFound(err) {
		t.Errorf("asked for none: %v", err)
	}
}
