package execengine

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/execdriver/native/pidfd"
	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/logdriver/jsonfile"
)

// pipeline is a stream of a test, with its log.
type pipeline struct {
	t *testing.T
	s *stream
	w *os.File
}

func newPipeline(t *testing.T, j *journal, path string) *pipeline {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := openLog(&logdriver.Spec{Driver: logdriver.JSONFile, Path: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStream(0, false, r, j, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); log.close() })
	return &pipeline{t, s, w}
}

func logText(t *testing.T, path string) (texts []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var e struct{ Log string }
		if err := d.Decode(&e); err == io.EOF {
			return texts
		} else if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, e.Log)
	}
}

func TestStreamLogsLinesAndForwardsBytes(t *testing.T) {
	j, err := newJournal()
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	path := filepath.Join(t.TempDir(), "log")
	p := newPipeline(t, j, path)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.s.add(w)
	go p.s.run(t.Logf)
	long := strings.Repeat("0123456789", 10000)
	text := "one\ntwo " + long + "\n" + long + "end"
	go func() {
		io.WriteString(p.w, text)
		p.w.Close()
	}()
	if got, err := io.ReadAll(r); err != nil || string(got) != text {
		t.Errorf("forwarded %d bytes of %d, %v", len(got), len(text), err)
	}
	<-p.s.done
	entries := logText(t, path)
	if strings.Join(entries, "") != text || entries[0] != "one\n" || len(entries[1]) != maxEntry {
		t.Errorf("%d entries, %d bytes", len(entries), len(strings.Join(entries, "")))
	}
	if p.s.add(w) {
		t.Error("a stream that has ended took a receiver")
	}
}

// TestJournalSurvivesAKillAnywhere stops in the middle of a write to the log, at
// each length, and lets another reader go on with the same journal.
func TestJournalSurvivesAKillAnywhere(t *testing.T) {
	enc := jsonfile.Format{}.Encoder(false, nil)
	enc.At(time.Now())
	full := enc.Append(enc.Append(nil, []byte("first\n")), []byte("second\n"))
	before := enc.Append(nil, []byte("old\n"))
	for written := -1; written <= len(full)+1; written++ {
		j, err := newJournal()
		if err != nil {
			t.Fatal(err)
		}
		n := copy(j.room(0), "first\nsecond\nhalf")
		j.took(0, n)
		path := filepath.Join(t.TempDir(), "log")
		content := before
		if written >= 0 { // -1: killed before the write began
			j.begin(0, len("first\nsecond\n"), len(full), int64(len(before)))
			content = append(bytes.Clone(before), full[:min(written, len(full))]...)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if written > len(full) { // killed between commit's two steps
			h := j.head(0)
			h.span.Store(h.next.Load())
		}
		p := newPipeline(t, j, path)
		if err := j.recover(0, p.s.log.file()); err != nil {
			t.Fatal(err)
		}
		if err := p.s.log.measure(); err != nil {
			t.Fatal(err)
		}
		go p.s.run(t.Logf)
		io.WriteString(p.w, " done\n")
		p.w.Close()
		<-p.s.done
		if got := strings.Join(logText(t, path), "|"); got != "old\n|first\n|second\n|half done\n" {
			t.Fatalf("killed after %d bytes: %q", written, got)
		}
		j.close()
	}
}

func TestRecords(t *testing.T) {
	dir := t.TempDir()
	c := newContainer("abc")
	c.record.ID, c.record.Pid = "abc", os.Getpid()
	if err := writeRecord(dir, &c.record); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "torn.json"), []byte(`{"id":"to`), 0o600)
	list, err := readRecords(dir)
	if err != nil || len(list) != 1 || list[0].Pid != os.Getpid() {
		t.Fatalf("got %+v, %v", list, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "torn.json")); err == nil {
		t.Error("a damaged record is kept")
	}
	a, err := pidfd.StartTime(os.Getpid())
	if b, err2 := pidfd.StartTime(os.Getpid()); err != nil || err2 != nil || a == 0 || a != b {
		t.Errorf("start times %d, %d, %v", a, b, err)
	}
}

// TestJournal_KilledInRead loses the process between the read from the pipe and
// the note that it was made.
func TestJournal_KilledInRead(t *testing.T) {
	for _, c := range []struct {
		read, want string
		room       int
		whole      bool
	}{
		{"", "", 100, false},
		{"", "", 100, true},
		{"hello", "hello", 100, false},
		{"hello\x00\x00", "hello\x00\x00", 7, true},
		{"0123456789abcdef", "0123456789abcdef", 16, true},
	} {
		j, err := newJournal()
		if err != nil {
			t.Fatal(err)
		}
		j.head(1).filling.Store(0xa5a5a5a5a5a5a5a5) // a random one may by chance be what is read last
		copy(j.expect(1, 6, true), "before")
		j.took(1, 6)
		copy(j.expect(1, c.room, c.whole), c.read)
		for range 2 { // the second time nothing is left to settle
			if err := j.recover(1, nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := string(j.unlogged(1)); got != "before"+c.want {
			t.Errorf("%+v: got %q", c, got)
		}
		// It was noted, and only the mark was left.
		copy(j.expect(1, 3, true), "end")
		mark := j.head(1).reading.Load()
		j.took(1, 3)
		j.head(1).reading.Store(mark)
		if err := j.recover(1, nil); err != nil {
			t.Fatal(err)
		}
		if got := string(j.unlogged(1)); got != "before"+c.want+"end" {
			t.Errorf("%+v: got %q after a mark was left", c, got)
		}
		j.close()
	}
}
