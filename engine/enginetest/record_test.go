package enginetest_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// shop is an engine whose jobs answer with ids that are new in every run.
func shop(t *testing.T, run int) *engine.Engine {
	t.Helper()
	eng := enginetest.New(t)
	made := map[string]string{}
	ended := make(chan struct{})
	n := 0
	err := eng.Declare(
		engine.Declaration{
			Name: "make", Args: []engine.Arg{{Name: "NAME"}}, Env: []engine.Key{{Name: "colour"}, {Name: "password", Secret: true}},
			Stdin: engine.Bytes, Stdout: engine.Bytes, Changes: true,
			Handler: func(job *engine.Job) error {
				n++
				id := fmt.Sprintf("%064x", run<<20+n)
				made[id] = job.Args[0]
				text, err := io.ReadAll(job.Stdin)
				if err != nil {
					return err
				}
				job.Printf("%s %s %s\n", id, job.Getenv("colour"), text)
				fmt.Fprintf(job.Stderr, "made on 2014-03-13T12:00:0%dZ\n", run)
				return job.Job("note", id).Run()
			},
		},
		engine.Declaration{Name: "note", Args: []engine.Arg{{Name: "ID"}}, Handler: func(*engine.Job) error { return nil }},
		engine.Declaration{
			Name: "take", Args: []engine.Arg{{Name: "ID"}}, Stdout: engine.Bytes,
			Handler: func(job *engine.Job) error {
				name, ok := made[job.Args[0]]
				if !ok {
					return &errdefs.Error{Kind: errdefs.KindNotFound, Code: 7, Err: fmt.Errorf("no such thing: %s", job.Args[0])}
				}
				job.Printf("%s", name)
				return nil
			},
		},
		engine.Declaration{Name: "wait", Stdout: engine.Bytes, Waits: true, Handler: func(job *engine.Job) error {
			fmt.Fprintln(job.Stderr, "waiting")
			<-ended
			_, err := job.Stdout.Write([]byte{0xff, 0, 1})
			return err
		}},
		engine.Declaration{Name: "end", Handler: func(*engine.Job) error { close(ended); return nil }},
	)
	if err != nil {
		t.Fatal(err)
	}
	return eng
}

// visit runs some jobs of the shop, one of them beside others.
func visit(t *testing.T, eng *engine.Engine) {
	t.Helper()
	wait := eng.Job("wait")
	waiting := make(chan struct{})
	var once sync.Once
	wait.Stderr.Add(writer(func([]byte) { once.Do(func() { close(waiting) }) }))
	if err := wait.Start(); err != nil {
		t.Fatal(err)
	}
	<-waiting
	job := eng.Job("make", "chair")
	job.Setenv("colour", "red")
	job.Setenv("password", "sesame")
	if err := job.Stdin.Add(strings.NewReader("with arms")); err != nil {
		t.Fatal(err)
	}
	out := enginetest.MustRun(t, job)
	id, _, _ := strings.Cut(out, " ")
	enginetest.MustRun(t, eng.Job("take", id))
	if r := enginetest.Run(eng.Job("take", "table")); !errdefs.IsNotFound(r.Err) {
		t.Fatalf("take table: %+v", r)
	}
	if r := enginetest.Run(eng.Job("nothing", "x")); r.Status != engine.StatusNotFound {
		t.Fatalf("nothing: %+v", r)
	}
	odd := eng.Job("take", "x")
	odd.Setenv("speed", "high")
	if r := enginetest.Run(odd); !errdefs.Is(r.Err, errdefs.KindInvalidArgument) {
		t.Fatalf("an odd key: %+v", r)
	}
	enginetest.MustRun(t, eng.Job("end"))
	if err := wait.Wait(); err != nil {
		t.Fatal(err)
	}
}

func record(t *testing.T, eng *engine.Engine) string {
	t.Helper()
	var text bytes.Buffer
	rec := enginetest.Record(eng, &text)
	visit(t, eng)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "visit.txtar")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRecordAndReplay(t *testing.T) {
	file := record(t, shop(t, 1))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("sesame")) || bytes.Contains(text, []byte(`"note"`)) {
		t.Errorf("a secret or a child is in the recording:\n%s", text)
	}
	takes, err := enginetest.ReadRecording(file)
	if err != nil || len(takes) != 7 {
		t.Fatalf("%d takes, %v:\n%s", len(takes), err, text)
	}
	by := map[string]enginetest.Take{} // the last of each name
	for _, take := range takes {
		if take.Kind != "invalid_argument" {
			by[take.Name] = take
		}
	}
	if by["make"].Stdin != "with arms" || by["make"].Env["password"] != enginetest.Masked || by["take"].Kind != "not_found" || by["take"].Code != 7 {
		t.Errorf("takes %+v", takes)
	}
	if wait := by["wait"]; wait.Stdout != "\xff\x00\x01" || wait.Began > by["end"].Began || wait.Ended < by["end"].Began {
		t.Errorf("wait: %+v", wait)
	}
	enginetest.Replay(t, shop(t, 2), file)

	secrets := map[string]bool{}
	r := enginetest.Replayer{Secret: func(job, key string) string { secrets[job+"."+key] = true; return "x" }}
	r.Run(t, shop(t, 3), file)
	if !secrets["make.password"] {
		t.Errorf("asked for %v", secrets)
	}
}

// complaints is a test that keeps what it is told.
type complaints struct {
	testing.TB
	texts []string
}

func (c *complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	c.texts = append(c.texts, fmt.Sprintf(format, args...))
}

func TestReplayNoticesChanges(t *testing.T) {
	file := record(t, shop(t, 1))
	for name, change := range map[string]func(job *engine.Job) error{
		"the result": func(*engine.Job) error { return errdefs.Conflict("no") },
		"stdout":     func(job *engine.Job) error { job.Printf("bench"); return nil },
		"stderr":     func(job *engine.Job) error { job.Printf("chair"); fmt.Fprintln(job.Stderr, "careful"); return nil },
		"the error": func(job *engine.Job) error {
			if job.Args[0] == "table" {
				return errdefs.NotFound("gone")
			}
			job.Printf("chair")
			return nil
		},
	} {
		eng := shop(t, 2)
		eng.Replace("take", change)
		c := &complaints{TB: t}
		enginetest.Replay(c, eng, file)
		if len(c.texts) == 0 || !strings.Contains(strings.Join(c.texts, "\n"), name+" was") {
			t.Errorf("%s: %q", name, c.texts)
		}
	}
}

func TestReplayDoesNotHang(t *testing.T) {
	file := record(t, shop(t, 1))
	eng := shop(t, 2)
	eng.Replace("take", func(job *engine.Job) error { <-job.Context().Done(); return job.Context().Err() })
	c := &complaints{TB: t}
	(&enginetest.Replayer{Timeout: 20 * time.Millisecond}).Run(c, eng, file)
	if len(c.texts) == 0 || !strings.Contains(c.texts[0], "deadline") {
		t.Errorf("%q", c.texts)
	}
}

func TestPlayback(t *testing.T) {
	file := record(t, shop(t, 1))
	eng := enginetest.New(t)
	player, err := enginetest.Playback(eng, file)
	if err != nil {
		t.Fatal(err)
	}
	// The masks stay only where the job is declared; here it is not.
	job := eng.Job("make", "chair")
	job.Setenv("colour", "red")
	job.Setenv("password", enginetest.Masked)
	out := enginetest.MustRun(t, job)
	id, _, _ := strings.Cut(out, " ")
	if got := enginetest.MustRun(t, eng.Job("take", id)); got != "chair" {
		t.Errorf("take: %q", got)
	}
	r := enginetest.Run(eng.Job("take", "table"))
	if !errdefs.IsNotFound(r.Err) || r.Err.Error() != "no such thing: table" || r.Status != engine.StatusErr {
		t.Errorf("take table: %+v", r)
	}
	if r := enginetest.Run(eng.Job("take", "table")); !errdefs.Is(r.Err, errdefs.KindInternal) {
		t.Errorf("take table again: %+v", r)
	}
	if left := strings.Join(player.Left(), " "); left != "wait() nothing(x) take(x) end()" {
		t.Errorf("left: %s", left)
	}
}

func TestRecordLimits(t *testing.T) {
	eng := enginetest.New(t)
	enginetest.Fake(eng, "big").Do = func(job *engine.Job) error {
		chunk := make([]byte, 1<<20)
		for range enginetest.MaxStream>>20 + 1 {
			if _, err := job.Stdout.Write(chunk); err != nil {
				return err
			}
		}
		return nil
	}
	var n atomic.Int64
	rec := enginetest.Record(eng, writer(func(p []byte) { n.Add(int64(len(p))) }))
	enginetest.Run(eng.Job("big"))
	if err := rec.Close(); !errdefs.Is(err, errdefs.KindInvalidArgument) || n.Load() != 0 {
		t.Errorf("%v, %d bytes", err, n.Load())
	}
	if err := rec.Close(); !errdefs.IsConflict(err) {
		t.Errorf("closed twice: %v", err)
	}
	if r := enginetest.Run(eng.Job("big")); r.Err != nil { // after the end
		t.Error(r.Err)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }
