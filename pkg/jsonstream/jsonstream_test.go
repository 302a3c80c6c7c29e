package jsonstream

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestWriter(t *testing.T) {
	for _, c := range []struct {
		name       string
		send       func(w *Writer) error
		json, text string
	}{
		{"status", func(w *Writer) error { return w.Status("abc", "Pulling %s", "x") },
			`{"status":"Pulling x","id":"abc"}` + "\r\n", "Pulling x\r\n"},
		{"stream", func(w *Writer) error { return w.Stream("Step 1\n") },
			`{"stream":"Step 1\n"}` + "\r\n", "Step 1\n\r"},
		{"empty progress", func(w *Writer) error { return w.Progress("", "Waiting", Progress{}) },
			`{"status":"Waiting","progressDetail":{}}` + "\r\n", "Waiting \r\n"},
		{"progress", func(w *Writer) error { return w.Progress("", "Importing", Progress{Current: 1573000}) },
			`{"status":"Importing","progressDetail":{"current":1573000},"progress":"1.573 MB"}` + "\r\n", "Importing 1.573 MB\r"},
		{"error", func(w *Writer) error { return w.Fail(7, errors.New("no")) },
			`{"errorDetail":{"code":7,"message":"no"},"error":"no"}` + "\r\n", "Error: no\r\n"},
		{"aux", func(w *Writer) error { return w.Aux(map[string]int{"a": 1}) }, `{"aux":{"a":1}}` + "\r\n", ""},
	} {
		for _, asJSON := range []bool{true, false} {
			var buf bytes.Buffer
			if err := c.send(NewWriter(&buf, asJSON)); err != nil {
				t.Fatal(err)
			}
			want := c.text
			if asJSON {
				want = c.json
			}
			if buf.String() != want {
				t.Errorf("%s: got %q, want %q", c.name, buf.String(), want)
			}
		}
	}
}

func TestProgressText(t *testing.T) {
	p := Progress{Current: 50, Total: 100, Start: 1000}
	want := "[" + strings.Repeat("=", 25) + ">" + strings.Repeat(" ", 24) + "]     50 B/100 B 10s"
	if got := p.Text(time.Unix(1010, 0)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestReader(t *testing.T) {
	var buf bytes.Buffer
	r := NewWriter(&buf, true).NewReader(strings.NewReader(strings.Repeat("x", 2<<20)), 0, "", "Importing")
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(buf.String(), "Importing"); n < 3 || n > 6 {
		t.Errorf("%d messages for 2 MB", n)
	}
}

func TestDisplay(t *testing.T) {
	var in, out bytes.Buffer
	w := NewWriter(&in, true)
	_ = w.Status("", "hello")
	_ = w.Progress("a", "Downloading", Progress{Current: 1, Total: 2})
	_ = w.Status("a", "done")
	_ = w.Fail(0, errors.New("broken"))
	var fault *Error
	if err := Display(&in, &out, false, nil); !errors.As(err, &fault) || fault.Message != "broken" {
		t.Errorf("got %v", err)
	}
	if out.String() != "hello\na: done\n" {
		t.Errorf("got %q", out.String())
	}
	if err := Display(strings.NewReader("{bad"), &out, false, nil); err == nil {
		t.Error("a broken stream was accepted")
	}
}
