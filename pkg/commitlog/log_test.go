package commitlog_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/commitlog"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a log that is closed with the test, and tells what it holds.
func open(t testing.TB, path string) (*commitlog.Log, []string) {
	t.Helper()
	l, found, err := commitlog.Open(path)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l, texts(found)
}

func texts(list []commitlog.Record) (out []string) {
	for _, r := range list {
		out = append(out, fmt.Sprint(r.Kind, " ", string(r.Data)))
	}
	return out
}

func add(t testing.TB, l *commitlog.Log, text string) {
	t.Helper()
	at, err := l.Append(1, []byte(text))
	must(t, err)
	must(t, l.Sync(at))
}

func holds(t testing.TB, path string, want ...string) {
	t.Helper()
	l, found, err := commitlog.Open(path)
	must(t, err)
	must(t, l.Close())
	if got := texts(found); !slices.Equal(got, want) {
		t.Errorf("the log holds %q, want %q", got, want)
	}
}

func TestLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, found := open(t, path)
	if len(found) != 0 {
		t.Fatalf("a new log holds %q", found)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) > 0 {
		t.Errorf("opening made files: %v %v", list, err)
	}
	if _, ok := l.Cut(); ok {
		t.Error("an empty log was cut")
	}
	add(t, l, "one")
	add(t, l, "")
	holds(t, path, "1 one", "1 ")
	first, ok := l.Cut()
	if !ok || l.Size() > 24 {
		t.Fatalf("not cut: %v, %d bytes", ok, l.Size())
	}
	if _, again := l.Cut(); again {
		t.Error("cut again before the drop")
	}
	add(t, l, "two")
	holds(t, path, "1 one", "1 ", "1 two")
	must(t, l.Drop(first))
	holds(t, path, "1 two")
	if err := l.Drop(first); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("dropped twice: %v", err)
	}
	second, _ := l.Cut()
	add(t, l, "three")
	holds(t, path, "1 two", "1 three")
	must(t, l.Drop(second))
	must(t, l.Close())
	must(t, l.Close())
	if _, err := l.Append(1, nil); err == nil {
		t.Error("a closed log takes records")
	}

	l, found = open(t, path)
	if !slices.Equal(found, []string{"1 three"}) {
		t.Errorf("found %q", found)
	}
	if _, err := l.Append(1, nil); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("appended before the reset: %v", err)
	}
	must(t, l.Reset())
	holds(t, path)
	add(t, l, "four")
	holds(t, path, "1 four")
	must(t, l.Close())
}

// What was found may wait for its Drop while more is appended.
func TestAdopt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, _ := open(t, path)
	if _, ok := l.Adopt(); ok {
		t.Error("nothing was adopted")
	}
	for round, text := range []string{"one", "two", "three"} {
		add(t, l, text)
		must(t, l.Close())
		l, _ = open(t, path)
		c, ok := l.Adopt()
		if !ok {
			t.Fatalf("round %d: not adopted", round)
		}
		add(t, l, "more")
		holds(t, path, "1 "+text, "1 more")
		must(t, l.Drop(c))
		holds(t, path, "1 more")
		c, _ = l.Cut()
		must(t, l.Drop(c))
	}
	add(t, l, "a")
	_, _ = l.Cut()
	add(t, l, "b")
	must(t, l.Close())
	l, found := open(t, path)
	if _, ok := l.Adopt(); ok || len(found) != 2 {
		t.Errorf("two files were adopted: %q", found)
	}
	must(t, l.Reset())
	add(t, l, "c")
	holds(t, path, "1 c")
}

func TestRefusals(t *testing.T) {
	l, _ := open(t, filepath.Join(t.TempDir(), "log"))
	if _, err := l.Append(0, nil); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("kind 0: %v", err)
	}
	if _, err := l.Append(1, make([]byte, commitlog.MostData+1)); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("too long: %v", err)
	}
	nowhere, _ := open(t, filepath.Join(t.TempDir(), "no/log"))
	if _, err := nowhere.Append(1, nil); err == nil {
		t.Error("a log in no directory takes records")
	}
	if _, _, err := commitlog.Open(t.TempDir() + "/x\x00"); err == nil {
		t.Error("a bad path is opened")
	}
}

// What was flushed is there whatever becomes of the bytes behind it, and what is
// found after damage is always the beginning of what was appended.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, _ := open(t, path)
	var want []string
	for i := range 6 {
		text := strings.Repeat(fmt.Sprint(i), 20*i)
		add(t, l, text)
		want = append(want, "1 "+text)
	}
	size := l.Size()
	must(t, l.Close())
	whole, err := os.ReadFile(path + ".0")
	must(t, err)
	for at := range size {
		for what, text := range map[string][]byte{
			"cut off": whole[:at],
			"zeroed":  slices.Concat(whole[:at], make([]byte, int64(len(whole))-at)),
			"flipped": slices.Concat(whole[:at], []byte{whole[at] ^ 0x10}, whole[at+1:]),
		} {
			must(t, os.WriteFile(path+".0", text, 0o600))
			l, found, err := commitlog.Open(path)
			must(t, err)
			must(t, l.Close())
			if got := texts(found); len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
				t.Fatalf("%s at %d: found %q", what, at, got)
			} else if len(got) == len(want) {
				t.Fatalf("%s at %d: the damage was not seen", what, at)
			}
		}
	}
}

// What a power cut leaves behind the end is never found later, even when records
// are as long as those before.
func TestLeftoversStayBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, _ := open(t, path)
	for _, text := range []string{"a", "b", "c"} {
		add(t, l, text)
	}
	must(t, l.Close())
	whole, err := os.ReadFile(path + ".0")
	must(t, err)
	for lost := range 2 { // the page of this record did not come to the disk
		text := bytes.Clone(whole)
		clear(text[24+25*lost:][:25])
		must(t, os.WriteFile(path+".0", text, 0o600))
		l, found := open(t, path)
		if len(found) != lost {
			t.Fatalf("found %q", found)
		}
		must(t, l.Reset())
		add(t, l, "x")
		holds(t, path, "1 x")
		must(t, l.Close())
	}
}

// Files grow and are cut again.
func TestRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, _ := open(t, path)
	for range 40 {
		add(t, l, strings.Repeat("x", 100<<10))
	}
	c, ok := l.Cut()
	if !ok {
		t.Fatal("not cut")
	}
	must(t, l.Drop(c))
	if info, err := os.Stat(path + ".0"); err != nil || info.Size() > 2<<20 {
		t.Errorf("%v bytes are kept, %v", info.Size(), err)
	}
	add(t, l, "small")
	holds(t, path, "1 small")
}

// Many append while another cuts and drops: what was not dropped is there.
func TestMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, _ := open(t, path)
	const writers, each = 8, 50
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				at, err := l.Append(byte(w+1), fmt.Append(nil, i))
				if err == nil {
					err = l.Sync(at)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	stop := make(chan struct{})
	var cutter sync.WaitGroup
	cutter.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if c, ok := l.Cut(); ok {
				if err := l.Drop(c); err != nil {
					t.Error(err)
				}
			}
		}
	})
	all.Wait()
	close(stop)
	cutter.Wait()
	must(t, l.Close())
	_, found, err := commitlog.Open(path)
	must(t, err)
	next := map[byte]string{}
	for _, r := range found { // of each writer, the last ones, in order
		if want := next[r.Kind]; want != "" && string(r.Data) != want {
			t.Errorf("writer %d: %s after %s", r.Kind, r.Data, want)
		}
		var n int
		if _, err := fmt.Sscan(string(r.Data), &n); err != nil {
			t.Fatal(err)
		}
		next[r.Kind] = fmt.Sprint(n + 1)
	}
}

// TestPowerCuts keeps the files as they were at some moment between two flushes
// and mixes in pages that were written after it, as a disk without power does.
func TestPowerCuts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		path := filepath.Join(t.TempDir(), "log")
		l, _ := open(t, path)
		var durable []string
		for i := range rng.IntN(20) {
			text := strings.Repeat(string(rune('a'+i)), rng.IntN(5000))
			add(t, l, text)
			durable = append(durable, "1 "+text)
			if rng.IntN(6) == 0 {
				if c, ok := l.Cut(); ok {
					must(t, l.Drop(c))
					durable = nil
				}
			}
		}
		before := pages(t, path)
		late := slices.Clone(durable)
		for range rng.IntN(6) {
			text := strings.Repeat("z", rng.IntN(9000))
			if _, err := l.Append(1, []byte(text)); err != nil {
				t.Fatal(err)
			}
			late = append(late, "1 "+text)
		}
		after := pages(t, path)
		for name, now := range after {
			for i := range now {
				if i < len(before[name]) && rng.IntN(2) == 0 {
					now[i] = before[name][i]
				}
			}
			must(t, os.WriteFile(name, bytes.Join(now, nil), 0o600))
		}
		must(t, l.Close())
		_, got := open(t, path)
		if len(got) < len(durable) || len(got) > len(late) || !slices.Equal(got, late[:len(got)]) {
			t.Fatalf("round %d: %d records are there, %d were durable, %d written", round, len(got), len(durable), len(late))
		}
	}
}

// pages are the files of a log, in pieces.
func pages(t *testing.T, path string) map[string][][]byte {
	out := map[string][][]byte{}
	for _, name := range []string{path + ".0", path + ".1"} {
		if text, err := os.ReadFile(name); err == nil {
			out[name] = slices.Collect(slices.Chunk(text, 512))
		}
	}
	return out
}

// FuzzOpen opens whatever is in the files; what it then takes is found again.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "log")
	l, _, err := commitlog.Open(path)
	must(f, err)
	add(f, l, "seed")
	must(f, l.Close())
	seed, err := os.ReadFile(path + ".0")
	must(f, err)
	f.Add(seed[:60], []byte{})
	f.Add(seed[:24], seed[:60])
	f.Fuzz(func(t *testing.T, one, two []byte) {
		path := filepath.Join(t.TempDir(), "log")
		must(t, os.WriteFile(path+".0", one, 0o600))
		must(t, os.WriteFile(path+".1", two, 0o600))
		l, _ := open(t, path)
		must(t, l.Reset())
		add(t, l, "more")
		holds(t, path, "1 more")
		must(t, l.Close())
	})
}

func BenchmarkSync(b *testing.B) {
	l, _ := open(b, filepath.Join(b.TempDir(), "log"))
	text := make([]byte, 3000)
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			at, err := l.Append(1, text)
			must(b, err)
			must(b, l.Sync(at))
			if l.Size() > 1<<20 {
				if c, ok := l.Cut(); ok {
					must(b, l.Drop(c))
				}
			}
		}
	})
}
