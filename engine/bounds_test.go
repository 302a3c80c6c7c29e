package engine_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// tooMuch is a little more than a collector takes.
const tooMuch = engine.MaxDocument + 2<<20

// flood is a handler that writes a chunk again and again, n bytes in all, and
// does not look whether that succeeds.
func flood(head, chunk string, n int) engine.Handler {
	return func(job *engine.Job) error {
		_, _ = io.WriteString(job.Stdout, head)
		for left := n; left > 0; left -= len(chunk) {
			_, _ = io.WriteString(job.Stdout, chunk)
		}
		return nil
	}
}

// A job that writes without end fills no memory: whoever collects gets an error.
func TestCollectorsAreBounded(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("bytes", flood("", strings.Repeat("x", 1<<20), tooMuch)))
	must(t, eng.Register("rows", flood("", `{"k":1}`+strings.Repeat(" ", 1<<20), tooMuch)))
	fails := func(what string, err error) {
		t.Helper()
		if !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.Contains(err.Error(), "larger than 64 MiB") {
			t.Errorf("%s: %v", what, err)
		}
	}
	out, err := eng.Job("bytes").Output()
	fails("Output", err)
	if len(out) > engine.MaxDocument {
		t.Errorf("%d bytes were taken", len(out))
	}
	job := eng.Job("rows")
	table := job.Stdout.AddTable()
	fails("AddTable", job.Run())
	if table.Len() == 0 {
		t.Error("what fits is not there")
	}
}

func FuzzTable(f *testing.F) {
	for _, seed := range []string{``, `[]`, `[{"a":1},2,{"b":[null]}]`, `{"a":1}{"b":"c"}`, `[{`, `{"a":1e999}`, `[[[[`, `nul`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, read := range []func(*engine.Table) (int64, error){
			func(t *engine.Table) (int64, error) { return t.ReadListFrom(text) },
			func(t *engine.Table) (int64, error) { return t.ReadFrom(bytes.NewReader(text)) },
		} {
			table := engine.NewTable("a", 0)
			if n, err := read(table); err != nil || n > int64(len(text)) {
				continue
			}
			table.Sort()
			out, err := table.ToListString()
			if err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
			again := engine.NewTable("a", 0)
			if _, err := again.ReadListFrom([]byte(out)); err != nil || again.Len() != table.Len() {
				t.Fatalf("%q reads back as %d rows of %d: %v", out, again.Len(), table.Len(), err)
			}
		}
	})
}

// FuzzJob: whatever a client asks for, the engine answers, and what it keeps of
// it is bounded and can be shown.
func FuzzJob(f *testing.F) {
	f.Add("login", "u", "token", "v")
	f.Add("", "\xff", "", "\x00")
	f.Fuzz(func(t *testing.T, name, arg, key, value string) {
		eng := engine.New()
		must(t, eng.Declare(engine.Declaration{
			Name: "login", Handler: nop, Args: []engine.Arg{{Name: "A", Secret: true}},
			Env: []engine.Key{{Name: "token", Secret: true}, {Name: "n", Type: engine.Int}, {Name: "l", Type: engine.List}, {Name: "t", Type: engine.Time}, {Name: "j", Type: engine.JSON}},
		}))
		if name == "job_trace" {
			return // may follow
		}
		job := eng.Job(name, arg, arg, arg, arg, arg)
		if name == "login" {
			job = eng.Job(name, arg)
		}
		job.Setenv(key, value)
		err := job.Run()
		r := eng.Recent(1)[0]
		if (err == nil) != (r.Status == engine.StatusOK) || len(r.Name) > 128 || len(r.Error) > 512 {
			t.Fatalf("%v is shown as %+v", err, r)
		}
		for _, a := range r.Args {
			if len(a) > 256 || name == "login" && a != "***" {
				t.Fatalf("an argument is shown as %q", a)
			}
		}
	})
}
