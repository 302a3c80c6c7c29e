//go:build linux

package graph

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/overlay"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/testutil"
	"github.com/enginejobs/docker/runconfig"
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

// BenchmarkImages lists 2,000 images through the job.
func BenchmarkImages(b *testing.B) {
	s, eng := overlayStore(b)
	images, refs := map[string]*image.Image{}, map[string]string{}
	for i := range 2000 {
		at := time.Unix(int64(i), 0)
		img, err := image.New(image.Document{
			OS: "linux", Architecture: "amd64", Created: &at, RootFS: image.RootFS{DiffIDs: []string{image.Digest([]byte{1}), image.Digest([]byte{byte(i)})}},
			Config: &runconfig.Config{Cmd: []string{"sh"}, Labels: map[string]string{"number": strconv.Itoa(i)}},
		})
		if err != nil {
			b.Fatal(err)
		}
		images[img.ID] = img
		refs[fmt.Sprintf("docker.io/team/image-%d:latest", i)] = img.ID
		refs[fmt.Sprintf("docker.io/team/image-%d@%s", i, img.ID)] = img.ID
	}
	s.publish(images, refs)
	for what, env := range map[string]map[string]string{
		"all": nil, "reference": {"filters": `{"reference":["team/image-1*"]}`}, "label": {"filters": `{"label":["number=5"]}`}, "shared": {"shared-size": "1"},
	} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				job := eng.Job("images")
				for k, v := range env {
					job.Setenv(k, v)
				}
				if _, err := job.Output(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("change", func(b *testing.B) {
		for b.Loop() {
			s.publish(images, refs)
		}
	})
}

// BenchmarkOpenStore opens a store of 1,000 images with two layers each.
func BenchmarkOpenStore(b *testing.B) {
	s, _ := overlayStore(b)
	below := graphtest.Archive(b, graphtest.File("below", "x"))
	for i := range 1000 {
		held, err := s.bringLayers(b.Context(), stackOf(new(atomic.Int32), below, graphtest.Archive(b, graphtest.File("f", strconv.Itoa(i)))))
		if err != nil {
			b.Fatal(err)
		}
		img, err := image.New(image.Document{OS: "linux", RootFS: image.RootFS{DiffIDs: held.diffIDs}})
		if err != nil {
			b.Fatal(err)
		}
		name, err := parseName("n"+strconv.Itoa(i), "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.keepDocument(b.Context(), held, img.Raw, "", name); err != nil {
			b.Fatal(err)
		}
		held.release()
	}
	for b.Loop() {
		again, err := New(Options{Root: filepath.Dir(filepath.Dir(s.dir)), Driver: s.driver})
		if err != nil || again.ImageCount() != 1000 {
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
