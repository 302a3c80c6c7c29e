package engine_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/pkg/testutil"
)

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestOutputFansOut(t *testing.T) {
	o := engine.NewOutput()
	var a, b bytes.Buffer
	broken := errors.New("broken")
	o.Add(&a)
	o.Add(failing{broken})
	if n, err := io.WriteString(o, "1"); n != 1 || !errors.Is(err, broken) {
		t.Errorf("got %d, %v", n, err)
	}
	o.Add(&b)
	_, _ = io.WriteString(o, "2")
	if a.String() != "12" || b.String() != "2" {
		t.Errorf("got %q and %q", a.String(), b.String())
	}
	must(t, o.Set(&b))
	_, err := io.WriteString(o, "3")
	must(t, err)
	if a.String() != "12" || b.String() != "23" {
		t.Errorf("after Set: %q and %q", a.String(), b.String())
	}
}

func TestOutputUsed(t *testing.T) {
	o := engine.NewOutput()
	if o.Used() {
		t.Error("used before a write")
	}
	_, err := o.Write(nil)
	must(t, err)
	if !o.Used() {
		t.Error("not used after a write of nothing")
	}
}

func TestNilStreams(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("cat", func(job *engine.Job) error {
		job.Printf("x")
		job.Warnf("y")
		_, err := io.Copy(job.Stdout, job.Stdin)
		return err
	}))
	job := eng.Job("cat")
	job.Stdin, job.Stdout, job.Stderr = nil, nil, nil
	must(t, job.Run())
}

// A decoder that meets nonsense reads on, so the handler is never stuck.
func TestDecodersDrain(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	for what, add := range map[string]func(o *engine.Output){
		"env":   func(o *engine.Output) { o.AddEnv() },
		"table": func(o *engine.Output) { o.AddTable() },
		"list":  func(o *engine.Output) { o.AddListTable() },
	} {
		o := engine.NewOutput()
		add(o)
		testutil.Within(t, 2*time.Second, what, func() {
			for range 100 {
				_, err := io.WriteString(o, "]nonsense[ "+strings.Repeat("x", 10000))
				must(t, err)
			}
			if err := o.Close(); err == nil {
				t.Errorf("%s: nonsense was decoded", what)
			}
		})
	}
}

func TestTables(t *testing.T) {
	eng := enginetest.New(t)
	for name, text := range map[string]string{
		"lines": "{\"a\":1}\n{\"a\":2} {\"a\":3}", "list": `[{"a":1}, 7, "x", {"a":2}]`,
	} {
		must(t, eng.Register(name, func(job *engine.Job) error { job.Printf("%s", text); return nil }))
	}
	must(t, eng.Register("nothing", nop))
	lines, list := eng.Job("lines"), eng.Job("list")
	a, b := lines.Stdout.AddTable(), list.Stdout.AddListTable()
	must(t, lines.Run())
	must(t, list.Run())
	if a.Len() != 3 || a.Data[2].GetInt("a") != 3 {
		t.Errorf("lines: %+v", a)
	}
	if b.Len() != 2 || b.Data[1].GetInt("a") != 2 {
		t.Errorf("list: %+v", b)
	}
	if s, err := b.ToListString(); err != nil || s != "[{\"a\":1}\n,{\"a\":2}\n]" {
		t.Errorf("as a list: %q, %v", s, err)
	}
	empty := eng.Job("nothing")
	c := empty.Stdout.AddListTable()
	must(t, empty.Run())
	if s, _ := c.ToListString(); s != "[]" {
		t.Errorf("nothing: %q", s)
	}
	wrong := eng.Job("list")
	wrong.Stdout.AddTable()
	if err := wrong.Run(); err == nil {
		t.Error("a list read as lines is no error")
	}
}

// While one destination hangs, everything but writing answers at once.
func TestSlowDestination(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	o := engine.NewOutput()
	o.AddPipe() // nobody reads
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.WriteString(o, "stuck") })
	time.Sleep(20 * time.Millisecond)
	testutil.Within(t, time.Second, "Add, Used and Close", func() {
		o.Add(io.Discard)
		o.Used()
		must(t, o.Close())
	})
	wg.Wait()
}

func TestConcurrentWritersKeepTheirChunks(t *testing.T) {
	o := engine.NewOutput()
	var b bytes.Buffer
	o.Add(&b)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				_, _ = io.WriteString(o, "abc\n")
			}
		})
	}
	wg.Wait()
	if b.String() != strings.Repeat("abc\n", 400) {
		t.Error("the chunks are mixed")
	}
}

func TestInput(t *testing.T) {
	in := engine.NewInput()
	if n, err := in.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("without a source: %d, %v", n, err)
	}
	must(t, in.Add(strings.NewReader("abc")))
	if err := in.Add(strings.NewReader("x")); err == nil || err.Error() != "Maximum number of sources reached: 1" {
		t.Errorf("a second source: %v", err)
	}
	text, err := io.ReadAll(in)
	if err != nil || string(text) != "abc" {
		t.Errorf("got %q, %v", text, err)
	}
	piped := engine.NewInput()
	w, err := piped.AddPipe()
	must(t, err)
	testutil.Within(t, time.Second, "closing under a reader", func() {
		go func() { time.Sleep(10 * time.Millisecond); _ = piped.Close() }()
		if _, err := io.ReadAll(piped); err == nil {
			t.Error("the read ended well")
		}
	})
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("writing to a closed input ended well")
	}
}
