// Package logtest is the suite that every logging driver's format passes: what
// is written is read, from the beginning, from the end, across files that are
// rotated and compressed meanwhile, and around damage. It owns no state. Start
// reading at Run. Only tests may import it.
package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/logdriver"
)

// Run runs the suite for one driver.
func Run(t *testing.T, driver string, format logdriver.Format) {
	t.Helper()
	s := &suite{driver: driver, format: format}
	t.Run("RoundTrip", s.roundTrip)
	t.Run("Tail", s.tail)
	t.Run("TailAcrossFiles", s.tailAcrossFiles)
	t.Run("SinceUntil", s.sinceUntil)
	t.Run("Damage", s.damage)
	t.Run("FollowThroughRotation", s.followThroughRotation)
	t.Run("KilledInRotation", s.killedInRotation)
	t.Run("FollowEnds", s.followEnds)
}

type suite struct {
	driver string
	format logdriver.Format
}

func (s *suite) spec(t *testing.T) *logdriver.Spec {
	t.Helper()
	return &logdriver.Spec{Driver: s.driver, Path: filepath.Join(t.TempDir(), "log"), MaxFile: 1}
}

// log is a log that is being written.
type log struct {
	t *testing.T
	w *logdriver.Writer
	e logdriver.Encoder
	n int
}

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

func (s *suite) open(t *testing.T, spec *logdriver.Spec) *log {
	t.Helper()
	w, err := logdriver.OpenWriter(spec, make(chan struct{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return &log{t: t, w: w, e: s.format.Encoder(false, nil)}
}

func (l *log) write(texts ...string) {
	l.t.Helper()
	for _, text := range texts {
		if l.w.Left() == 0 {
			if err := l.w.Rotate(); err != nil {
				l.t.Fatal(err)
			}
		}
		l.e.At(t0.Add(time.Duration(l.n) * time.Second))
		l.n++
		if err := l.w.Append(l.e.Append(nil, []byte(text))); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (s *suite) read(t *testing.T, spec *logdriver.Spec, opt logdriver.ReadOptions) string {
	t.Helper()
	var b strings.Builder
	err := logdriver.Read(t.Context(), s.format, spec, opt, func(e *logdriver.Entry) error { b.Write(e.Text); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (s *suite) roundTrip(t *testing.T) {
	spec := s.spec(t)
	l := s.open(t, spec)
	texts := []string{"one\n", "\n", "piece ", "piece ", "end\n", "\x00\x01\x1f \"quoted\" \\n <a&b>\n", "é€😀\u2028\n", "no newline"}
	l.write(texts...)
	stderr := s.format.Encoder(true, nil)
	at := time.Date(2027, 1, 1, 0, 0, 0, 123456789, time.UTC)
	stderr.At(at)
	if err := l.w.Append(stderr.Append(nil, []byte("err\n"))); err != nil {
		t.Fatal(err)
	}
	i := 0
	err := logdriver.Read(t.Context(), s.format, spec, logdriver.ReadOptions{Tail: -1}, func(e *logdriver.Entry) error {
		switch {
		case i < len(texts):
			if string(e.Text) != texts[i] || e.Stderr || !e.Time.Equal(t0.Add(time.Duration(i)*time.Second)) {
				t.Errorf("entry %d: %q at %v", i, e.Text, e.Time)
			}
		case string(e.Text) != "err\n" || !e.Stderr || !e.Time.Equal(at):
			t.Errorf("the last entry: %+v", e)
		}
		i++
		return nil
	})
	if err != nil || i != len(texts)+1 {
		t.Fatalf("%d entries, %v", i, err)
	}
	if got := s.read(t, &logdriver.Spec{Path: spec.Path + "-missing"}, logdriver.ReadOptions{Tail: -1}); got != "" {
		t.Errorf("a log that is not there: %q", got)
	}
}

func (s *suite) tail(t *testing.T) {
	spec := s.spec(t)
	lines := []string{"a\n", "long 1 ", "long 2 ", "long 3\n", "c\n", `slash\n` + "\n", "\n"}
	s.open(t, spec).write(lines...)
	for n, want := range map[int]string{
		0: "", 1: "\n", 2: `slash\n` + "\n\n", 4: "long 1 long 2 long 3\nc\n" + `slash\n` + "\n\n",
		5: strings.Join(lines, ""), 9: strings.Join(lines, ""), -1: strings.Join(lines, ""),
	} {
		if got := s.read(t, spec, logdriver.ReadOptions{Tail: n}); got != want {
			t.Errorf("tail %d: %q, want %q", n, got, want)
		}
	}
}

// settled waits until all older files are compressed.
func settled(t *testing.T, spec *logdriver.Spec) {
	t.Helper()
	for range 500 {
		plain, _ := filepath.Glob(spec.Path + ".[0-9]")
		if len(plain) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("files stay uncompressed")
}

func (s *suite) tailAcrossFiles(t *testing.T) {
	for _, compress := range []bool{false, true} {
		spec := s.spec(t)
		spec.MaxSize, spec.MaxFile, spec.Compress = 20_000, 9, compress
		l := s.open(t, spec)
		var lines []string
		for i := range 1000 {
			lines = append(lines, fmt.Sprintf("%04d %s\n", i, strings.Repeat("z", i%211)))
		}
		l.write(lines...)
		if compress {
			settled(t, spec)
		}
		all := s.read(t, spec, logdriver.ReadOptions{Tail: -1})
		joined := strings.Join(lines, "")
		if !strings.HasSuffix(joined, all) || len(all) < 60_000 {
			t.Fatalf("compress %v: %d bytes of %d", compress, len(all), len(joined))
		}
		kept := strings.Count(all, "\n")
		for _, n := range []int{0, 1, 2, 50, 150, 400, kept - 1, kept, kept + 1} {
			want := strings.Join(lines[len(lines)-min(n, kept):], "")
			if got := s.read(t, spec, logdriver.ReadOptions{Tail: n}); got != want {
				t.Errorf("compress %v, tail %d: %d bytes, want %d", compress, n, len(got), len(want))
			}
		}
	}
}

func (s *suite) sinceUntil(t *testing.T) {
	spec := s.spec(t)
	s.open(t, spec).write("0\n", "1\n", "2\n", "3\n")
	opt := logdriver.ReadOptions{Tail: -1, Since: t0.Add(time.Second), Until: t0.Add(2 * time.Second)}
	if got := s.read(t, spec, opt); got != "1\n2\n" {
		t.Errorf("got %q", got)
	}
}

// damage puts what is no record between records, cuts records off anywhere, and
// damages a compressed file.
func (s *suite) damage(t *testing.T) {
	e := s.format.Encoder(false, nil)
	e.At(t0)
	record := e.Append(nil, []byte("good\n"))
	for _, junk := range [][]byte{{}, []byte("junk\n"), bytes.Repeat([]byte{0}, 4096), bytes.Repeat([]byte("y"), logdriver.MaxRecord+100), record[:len(record)/2]} {
		spec := s.spec(t)
		content := append(append(bytes.Clone(record), junk...), '\n')
		content = append(content, bytes.Repeat(record, 3)...)
		if err := os.WriteFile(spec.Path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		got := s.read(t, spec, logdriver.ReadOptions{Tail: -1})
		if n := strings.Count(got, "good\n"); n < 3 || !strings.HasPrefix(got, "good\n") {
			t.Errorf("%d bytes of junk %.10q: %.100q", len(junk), junk, got)
		}
		if got := s.read(t, spec, logdriver.ReadOptions{Tail: 2}); got != "good\ngood\n" {
			t.Errorf("%d bytes of junk %.10q: the last two are %.100q", len(junk), junk, got)
		}
	}
	for cut := range record {
		spec := s.spec(t)
		if err := os.WriteFile(spec.Path, append(bytes.Clone(record), record[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, tail := range []int{-1, 1} {
			if got := s.read(t, spec, logdriver.ReadOptions{Tail: tail}); got != "good\n" {
				t.Errorf("cut off after %d bytes, tail %d: %q", cut, tail, got)
			}
		}
	}
	spec := s.spec(t)
	spec.MaxSize, spec.MaxFile = 100, 5
	s.open(t, spec).write("good\n")
	if err := os.WriteFile(spec.Path+".1.gz", []byte("no gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := s.read(t, spec, logdriver.ReadOptions{Tail: -1}); got != "good\n" {
		t.Errorf("with a damaged older file: %q", got)
	}
}

// followThroughRotation reads while files are rotated and compressed as fast as
// the reader allows, and misses and doubles nothing.
func (s *suite) followThroughRotation(t *testing.T) {
	for _, compress := range []bool{false, true} {
		spec := s.spec(t)
		spec.MaxSize, spec.MaxFile, spec.Compress = 2_000, 40, compress
		l := s.open(t, spec)
		done := make(chan struct{})
		next := 0
		steps := make(chan int, 1)
		ended := make(chan error, 1)
		go func() {
			opt := logdriver.ReadOptions{Tail: -1, Follow: true, Done: done}
			ended <- logdriver.Read(t.Context(), s.format, spec, opt, func(e *logdriver.Entry) error {
				if want := fmt.Sprintf("line %d\n", next); string(e.Text) != want {
					return fmt.Errorf("got %q, want %q", e.Text, want)
				}
				next++
				if next%500 == 0 {
					steps <- next
				}
				return nil
			})
		}()
		const lines = 20_000
		for i := range lines {
			l.write(fmt.Sprintf("line %d\n", i))
			if (i+1)%500 == 0 { // 500 lines are a third of what the files hold
				select {
				case <-steps:
				case err := <-ended:
					t.Fatalf("compress %v, after %d lines: %v", compress, i, err)
				case <-time.After(20 * time.Second):
					t.Fatalf("compress %v: the reader stands still", compress)
				}
			}
		}
		close(done)
		if err := <-ended; err != nil || next != lines {
			t.Fatalf("compress %v: %d lines, %v", compress, next, err)
		}
	}
}

// killedInRotation starts again from every state that a kill in the middle of a
// rotation can leave.
func (s *suite) killedInRotation(t *testing.T) {
	var whole []string
	for i := range 6 {
		whole = append(whole, fmt.Sprintf("line %d\n", i))
	}
	for step := range 6 {
		spec := s.spec(t)
		spec.MaxSize, spec.MaxFile = 1, 5
		l := s.open(t, spec)
		l.write(whole[:4]...) // log and three older ones
		l.w.Close()
		p := func(n string) string { return spec.Path + n }
		moves := [][2]string{{"", ".new"}, {".3", ".4"}, {".2", ".3"}, {".1", ".2"}, {"", ".1"}, {".new", ""}}
		for i, m := range moves[:step+1] {
			if i == 0 {
				if err := os.WriteFile(p(".new"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			} else if err := os.Rename(p(m[0]), p(m[1])); err != nil {
				t.Fatal(err)
			}
		}
		l = s.open(t, spec)
		l.n = 4
		l.write(whole[4])
		if got := s.read(t, spec, logdriver.ReadOptions{Tail: -1}); got != strings.Join(whole[:5], "") {
			t.Errorf("killed after step %d: %q", step, got)
		}
		l.write(whole[5])
		if got := s.read(t, spec, logdriver.ReadOptions{Tail: -1}); got != strings.Join(whole[1:], "") {
			t.Errorf("killed after step %d, one rotation later: %q", step, got)
		}
		if _, err := os.Stat(p(".new")); err == nil {
			t.Errorf("killed after step %d: the new file is left", step)
		}
	}
}

func (s *suite) followEnds(t *testing.T) {
	spec := s.spec(t)
	s.open(t, spec).write("x\n")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	seen := make(chan struct{})
	go func() {
		ended <- logdriver.Read(ctx, s.format, spec, logdriver.ReadOptions{Tail: -1, Follow: true},
			func(*logdriver.Entry) error { close(seen); return nil })
	}()
	<-seen
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the reading did not end")
	}
	opt := logdriver.ReadOptions{Tail: -1, Follow: true, Until: time.Now().Add(50 * time.Millisecond)}
	if got := s.read(t, spec, opt); got != "x\n" {
		t.Errorf("until: %q", got)
	}
}
