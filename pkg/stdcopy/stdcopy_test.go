package stdcopy

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

func TestRoundTrip(t *testing.T) {
	var wire bytes.Buffer
	mux := NewMux(&wire)
	out, errw := mux.Stream(Stdout), mux.Stream(Stderr)
	big := strings.Repeat("x", maxPayload+10)
	for _, w := range []struct {
		w    io.Writer
		text string
	}{{out, "one"}, {errw, "two"}, {out, big}, {out, ""}} {
		if n, err := io.WriteString(w.w, w.text); err != nil || n != len(w.text) {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
	var stdout, stderr bytes.Buffer
	n, err := Copy(&stdout, &stderr, iotest.OneByteReader(&wire))
	if err != nil || n != int64(len(big)+6) {
		t.Fatalf("Copy = %d, %v", n, err)
	}
	if stdout.String() != "one"+big || stderr.String() != "two" {
		t.Fatal("streams got mixed")
	}
}

func TestHeader(t *testing.T) {
	var wire bytes.Buffer
	io.WriteString(NewWriter(&wire, Stderr), "hi")
	if want := "\x02\x00\x00\x00\x00\x00\x00\x02hi"; wire.String() != want {
		t.Fatalf("frame %q, want %q", wire.String(), want)
	}
}

func TestTruncatedFrameDeliversWhatCame(t *testing.T) {
	var out bytes.Buffer
	n, err := Copy(&out, nil, strings.NewReader("\x01\x00\x00\x00\x00\x00\x00\x09abc"))
	if !errors.Is(err, io.ErrUnexpectedEOF) || n != 3 || out.String() != "abc" {
		t.Fatalf("Copy = %d, %v, %q", n, err, out.String())
	}
	if _, err := Copy(nil, nil, strings.NewReader("\x01\x00")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("half a header: %v", err)
	}
}

func TestBadFrames(t *testing.T) {
	if _, err := Copy(nil, nil, strings.NewReader("\x09\x00\x00\x00\x00\x00\x00\x01a")); err == nil {
		t.Fatal("an unknown stream was accepted")
	}
	_, err := Copy(nil, nil, strings.NewReader("\x03\x00\x00\x00\x00\x00\x00\x04oops"))
	if err == nil || !strings.Contains(err.Error(), "oops") {
		t.Fatalf("system error frame: %v", err)
	}
}

func TestConcurrentWritersKeepFramesWhole(t *testing.T) {
	var wire bytes.Buffer
	mux := NewMux(&wire)
	var wg sync.WaitGroup
	for _, s := range []Stream{Stdout, Stderr} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 100 {
				mux.Stream(s).Write([]byte("0123456789"))
			}
		}()
	}
	wg.Wait()
	var out, errs bytes.Buffer
	if _, err := Copy(&out, &errs, &wire); err != nil || out.Len() != 1000 || errs.Len() != 1000 {
		t.Fatalf("%v, %d, %d", err, out.Len(), errs.Len())
	}
}

func BenchmarkWrite(b *testing.B) {
	w := NewWriter(io.Discard, Stdout)
	p := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		w.Write(p)
	}
}
