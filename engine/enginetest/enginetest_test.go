package enginetest_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func TestFakeRecords(t *testing.T) {
	eng := enginetest.New(t)
	fake := enginetest.Fake(eng, "import")
	fake.ReadStdin = true
	fake.Stdout, fake.Stderr = "id\n", "careful\n"
	job := eng.Job("import", "-", "debian")
	job.Setenv("message", "hello")
	if err := job.Stdin.Add(strings.NewReader("layers")); err != nil {
		t.Fatal(err)
	}
	r := enginetest.Run(job)
	if r.Stdout != "id\n" || r.Stderr != "careful\n" || r.Err != nil || r.Status != engine.StatusOK {
		t.Errorf("result %+v", r)
	}
	c := fake.Only(t)
	if strings.Join(c.Args, " ") != "- debian" || c.Env["message"] != "hello" || string(c.Stdin) != "layers" {
		t.Errorf("call %+v", c)
	}
}

func TestFakeAnswers(t *testing.T) {
	eng := enginetest.New(t)
	fake := enginetest.Fake(eng, "pull")
	fake.Do = func(job *engine.Job) error { _, err := io.WriteString(job.Stdout, job.Args[0]); return err }
	if out := enginetest.MustRun(t, eng.Job("pull", "busybox")); out != "busybox" {
		t.Errorf("got %q", out)
	}
	fake.Err = errors.New("no network")
	if r := enginetest.Run(eng.Job("pull", "busybox")); !errors.Is(r.Err, fake.Err) || r.Stdout != "" {
		t.Errorf("got %+v", r)
	}
	if fake.Count() != 2 || len(fake.Calls()) != 2 {
		t.Errorf("%d calls", fake.Count())
	}
}

func TestFakeAnswersInSequence(t *testing.T) {
	eng := enginetest.New(t)
	fake := enginetest.Fake(eng, "pull")
	fake.Stdout = "done"
	fake.Answers = []enginetest.Answer{{Err: errdefs.Unavailable("busy")}, {Stdout: "slowly"}}
	var got []string
	for range 3 {
		r := enginetest.Run(eng.Job("pull"))
		if r.Err != nil {
			r.Stdout = r.Err.Error()
		}
		got = append(got, r.Stdout)
	}
	if strings.Join(got, ",") != "busy,slowly,done" {
		t.Errorf("answers %q", got)
	}
}

func TestFakeDelay(t *testing.T) {
	eng, clock := enginetest.New(t), enginetest.NewClock()
	eng.SetClock(clock)
	fake := enginetest.Fake(eng, "pull")
	fake.Delay, fake.Stdout = time.Hour, "late"
	job := eng.Job("pull")
	out := make(chan string, 1)
	go func() {
		text, err := job.Output()
		out <- string(text)
		if err != nil {
			t.Error(err)
		}
	}()
	clock.WaitTimers(1)
	clock.Advance(59 * time.Minute)
	select {
	case text := <-out:
		t.Fatalf("it ended too early: %q", text)
	case <-time.After(5 * time.Millisecond):
	}
	clock.Advance(time.Minute)
	if text := <-out; text != "late" || clock.Timers() != 0 {
		t.Errorf("%q, %d timers", text, clock.Timers())
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancelled := eng.Job("pull").SetContext(ctx)
	if err := cancelled.Start(); err != nil {
		t.Fatal(err)
	}
	clock.WaitTimers(1)
	cancel()
	if err := cancelled.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestClock(t *testing.T) {
	clock := enginetest.NewClock()
	began := clock.Now()
	var got []string
	say := func(what string) func() {
		return func() { got = append(got, what+" "+clock.Now().Sub(began).String()) }
	}
	clock.AfterFunc(2*time.Second, say("two"))
	clock.AfterFunc(time.Second, func() {
		say("one")()
		clock.AfterFunc(time.Second, say("one later"))
	})
	clock.AfterFunc(3*time.Second, say("never")).Stop()
	last := clock.AfterFunc(time.Minute, say("last"))
	clock.Advance(10 * time.Second)
	if strings.Join(got, ", ") != "one 1s, two 2s, one later 2s" {
		t.Errorf("calls: %q", got)
	}
	if clock.Timers() != 1 || !last.Stop() || last.Stop() || clock.Now().Sub(began) != 10*time.Second {
		t.Errorf("%d timers at %v", clock.Timers(), clock.Now())
	}
}

func TestFailNthAndCount(t *testing.T) {
	eng := enginetest.New(t)
	if err := eng.Declare(engine.Declaration{Name: "start", Args: []engine.Arg{{Name: "C"}}, Handler: func(*engine.Job) error { return nil }}); err != nil {
		t.Fatal(err)
	}
	enginetest.FailNth(eng, "start", 3, errdefs.Internal("no luck"))
	counter := enginetest.Count(eng, "start")
	all := enginetest.Count(eng)
	var failed []int
	for i := range 5 {
		if eng.Job("start", "x").Run() != nil {
			failed = append(failed, i+1)
		}
	}
	if err := eng.Job("start").Run(); !errdefs.Is(err, errdefs.KindInvalidArgument) { // reaches no handler
		t.Errorf("without arguments: %v", err)
	}
	enginetest.MustRun(t, eng.Job("commands"))
	if len(failed) != 1 || failed[0] != 3 {
		t.Errorf("failed: %v", failed)
	}
	// The failing one is outermost, so its victim reaches no counter.
	if counter.Of("start") != 4 || counter.Total() != 4 || all.Total() != 5 || all.Of("commands") != 1 {
		t.Errorf("start %d, all %d", counter.Of("start"), all.Total())
	}
}

func TestTrace(t *testing.T) {
	for run := range 2 {
		eng := shop(t, run+1)
		tr := enginetest.StartTrace(t, eng)
		tr.Skip = []string{"wait"}
		visit(t, eng)
		tr.Golden(t, "testdata/visit.trace")
	}
}

func TestTraceSorted(t *testing.T) {
	eng := enginetest.New(t)
	enginetest.Fake(eng, "leaf")
	enginetest.Fake(eng, "tree").Do = func(job *engine.Job) error {
		b, a := job.Job("leaf", "b"), job.Job("leaf", "a")
		return errors.Join(b.Run(), a.Run(), job.Job("fruit").Run())
	}
	tr := enginetest.StartTrace(t, eng)
	tr.Sort = true
	err := eng.Job("tree").Run()
	want := "tree() = unknown_job: fruit: command not found\n" +
		"  fruit() = unknown_job: fruit: command not found\n  leaf(a) = OK\n  leaf(b) = OK\n"
	if got := tr.String(); err == nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestGolden(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a", "b.golden")
	t.Setenv("UPDATE_GOLDEN", "1")
	enginetest.Golden(t, file, "one\ntwo\nthree\n")
	t.Setenv("UPDATE_GOLDEN", "")
	enginetest.Golden(t, file, "one\ntwo\nthree\n")
	c := &complaints{TB: t}
	enginetest.Golden(c, file, "one\n2\nthree\n")
	if len(c.texts) != 1 || !strings.Contains(c.texts[0], "line 2:\n-two\n+2\n") {
		t.Errorf("%q", c.texts)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "one\ntwo\nthree\n" {
		t.Errorf("%q %v", text, err)
	}
}
