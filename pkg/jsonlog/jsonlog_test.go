package jsonlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func record(text string, at time.Time) string {
	text = strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`).Replace(text)
	return fmt.Sprintf(`{"log":"%s","stream":"stdout","time":"%s"}`+"\n", text, at.Format(time.RFC3339Nano))
}

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

func writeLog(t *testing.T, texts ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x-json.log")
	var b strings.Builder
	for i, text := range texts {
		b.WriteString(record(text, t0.Add(time.Duration(i)*time.Second)))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readAll(t *testing.T, path string, opt Options) string {
	t.Helper()
	var b strings.Builder
	if err := Read(t.Context(), path, opt, func(e *Entry) error { b.Write(e.Log); return nil }); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadDecodesAndSkipsDamage(t *testing.T) {
	path := writeLog(t, "one\n", `quote " and back\slash`+"\n")
	f, _ := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	fmt.Fprintln(f, `{"log":"esc \u003c\u2028\u0001\n","stream":"stderr","time":"2026-01-02T03:04:08Z"}`)
	fmt.Fprintln(f, `{"log":"broken`)
	fmt.Fprintln(f, strings.Repeat("y", maxRecord+100))
	fmt.Fprintln(f, `{"time":"2026-01-02T03:04:09Z","stream":"stdout","log":"other order\n"}`)
	fmt.Fprint(f, `{"log":"torn","stre`)
	f.Close()
	want := "one\nquote \" and back\\slash\nesc <\u2028\u0001\nother order\n"
	if got := readAll(t, path, Options{Tail: -1}); got != want {
		t.Fatalf("got %q\nwant %q", got, want)
	}
}

func TestMissingFileIsEmpty(t *testing.T) {
	if got := readAll(t, filepath.Join(t.TempDir(), "none"), Options{Tail: -1}); got != "" {
		t.Fatalf("got %q", got)
	}
}

func TestTail(t *testing.T) {
	lines := []string{"a\n", "long 1 ", "long 2 ", "long 3\n", "c\n", `slash\n`, "\n"}
	path := writeLog(t, lines...)
	for n, want := range map[int]string{
		0: "", 1: `slash\n` + "\n", 2: "c\n" + `slash\n` + "\n", 3: "long 1 long 2 long 3\nc\n" + `slash\n` + "\n",
		4: strings.Join(lines, ""), 9: strings.Join(lines, ""), -1: strings.Join(lines, ""),
	} {
		if got := readAll(t, path, Options{Tail: n}); got != want {
			t.Errorf("tail %d: %q, want %q", n, got, want)
		}
	}
}

func TestTailAcrossBlocks(t *testing.T) {
	var lines []string
	for i := range 3000 {
		lines = append(lines, fmt.Sprintf("%04d %s\n", i, strings.Repeat("z", i%211)))
	}
	path := writeLog(t, lines...)
	for _, n := range []int{1, 2, 999, 2999, 3000, 4000} {
		want := strings.Join(lines[max(0, len(lines)-n):], "")
		if got := readAll(t, path, Options{Tail: n}); got != want {
			t.Fatalf("tail %d: %d bytes, want %d", n, len(got), len(want))
		}
	}
}

func TestSinceUntil(t *testing.T) {
	path := writeLog(t, "0\n", "1\n", "2\n", "3\n")
	opt := Options{Tail: -1, Since: t0.Add(time.Second), Until: t0.Add(2 * time.Second)}
	if got := readAll(t, path, opt); got != "1\n2\n" {
		t.Fatalf("got %q", got)
	}
}

// follower runs Read in the background and shows what arrived.
type follower struct {
	mu   sync.Mutex
	text strings.Builder
	end  chan error
}

func follow(ctx context.Context, path string, done <-chan struct{}) *follower {
	f := &follower{end: make(chan error, 1)}
	go func() {
		f.end <- Read(ctx, path, Options{Tail: -1, Follow: true, Done: done}, func(e *Entry) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.text.Write(e.Log)
			return nil
		})
	}()
	return f
}

func (f *follower) expect(t *testing.T, want string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		f.mu.Lock()
		got := f.text.String()
		f.mu.Unlock()
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %q, want %q", got, want)
		}
		time.Sleep(time.Millisecond)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestFollowGrowsRotatesAndEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "late-json.log")
	done := make(chan struct{})
	f := follow(t.Context(), path, done)
	rec := record("two\n", t0)
	appendTo(t, path, record("one\n", t0)+rec[:10])
	f.expect(t, "one\n")
	appendTo(t, path, rec[10:])
	f.expect(t, "one\ntwo\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path+".1", record("late\n", t0))
	appendTo(t, path, record("new\n", t0))
	f.expect(t, "one\ntwo\nlate\nnew\n")
	appendTo(t, path, record("last\n", t0))
	close(done)
	if err := <-f.end; err != nil {
		t.Fatal(err)
	}
	f.expect(t, "one\ntwo\nlate\nnew\nlast\n")
}

func TestFollowIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := follow(ctx, writeLog(t, "x\n"), nil)
	f.expect(t, "x\n")
	cancel()
	select {
	case err := <-f.end:
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	case <-time.After(time.Second):
		t.Fatal("the reading did not end")
	}
}

func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "log")
	line := record(strings.Repeat("x", 80)+"\n", t0)
	os.WriteFile(path, []byte(strings.Repeat(line, 10000)), 0o600)
	b.SetBytes(int64(len(line) * 10000))
	for b.Loop() {
		Read(b.Context(), path, Options{Tail: -1}, func(*Entry) error { return nil })
	}
}
