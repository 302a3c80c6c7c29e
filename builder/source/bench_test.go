package source

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// The context of the benchmarks: 10,000 files with 213 MB.
const (
	benchFiles = 10_000
	benchBytes = 213 << 20
)

// benchContext writes it into a file.
func benchContext(b *testing.B) *os.File {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "context.tar"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := f.Close(); err != nil {
			b.Error(err)
		}
	})
	out := bufio.NewWriterSize(f, 1<<20)
	w := tar.NewWriter(out)
	text := make([]byte, 3*benchBytes/benchFiles)
	for i := range text {
		text[i] = byte(i * i >> 3)
	}
	for i := range benchFiles {
		size := i % 3 * benchBytes / benchFiles // empty, middle, large
		h := &tar.Header{Name: fmt.Sprintf("dir%d/sub%d/file%d", i%50, i%7, i), Mode: 0o644, Size: int64(size), ModTime: at}
		if err := w.WriteHeader(h); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(text[:size]); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), out.Flush()); err != nil {
		b.Fatal(err)
	}
	return f
}

// BenchmarkRead is what BenchmarkSpool is beside: the same bytes, only copied.
func BenchmarkRead(b *testing.B) {
	f, dir := benchContext(b), b.TempDir()
	b.SetBytes(benchBytes)
	for b.Loop() {
		out, err := unlinked(dir)
		if err != nil {
			b.Fatal(err)
		}
		_, err = f.Seek(0, io.SeekStart)
		if err == nil {
			_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{f}, make([]byte, readAhead))
		}
		if err = errors.Join(err, out.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpool(b *testing.B) {
	f, dir := benchContext(b), b.TempDir()
	b.SetBytes(benchBytes)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			b.Fatal(err)
		}
		a, err := Spool(b.Context(), dir, f, SpoolOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSum is what a COPY of all of it asks for.
func BenchmarkSum(b *testing.B) {
	f := benchContext(b)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		b.Fatal(err)
	}
	a, err := Spool(b.Context(), b.TempDir(), f, SpoolOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchBytes)
	b.ReportAllocs()
	for b.Loop() {
		for _, n := range a.nodes {
			n.sum = nil
			if _, err := a.Sum(b.Context(), n.entry()); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := a.Close(); err != nil {
		b.Error(err)
	}
}
