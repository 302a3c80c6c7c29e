package engine_test

// The twenty behaviour checks for a compatible core. Each test says whether the
// classic behaviour is kept or deliberately repaired, and why. Check 20 lives
// in engine/remote, with the HTTP form of the bus.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func nop(*engine.Job) error { return nil }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Kept, for engines. Repaired: there is no global table, since two engines in
// one process must not see each other's jobs.
func TestCompat01DuplicateName(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("foo", nop))
	for _, err := range []error{
		eng.Register("foo", nop), eng.Declare(engine.Declaration{Name: "foo", Handler: nop}),
	} {
		if err == nil || err.Error() != "Can't overwrite handler for command foo" || !errdefs.IsConflict(err) {
			t.Errorf("got %v", err)
		}
	}
	other := enginetest.New(t)
	must(t, other.Register("foo", nop))
}

// Kept. The list has more names, since the bus describes and shows itself.
func TestCompat02Commands(t *testing.T) {
	eng := enginetest.New(t)
	for _, name := range []string{"foo", "bar", "echo", "die"} {
		must(t, eng.Register(name, nop))
	}
	eng.RegisterCatchall(nop)
	want := "bar\ncommands\ndie\necho\nfoo\njob_cancel\njob_list\njob_trace\njobs\n"
	if got := enginetest.MustRun(t, eng.Job("commands")); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Kept.
func TestCompat03EmptyNameAndCatchall(t *testing.T) {
	eng := enginetest.New(t)
	var seen []string
	eng.RegisterCatchall(func(job *engine.Job) error { seen = append(seen, job.Name); return nil })
	if err := eng.Job("").Run(); err == nil {
		t.Error("the empty name ran")
	}
	must(t, eng.Job("anything").Run())
	if fmt.Sprint(seen) != "[anything]" {
		t.Errorf("the catch-all saw %q", seen)
	}
}

// Kept. Repaired: the failure has a kind, and like every job this one runs once.
func TestCompat04UnknownJob(t *testing.T) {
	eng := enginetest.New(t)
	job := eng.Job("nojob")
	err := job.Run()
	if err == nil || err.Error() != "nojob: command not found" || !errdefs.Is(err, errdefs.KindUnknownJob) {
		t.Errorf("got %v", err)
	}
	if job.Status() != engine.StatusNotFound {
		t.Errorf("status %d", job.Status())
	}
	if err := job.Run(); !errdefs.IsConflict(err) {
		t.Errorf("second run: %v", err)
	}
}

// Kept.
func TestCompat05StderrIsNoError(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("warn", func(job *engine.Job) error { job.Warnf("careful"); return nil }))
	if r := enginetest.Run(eng.Job("warn")); r.Err != nil || r.Stderr != "careful\n" || r.Status != engine.StatusOK {
		t.Errorf("got %+v", r)
	}
}

// Kept: a failure is an error even if nothing was written. Repaired: it is the
// very error of the handler, with its kind, and not a line of text; the number
// is derived from it.
func TestCompat06FailureWithoutOutput(t *testing.T) {
	eng := enginetest.New(t)
	cause := errdefs.NotFound("no such thing")
	must(t, eng.Register("fail", func(job *engine.Job) error { return job.Errorf("looking: %w", cause) }))
	job := eng.Job("fail")
	err := job.Run()
	if !errors.Is(err, cause) || !errdefs.IsNotFound(err) || job.Status() != engine.StatusErr {
		t.Errorf("got %v, status %d", err, job.Status())
	}
}

// Kept.
func TestCompat07RunTwice(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("once", nop))
	job := eng.Job("once")
	must(t, job.Run())
	if err := job.Run(); err == nil || err.Error() != "once: job has already completed" {
		t.Errorf("got %v", err)
	}
}

// Kept.
func TestCompat08Pipe(t *testing.T) {
	text := "A line followed by an empty line\n\n"
	o := engine.NewOutput()
	r := o.AddPipe()
	go func() { _, _ = io.WriteString(o, text); _ = o.Close() }()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != text {
		t.Errorf("got %q, %v", got, err)
	}
}

type closable struct {
	bytes.Buffer
	closed bool
}

func (c *closable) Close() error { c.closed = true; return nil }

// Repaired: what the Output was only lent (Add) stays open, because the caller
// may share it with others; what it was given (AddCloser) is closed. Kept: a
// write after Close succeeds and goes nowhere.
func TestCompat09CloseDestination(t *testing.T) {
	o := engine.NewOutput()
	var lent, given closable
	o.Add(&lent)
	o.AddCloser(&given)
	must(t, o.Close())
	if lent.closed || !given.closed {
		t.Errorf("lent closed: %v, given closed: %v", lent.closed, given.closed)
	}
	if n, err := io.WriteString(o, "late"); n != 4 || err != nil || lent.Len()+given.Len() != 0 {
		t.Errorf("write after close: %d, %v", n, err)
	}
}

// Kept.
func TestCompat10AddEnv(t *testing.T) {
	o := engine.NewOutput()
	env := o.AddEnv()
	_, err := io.WriteString(o, `{"foo": "bar", "answer": 42}`)
	must(t, err)
	must(t, o.Close())
	if env.Get("foo") != "bar" || env.GetInt("answer") != 42 || env.Get("no") != "" {
		t.Errorf("got %v", env.Map())
	}
}

// Kept.
func TestCompat11Tail(t *testing.T) {
	b := bytes.NewBufferString("One\nTwo\nThree")
	for n, want := range []string{"", "Three", "Two\nThree", "One\nTwo\nThree", "One\nTwo\nThree"} {
		if got := engine.Tail(b, n); got != want {
			t.Errorf("%d lines: %q, want %q", n, got, want)
		}
	}
}

// Kept.
func TestCompat12LastValueWins(t *testing.T) {
	var env engine.Env
	for _, v := range []string{"bar", "baz", "bif"} {
		env.Set("foo", v)
	}
	if env.Get("foo") != "bif" || env.Len() != 1 || len(env.MultiMap()["foo"]) != 3 {
		t.Errorf("got %v", env.MultiMap())
	}
}

// Kept.
func TestCompat13NilList(t *testing.T) {
	var env engine.Env
	env.SetList("l", nil)
	if l := env.GetList("l"); l != nil {
		t.Errorf("got %q", l)
	}
}

// Kept. Declared keys are stricter: see TestDeclaredEnv.
func TestCompat14Int(t *testing.T) {
	var env engine.Env
	env.SetInt("n", -42)
	if env.GetInt("n") != -42 || env.GetInt("none") != 0 {
		t.Errorf("got %d and %d", env.GetInt("n"), env.GetInt("none"))
	}
}

// Kept. Repaired: numbers above 2^53 keep their digits, and a string of digits
// stays a string.
func TestCompat15JSONNumbers(t *testing.T) {
	type config struct {
		Memory int64
		List   []int64
	}
	var env engine.Env
	must(t, env.SetJson("c", config{67108864, []int64{67108864}}))
	env.SetInt64("big", 9007199254740993)
	env.Set("id", "007")
	env.Set("digits", "123e4")
	var b bytes.Buffer
	must(t, env.Encode(&b))
	want := `{"big":9007199254740993,"c":{"Memory":67108864,"List":[67108864]},"digits":"123e4","id":"007"}` + "\n"
	if b.String() != want {
		t.Errorf("got  %swant %s", b.String(), want)
	}
}

// Kept.
func TestCompat16TableSort(t *testing.T) {
	for _, c := range []struct{ values, up, down string }{
		{"b a c", "a b c", "c b a"},
		{"10 9 100", "9 10 100", "100 10 9"},
		{"10 9 x", "9 10 x", "x 10 9"},
	} {
		table := engine.NewTable("k", 0)
		for _, v := range strings.Fields(c.values) {
			row := &engine.Env{}
			row.Set("k", v)
			table.Add(row)
		}
		order := func() string {
			var got []string
			for _, row := range table.Data {
				got = append(got, row.Get("k"))
			}
			return strings.Join(got, " ")
		}
		table.Sort()
		if order() != c.up {
			t.Errorf("sorted %s: %s", c.values, order())
		}
		table.ReverseSort()
		if order() != c.down {
			t.Errorf("reverse sorted %s: %s", c.values, order())
		}
	}
}

// Kept: a job that takes its time completes, others are refused meanwhile.
// Repaired: the job is told to stop (a Context that ends), and the bound is the
// deadline of the caller, not five seconds.
func TestCompat17Shutdown(t *testing.T) {
	eng := enginetest.New(t)
	completed := false
	must(t, eng.Register("sleep", func(job *engine.Job) error {
		<-job.Context().Done()
		time.Sleep(150 * time.Millisecond)
		completed = true
		return nil
	}))
	must(t, eng.Register("other", nop))
	job := eng.Job("sleep")
	must(t, job.Start())
	other := make(chan error)
	go func() {
		for !eng.IsShutdown() {
			time.Sleep(time.Millisecond)
		}
		other <- eng.Job("other").Run()
	}()
	begin := time.Now()
	must(t, eng.Shutdown(context.Background()))
	if !completed || time.Since(begin) > 3*time.Second {
		t.Errorf("completed %v after %v", completed, time.Since(begin))
	}
	if err := <-other; !errdefs.Is(err, errdefs.KindUnavailable) || err.Error() != "engine is shutdown" {
		t.Errorf("other job: %v", err)
	}
	must(t, job.Wait())
}

// Repaired: "outer1 inner outer2" in every case. The inner job closes only what
// it opened, so nothing has to be wrapped and nothing vanishes.
func TestCompat18NestedStdout(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("inner", func(job *engine.Job) error { job.Printf("inner "); return nil }))
	must(t, eng.Register("outer", func(job *engine.Job) error {
		job.Printf("outer1 ")
		inner := job.Job("inner")
		inner.Stdout.Add(job.Stdout)
		if err := inner.Run(); err != nil {
			return err
		}
		job.Printf("outer2")
		return nil
	}))
	if got := enginetest.MustRun(t, eng.Job("outer")); got != "outer1 inner outer2" {
		t.Errorf("got %q", got)
	}
}

// Kept, with a pair of engines in one process: a catch-all passes every job on
// and nothing is lost. (The pair in two processes is package engine/spawn.)
// Repaired: the kind of a failure arrives as well.
func TestCompat19Remote(t *testing.T) {
	far, near := enginetest.New(t), enginetest.New(t)
	near.RegisterCatchall(func(job *engine.Job) error {
		remote := far.Job(job.Name, job.Args...).SetContext(job.Context())
		remote.Env().Init(job.Env())
		remote.Stdout.Add(job.Stdout)
		remote.Stderr.Add(job.Stderr)
		if err := remote.Stdin.Add(job.Stdin); err != nil {
			return err
		}
		return remote.Run()
	})
	must(t, far.Register("echo", func(job *engine.Job) error {
		for i := range 1000 {
			job.Printf("%d %s\n", i, strings.Join(job.Args, " "))
			if i == 500 {
				time.Sleep(20 * time.Millisecond)
			}
		}
		return errdefs.Conflict("done with it")
	}))
	must(t, far.Register("mirror", func(job *engine.Job) error {
		_, err := io.Copy(job.Stdout, job.Stdin)
		return err
	}))
	must(t, far.Register("env", func(job *engine.Job) error { return job.EncodeEnv(job.Stdout) }))

	r := enginetest.Run(near.Job("echo", "hello", "world"))
	if n := strings.Count(r.Stdout, " hello world\n"); n != 1000 || !errdefs.IsConflict(r.Err) || r.Status != 1 {
		t.Errorf("echo: %d lines, %v, status %d", n, r.Err, r.Status)
	}
	job := near.Job("mirror")
	must(t, job.Stdin.Add(strings.NewReader(strings.Repeat("x", 100000))))
	if out := enginetest.MustRun(t, job); len(out) != 100000 {
		t.Errorf("mirror: %d bytes", len(out))
	}
	job = near.Job("env")
	job.Setenv("s", "text")
	job.SetenvInt("i", 42)
	job.SetenvList("l", []string{"a", "b"})
	var got map[string]any
	must(t, json.Unmarshal([]byte(enginetest.MustRun(t, job)), &got))
	if fmt.Sprint(got) != "map[i:42 l:[a b] s:text]" {
		t.Errorf("env: %v", got)
	}
}
