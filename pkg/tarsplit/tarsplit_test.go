package tarsplit

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/vbatts/tar-split/tar/asm"
	"github.com/vbatts/tar-split/tar/storage"
)

// memory is a tree of files; those of one archive.
type memory map[string][]byte

// Open gives one file.
func (m memory) Open(name string) (io.ReadCloser, error) {
	text, ok := m[path.Clean("/"+name)]
	if !ok {
		return nil, os.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(text)), nil
}

// Get is Open for upstream.
func (m memory) Get(name string) (io.ReadCloser, error) { return m.Open(name) }

// unpacked is what a reader finds in an archive.
func unpacked(data []byte) memory {
	m := memory{}
	tr := tar.NewReader(bytes.NewReader(data))
	for {
		hdr, err := tr.Next()
		if err != nil {
			return m
		}
		if hdr.Size > 1<<20 {
			continue
		}
		text, _ := io.ReadAll(tr)
		m[path.Clean("/"+hdr.Name)] = text
	}
}

func sample(t testing.TB) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i, h := range []tar.Header{
		{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "d/f", Size: 3000, Mode: 0o644}, {Name: "empty"},
		{Name: strings.Repeat("long/", 50) + "f", Size: 1, Format: tar.FormatPAX, PAXRecords: map[string]string{"VENDOR.a": "b"}},
		{Name: "\xff", Size: 512, Format: tar.FormatGNU}, {Name: ".wh.gone", Size: 2}, {Name: "l", Typeflag: tar.TypeSymlink, Linkname: "x"},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(bytes.Repeat([]byte{byte('a' + i)}, int(h.Size))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return append(buf.Bytes(), "what follows the end"...)
}

func record(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	n, err := Record(context.Background(), bytes.NewReader(data), &out)
	if err != nil || n != int64(len(data)) {
		t.Fatalf("%d of %d bytes, %v", n, len(data), err)
	}
	return out.Bytes()
}

func TestRoundTrip(t *testing.T) {
	data := sample(t)
	rec := record(t, data)
	files := unpacked(data)
	delete(files, "/.wh.gone") // is no file
	r := NewReader(t.Context(), bytes.NewReader(rec), files)
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d of %d bytes come back, %v", len(got), len(data), err)
	}
	if n, err := Size(bytes.NewReader(rec)); err != nil || n != int64(len(data)) {
		t.Errorf("size %d, %v; want %d", n, err, len(data))
	}
	if bytes.Contains(rec, []byte("YWFhYWFhYWFhYWFh")) { // "aaaaaaaaaaaa"
		t.Error("the record has the content of a file")
	}
}

// TestUpstream: both sides read what the other one writes.
func TestUpstream(t *testing.T) {
	data := sample(t)
	files := unpacked(data)
	rc := asm.NewOutputTarStream(files, storage.NewJSONUnpacker(bytes.NewReader(record(t, data))))
	got, err := io.ReadAll(rc)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("theirs of ours: %d of %d bytes, %v", len(got), len(data), err)
	}
	var rec bytes.Buffer
	in, done, err := asm.NewInputTarStreamWithDone(bytes.NewReader(data), storage.NewJSONPacker(&rec), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, err = io.ReadAll(NewReader(t.Context(), &rec, files)); err != nil || !bytes.Equal(got, data) {
		t.Errorf("ours of theirs: %d of %d bytes, %v", len(got), len(data), err)
	}
}

func TestChangedFiles(t *testing.T) {
	data := sample(t)
	rec := record(t, data)
	for what, change := range map[string]func(memory){
		"content": func(m memory) { m["/d/f"][5] = 'x' }, "short": func(m memory) { m["/d/f"] = m["/d/f"][:10] },
		"missing": func(m memory) { delete(m, "/d/f") },
	} {
		files := unpacked(data)
		change(files)
		_, err := io.ReadAll(NewReader(t.Context(), bytes.NewReader(rec), files))
		var bad *FileError
		if !errors.As(err, &bad) || bad.Name != "d/f" {
			t.Errorf("%s: %v", what, err)
		}
		files["/\xff"] = nil
		var names []string
		got, err := io.ReadAll(NewCheck(t.Context(), bytes.NewReader(rec), files, func(e *FileError) { names = append(names, e.Name) }))
		if err != nil || len(got) != len(data) || fmt.Sprintf("%q", names) != `["d/f" "\xff"]` {
			t.Errorf("%s: %d of %d bytes, %q, %v", what, len(got), len(data), names, err)
		}
	}
}

func TestFaults(t *testing.T) {
	data := sample(t)
	for _, n := range []int{100, 600, 1500, 4000} {
		if _, err := Record(t.Context(), bytes.NewReader(data[:n]), io.Discard); err == nil {
			t.Errorf("cut at %d: it went well", n)
		}
	}
	full := errors.New("full")
	if _, err := Record(t.Context(), bytes.NewReader(data), failing{full}); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
	rec := record(t, data)
	for what, bad := range map[string][]byte{"cut": rec[:len(rec)-10], "type": []byte(`{"type":7}`), "size": []byte(`{"type":1,"size":-4}`), "text": []byte("x")} {
		if _, err := io.ReadAll(NewReader(t.Context(), bytes.NewReader(bad), unpacked(data))); err == nil {
			t.Errorf("record: %s: it went well", what)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Record(ctx, bytes.NewReader(data), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := io.ReadAll(NewReader(ctx, bytes.NewReader(rec), unpacked(data))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type failing struct{ err error }

// Write fails.
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// FuzzRecord: whatever is accepted comes back.
func FuzzRecord(f *testing.F) {
	f.Add(sample(f))
	f.Add([]byte{})
	f.Add(make([]byte, 1024))
	f.Fuzz(func(t *testing.T, data []byte) {
		var rec bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := Record(ctx, bytes.NewReader(data), &rec); err != nil {
			return
		}
		files := unpacked(data)
		seen := map[string]bool{}
		tr := tar.NewReader(bytes.NewReader(data))
		for hdr, err := tr.Next(); err == nil; hdr, err = tr.Next() {
			name := path.Clean("/" + hdr.Name)
			if seen[name] || hdr.Size > 1<<20 {
				return // a tree has one file of a name
			}
			seen[name] = true
		}
		got, err := io.ReadAll(NewReader(ctx, bytes.NewReader(rec.Bytes()), files))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d of %d bytes come back, %v", len(got), len(data), err)
		}
	})
}

// FuzzReader: a record that was damaged is an error, not a crash.
func FuzzReader(f *testing.F) {
	data := sample(f)
	f.Add(record(f, data))
	f.Add([]byte(`{"type":1,"name":"x","size":9223372036854775807,"payload":""}`))
	files := unpacked(data)
	f.Fuzz(func(t *testing.T, rec []byte) {
		_, _ = io.CopyN(io.Discard, NewReader(t.Context(), bytes.NewReader(rec), files), 1<<20)
		_, _ = Size(bytes.NewReader(rec))
	})
}
