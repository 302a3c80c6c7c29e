//go:build linux

package graph

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/image"
)

// bigStack writes the archives of five layers, together 540 MB in 20,000 files
// of every size, and returns where they are and their digests.
func bigStack(t testing.TB, dir string) (names, diffIDs []string) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 4<<20)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for layer := range 5 {
		name := filepath.Join(dir, fmt.Sprintf("layer%d.tar", layer))
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		hash := sha256.New()
		buf := bufio.NewWriterSize(f, 1<<20)
		w := tar.NewWriter(io.MultiWriter(hash, buf))
		put := func(h *tar.Header, body []byte) {
			h.Size = int64(len(body))
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(body); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 4000 {
			if i%40 == 0 {
				if i == 0 {
					put(&tar.Header{Name: fmt.Sprintf("l%d/", layer), Mode: 0o755, Typeflag: tar.TypeDir}, nil)
				}
				put(&tar.Header{Name: fmt.Sprintf("l%d/d%d/", layer, i/40), Mode: 0o755, Typeflag: tar.TypeDir}, nil)
			}
			size := 2000 + rnd.IntN(40000)
			if i%400 == 7 {
				size = 500000 + rnd.IntN(3000000)
			}
			at := rnd.IntN(len(noise) - size)
			put(&tar.Header{Name: fmt.Sprintf("l%d/d%d/file-%d", layer, i/40, i), Mode: 0o644, ModTime: time.Unix(1e9, 0)}, noise[at:at+size])
		}
		for i := range 1 {
			put(&tar.Header{Name: fmt.Sprintf("l%d/big%d", layer, i), Mode: 0o644}, noise)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := buf.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		names, diffIDs = append(names, name), append(diffIDs, "sha256:"+hex.EncodeToString(hash.Sum(nil)))
	}
	unix.Sync() // what follows pays for itself only
	return names, diffIDs
}

// BenchmarkBringLayers unpacks a stack of five layers, 540 MB in 20,000 files,
// beside tar -x of the same archives into the same file system.
func BenchmarkBringLayers(b *testing.B) {
	s, _ := overlayStore(b)
	dir := b.TempDir()
	names, diffIDs := bigStack(b, dir)
	b.Run("tar", func(b *testing.B) {
		for b.Loop() {
			out := b.TempDir()
			for _, name := range names {
				if text, err := exec.Command("tar", "-xf", name, "-C", out).CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, text)
				}
			}
			b.StopTimer()
			if err := os.RemoveAll(out); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			var sources []layerSource
			for i, name := range names {
				sources = append(sources, layerSource{diffID: diffIDs[i], open: func(context.Context, func(layerState)) (io.ReadCloser, error) {
					return os.Open(name)
				}})
			}
			held, err := s.bringLayers(b.Context(), sources)
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			held.release()
			b.StartTimer()
		}
	})
}

// BenchmarkOpenLayer reads the archives of a stack again.
func BenchmarkOpenLayer(b *testing.B) {
	s, _ := overlayStore(b)
	names, diffIDs := bigStack(b, b.TempDir())
	var sources []layerSource
	for i, name := range names {
		sources = append(sources, layerSource{diffID: diffIDs[i], open: func(context.Context, func(layerState)) (io.ReadCloser, error) {
			return os.Open(name)
		}})
	}
	held, err := s.bringLayers(b.Context(), sources)
	if err != nil {
		b.Fatal(err)
	}
	defer held.release()
	buf := make([]byte, 256<<10)
	for b.Loop() {
		for _, chain := range image.ChainIDs(diffIDs) {
			rc, length, err := s.openLayer(b.Context(), chain)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(5 * length)
			if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, rc, buf); err != nil {
				b.Fatal(err)
			}
			if err := rc.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
