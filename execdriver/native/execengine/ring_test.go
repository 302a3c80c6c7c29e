package execengine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/logdriver"
)

// TestRing_DropsTheNewestAndSaysSoOnce holds the log up while output comes.
func TestRing_DropsTheNewestAndSaysSoOnce(t *testing.T) {
	j, err := newJournal()
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	path := filepath.Join(t.TempDir(), "log")
	spec := &logdriver.Spec{Driver: logdriver.JSONFile, Path: path, Mode: logdriver.NonBlocking, MaxBuffer: 1000}
	log, err := openLog(spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, err := newStream(0, false, r, j, log)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said []string
	logf := func(format string, a ...any) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, fmt.Sprintf(format, a...))
	}
	log.mu.Lock() // the disk stands still
	log.run(logf)
	go s.run(logf)
	for i := range 5000 { // far more than the pipe, the journal and the ring hold
		if _, err := fmt.Fprintf(w, "line %d %s\n", i, strings.Repeat("x", 90)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	<-s.done
	log.mu.Unlock()
	log.close()
	texts := logText(t, path)
	if n := len(texts); n < 9 || n > 60 {
		t.Errorf("%d entries are logged", n)
	}
	for i, text := range texts[:9] {
		if !strings.HasPrefix(text, fmt.Sprintf("line %d ", i)) {
			t.Errorf("entry %d is %q", i, text)
		}
	}
	if len(said) != 2 || !strings.Contains(said[1], fmt.Sprint(5000-len(texts))) {
		t.Errorf("%d entries, said %q", len(texts), said)
	}
}

// TestLog_Rotates writes by both streams and finds every line once.
func TestLog_Rotates(t *testing.T) {
	for _, mode := range []string{"", logdriver.NonBlocking} {
		j, err := newJournal()
		if err != nil {
			t.Fatal(err)
		}
		defer j.close()
		path := filepath.Join(t.TempDir(), "log")
		spec := &logdriver.Spec{
			Driver: logdriver.JSONFile, Path: path, MaxSize: 50_000, MaxFile: 100, Compress: true, Mode: mode, MaxBuffer: 10 << 20,
		}
		log, err := openLog(spec, make(chan struct{}, 1))
		if err != nil {
			t.Fatal(err)
		}
		log.run(t.Logf)
		var both sync.WaitGroup
		for i := range 2 {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			s, err := newStream(i, false, r, j, log)
			if err != nil {
				t.Fatal(err)
			}
			go s.run(t.Logf)
			both.Go(func() {
				for n := range 10_000 {
					fmt.Fprintf(w, "%d line %d\n", i, n)
				}
				w.Close()
				<-s.done
			})
		}
		both.Wait()
		log.settle()
		next := [2]int{}
		err = logdriver.Read(t.Context(), log.format, spec, logdriver.ReadOptions{Tail: -1}, func(e *logdriver.Entry) error {
			i := 0
			if e.Stderr {
				i = 1
			}
			if want := fmt.Sprintf("%d line %d\n", i, next[i]); string(e.Text) != want {
				return fmt.Errorf("got %q, want %q", e.Text, want)
			}
			next[i]++
			return nil
		})
		if err != nil || next != [2]int{10_000, 10_000} {
			t.Errorf("mode %q: %v, %v", mode, next, err)
		}
		log.close()
	}
}
