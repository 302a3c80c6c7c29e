package pipe_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/enginejobs/docker/pkg/pipe"
)

func TestFrom(t *testing.T) {
	text := strings.Repeat("abc", 100_000)
	r := pipe.From(func(w io.Writer) error {
		_, err := io.Copy(w, iotest.OneByteReader(strings.NewReader(text)))
		return err
	})
	var pieces int
	var got strings.Builder
	buf := make([]byte, 1<<20)
	for {
		n, err := r.Read(buf)
		got.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		pieces++
	}
	if got.String() != text || pieces > 10 {
		t.Errorf("%d bytes of %d in %d pieces", got.Len(), len(text), pieces)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// The error comes after what was written, from Read and from Close.
func TestFrom_Fails(t *testing.T) {
	fault := errors.New("no more")
	r := pipe.From(func(w io.Writer) error { _, _ = io.WriteString(w, "some"); return fault })
	got, err := io.ReadAll(r)
	if string(got) != "some" || !errors.Is(err, fault) {
		t.Errorf("%q, %v", got, err)
	}
	if err := r.Close(); !errors.Is(err, fault) {
		t.Error(err)
	}
}

// Close ends one that would write for ever, and waits for it.
func TestReader_Close(t *testing.T) {
	ended := false
	r := pipe.From(func(w io.Writer) error {
		defer func() { ended = true }()
		for {
			if _, err := io.WriteString(w, "more"); err != nil {
				return err
			}
		}
	})
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); err != nil || !ended {
			t.Errorf("%v, ended: %v", err, ended)
		}
	}
}
