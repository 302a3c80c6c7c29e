//go:build linux

package graph

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/overlay"
	"github.com/enginejobs/docker/pkg/testutil"
)

func overlayStore(t testing.TB) (*Store, *engine.Engine) {
	t.Helper()
	testutil.RequiresRoot(t)
	root := t.TempDir()
	d, err := overlay.New(overlay.Options{Root: filepath.Join(root, "overlay"), Logf: t.Logf})
	if err != nil {
		t.Skipf("no overlay: %v", err)
	}
	t.Cleanup(func() { _ = d.Close() })
	eng := engine.New()
	s, err := New(Options{Root: root, Driver: d, Engine: eng, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Install(eng); err != nil {
		t.Fatal(err)
	}
	return s, eng
}

// BenchmarkImport imports the archive that IMPORT_TAR names.
func BenchmarkImport(b *testing.B) {
	name := os.Getenv("IMPORT_TAR")
	if name == "" {
		b.Skip("IMPORT_TAR names no archive")
	}
	for b.Loop() {
		s, eng := overlayStore(b)
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		job := eng.Job("import", "-", "x")
		if err := job.Stdin.AddCloser(f); err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		if err := job.Run(); err != nil {
			b.Fatal(err)
		}
		img, err := s.Image("x")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(img.Size)/1e6/time.Since(begin).Seconds(), "MB/s")
	}
}

// BenchmarkImages lists 200 images through the job.
func BenchmarkImages(b *testing.B) {
	s, eng := overlayStore(b)
	for i := range 200 {
		job := eng.Job("import", "-", fmt.Sprintf("team/image-%d", i))
		r, err := job.Stdin.AddPipe()
		if err != nil {
			b.Fatal(err)
		}
		data := graphtest.Archive(b, graphtest.File(fmt.Sprintf("f%d", i%5), "x"))
		go func() { _, _ = r.Write(data); _ = r.Close() }()
		if err := job.Run(); err != nil {
			b.Fatal(err)
		}
	}
	if s.ImageCount() != 200 {
		b.Fatalf("%d images", s.ImageCount())
	}
	for b.Loop() {
		if _, err := eng.Job("images").Output(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreateLayer makes and removes a container's layer on an image.
func BenchmarkCreateLayer(b *testing.B) {
	s, eng := overlayStore(b)
	job := eng.Job("import", "-", "x")
	r, err := job.Stdin.AddPipe()
	if err != nil {
		b.Fatal(err)
	}
	data := graphtest.Archive(b, graphtest.File("bin/sh", "x"))
	go func() { _, _ = r.Write(data); _ = r.Close() }()
	if err := job.Run(); err != nil {
		b.Fatal(err)
	}
	img, err := s.Image("x")
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("c%d", i)
		if err := s.CreateLayer(id, img); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Mounts(id); err != nil {
			b.Fatal(err)
		}
		if err := s.RemoveLayer(id); err != nil {
			b.Fatal(err)
		}
	}
}
