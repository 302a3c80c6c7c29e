//go:build linux

package graph

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/overlay"
	"github.com/enginejobs/docker/graphdriver/vfs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/pkg/testutil"
)

// loadInto runs the job on an engine.
func loadInto(tb testing.TB, eng *engine.Engine, data io.Reader) {
	tb.Helper()
	job := eng.Job("load")
	if err := job.Stdin.AddCloser(io.NopCloser(data)); err != nil {
		tb.Fatal(err)
	}
	if out, err := job.Output(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
}

// stackBundle is an image of these layers, the last one first in the archive.
func stackBundle(tb testing.TB, name string, layers ...[]byte) *bundle {
	b := &bundle{tb: tb}
	m := dockerManifest{Config: "config.json", RepoTags: []string{name}}
	var ids []string
	for _, l := range layers {
		ids = append(ids, image.Digest(l))
		m.Layers = append(m.Layers, hexOf(image.Digest(l))+".tar")
		if !slices.ContainsFunc(b.entries, func(e bundleEntry) bool { return e.hdr.Name == m.Layers[len(m.Layers)-1] }) {
			b.file(m.Layers[len(m.Layers)-1], l)
		}
	}
	slices.Reverse(b.entries)
	b.json("config.json", testConfig(ids, hostPlatform().Architecture))
	b.json("manifest.json", []dockerManifest{m})
	return b
}

// TestLoad_Unpacked: layers that are unpacked before their parents are known
// become what they are when these are.
func TestLoad_Unpacked(t *testing.T) {
	base := graphtest.Archive(t, graphtest.Dir("usr"), graphtest.Dir("usr/lib"), graphtest.File("usr/lib/a", "1"), graphtest.Symlink("lib", "usr/lib"))
	for name, top := range map[string][]byte{
		"plain":     graphtest.Archive(t, graphtest.Dir("usr"), graphtest.File("usr/b", "2")),
		"new":       graphtest.Archive(t, graphtest.File("opt/b", "2")),
		"implied":   graphtest.Archive(t, graphtest.File("usr/lib/b", "2")),
		"by link":   graphtest.Archive(t, graphtest.File("lib/b", "2")),
		"hard link": graphtest.Archive(t, graphtest.Dir("usr"), graphtest.Link("usr/b", "usr/lib/a")),
		"opaque":    graphtest.Archive(t, graphtest.File("b", "2"), graphtest.File(".wh..wh..opq", "")),
	} {
		t.Run(name, func(t *testing.T) {
			fresh, eng := overlayStore(t)
			loadInto(t, eng, bytes.NewReader(stackBundle(t, "box:1", base, top).bytes()))
			want, _ := overlayStore(t)
			held, err := want.bringLayers(t.Context(), []layerSource{bytesSource(base), bytesSource(top)})
			if err != nil {
				t.Fatal(err)
			}
			defer held.release()
			img, err := fresh.Image("box:1")
			if err != nil {
				t.Fatal(err)
			}
			if got, want := diffOf(t, fresh, img.ChainID), diffOf(t, want, held.chainID); got != want {
				t.Errorf("the tree is another:\n%s\n%s", got, want)
			}
			if list := fresh.driver.List(); len(list) != 2 {
				t.Errorf("left in the driver: %v", list)
			}
			rc, _, err := fresh.openLayer(t.Context(), img.ChainID)
			if err != nil {
				t.Fatal(err)
			}
			defer rc.Close()
			if again, err := io.ReadAll(rc); err != nil || !bytes.Equal(again, top) {
				t.Errorf("the archive of the layer is another: %v", err)
			}
		})
	}
}

// TestLoad_OneLayerTwice: the same archive on two parents is two layers.
func TestLoad_OneLayerTwice(t *testing.T) {
	s, eng := overlayStore(t)
	a := graphtest.Archive(t, graphtest.File("a", "1"))
	b := graphtest.Archive(t, graphtest.File("b", "1"))
	loadInto(t, eng, bytes.NewReader(stackBundle(t, "box:1", a, b, a, b).bytes()))
	img, err := s.Image("box:1")
	if err != nil || img.Size != 4 {
		t.Error(img, err)
	}
	if list := s.driver.List(); len(list) != 4 {
		t.Errorf("in the driver: %v", list)
	}
	if _, err := eng.Job("image_delete", "box:1").Output(); err != nil {
		t.Error(err)
	}
	if list := s.driver.List(); len(list) != 0 {
		t.Errorf("left in the driver: %v", list)
	}
}

func bytesSource(data []byte) layerSource {
	return layerSource{diffID: image.Digest(data), open: func(context.Context, func(layerState)) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// diffOf lists what the driver has of a layer.
func diffOf(t *testing.T, s *Store, chainID string) string {
	t.Helper()
	rc, err := s.driver.Diff(t.Context(), s.layers[chainID].cacheID)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	var list strings.Builder
	for r := tar.NewReader(rc); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if time.Since(h.ModTime) < time.Hour { // no archive says when: it was made just now
			h.ModTime = time.Unix(0, 0)
		}
		fmt.Fprintf(&list, "%+v %q\n", *h, content)
	}
}

// BenchmarkLoad loads the archive that LOAD_TAR names.
func BenchmarkLoad(b *testing.B) {
	name := os.Getenv("LOAD_TAR")
	if name == "" {
		b.Skip("LOAD_TAR names no archive")
	}
	for b.Loop() {
		_, eng := overlayStore(b)
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		loadInto(b, eng, f)
		b.ReportMetric(time.Since(begin).Seconds(), "s/load")
		f.Close()
	}
}

// TestLoad_Known: layers that are there are not unpacked again, also under
// another image; what only claims to be one of them is refused.
func TestLoad_Known(t *testing.T) {
	testutil.RequiresRoot(t)
	for name, open := range map[string]func() (*Store, *engine.Engine){
		"overlay": func() (*Store, *engine.Engine) { return overlayStore(t) },
		"vfs": func() (*Store, *engine.Engine) {
			b := newBench(t)
			b.eng.Replace("load", b.jobLoad)
			return b.Store, b.eng
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, eng := open()
			a := graphtest.Archive(t, graphtest.File("a", "1"))
			b := graphtest.Archive(t, graphtest.File("b", "1"))
			loadInto(t, eng, bytes.NewReader(stackBundle(t, "box:1", a, b).bytes()))
			before := s.driver.List()
			loadInto(t, eng, bytes.NewReader(stackBundle(t, "box:2", a, b).bytes()))
			if after := s.driver.List(); len(after) != len(before) {
				t.Errorf("%d layers became %d", len(before), len(after))
			}
			loadInto(t, eng, bytes.NewReader(stackBundle(t, "upside:1", b, a).bytes()))
			img, err := s.Image("upside:1")
			if err != nil || img.Size != 2 || len(s.driver.List()) != 4 {
				t.Errorf("%+v, %v, %v", img, err, s.driver.List())
			}
			lie := stackBundle(t, "lie:1", a)
			lie.entries[0].body = bytes.Clone(lie.entries[0].body)
			lie.entries[0].body[600] ^= 1 // in the content of the file
			job := eng.Job("load")
			if err := job.Stdin.AddCloser(io.NopCloser(bytes.NewReader(lie.bytes()))); err != nil {
				t.Fatal(err)
			}
			if _, err := job.Output(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Errorf("a lie was believed: %v", err)
			}
			for _, ref := range []string{"box:1", "upside:1"} { // box:2 is the same image as box:1
				if _, err := s.Delete(t.Context(), ref, deleteOptions{force: true}); err != nil {
					t.Error(err)
				}
			}
			if _, err := s.Delete(t.Context(), "box:2", deleteOptions{}); err != nil {
				t.Error(err)
			}
			if left := s.driver.List(); len(left) > 0 {
				t.Errorf("something is still held: %v", left)
			}
		})
	}
}

// TestLoad_FullDisk: a disk that fills, or runs out of inodes, in the middle of an
// archive gets everything back, with layers that are unpacked and ones that wait.
func TestLoad_FullDisk(t *testing.T) {
	testutil.RequiresRoot(t)
	var many []graphtest.Entry
	for i := range 400 {
		many = append(many, graphtest.File(fmt.Sprintf("f%d", i), "x"))
	}
	small := graphtest.Archive(t, graphtest.File("a", "1"))
	for name, c := range map[string]struct {
		limit string
		layer []byte
	}{
		"space":  {"size=4m", graphtest.Archive(t, graphtest.File("b", strings.Repeat("x", 3<<20)), graphtest.File("c", strings.Repeat("x", 3<<20)))},
		"inodes": {"size=64m,nr_inodes=300", graphtest.Archive(t, many...)},
	} {
		for kind, open := range map[string]func(root string) (graphdriver.Driver, error){
			"overlay": func(root string) (graphdriver.Driver, error) {
				return overlay.New(overlay.Options{Root: root, Logf: t.Logf})
			},
			"vfs": func(root string) (graphdriver.Driver, error) { return vfs.New(vfs.Options{Root: root, Logf: t.Logf}) },
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				root := t.TempDir()
				m := mount.Mount{Type: "tmpfs", Source: "tmpfs", Options: strings.Split(c.limit, ",")}
				if err := m.Perform(root); err != nil {
					t.Skipf("no tmpfs: %v", err)
				}
				t.Cleanup(func() {
					if err := mount.Unmount(root); err != nil {
						t.Error(err)
					}
				})
				d, err := open(filepath.Join(root, kind))
				if err != nil {
					t.Skipf("no %s: %v", kind, err)
				}
				defer d.Close()
				s, err := New(Options{Root: root, Driver: d, Logf: t.Logf})
				if err != nil {
					t.Fatal(err)
				}
				load := func(b *bundle) error {
					return s.Load(t.Context(), loadOptions{}, bytes.NewReader(b.bytes()), jsonstream.NewWriter(io.Discard, true))
				}
				if err := load(stackBundle(t, "big:1", small, c.layer)); !errors.Is(err, unix.ENOSPC) || !errdefs.Is(err, errdefs.KindInternal) {
					t.Errorf("got %v (%v)", err, errdefs.KindOf(err))
				}
				if left, err := os.ReadDir(s.path("tmp")); err != nil || len(left)+len(d.List()) > 0 {
					t.Errorf("left: %v %v %v", left, d.List(), err)
				}
				deadline := time.Now().Add(5 * time.Second) // files are removed in the background
				for err = load(stackBundle(t, "small:1", small)); err != nil && time.Now().Before(deadline); err = load(stackBundle(t, "small:1", small)) {
					time.Sleep(20 * time.Millisecond)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestLoad_SideBySide: loads of the same and of other layers, and a removal
// beside them, end with what was loaded and nothing else.
func TestLoad_SideBySide(t *testing.T) {
	s, eng := overlayStore(t)
	var layers [][]byte
	for i := range 4 {
		layers = append(layers, graphtest.Archive(t, graphtest.Dir("d"), graphtest.File(fmt.Sprintf("d/f%d", i), "x")))
	}
	stacks := [][]int{{0, 1, 2, 3}, {0, 1}, {1, 0, 2}, {0, 1, 2, 3}, {3}, {0, 1, 3}}
	var running sync.WaitGroup
	for i, stack := range stacks {
		var list [][]byte
		for _, n := range stack {
			list = append(list, layers[n])
		}
		data := stackBundle(t, fmt.Sprintf("box:%d", i), list...).bytes()
		running.Go(func() {
			for range 5 {
				if err := s.Load(t.Context(), loadOptions{quiet: true}, bytes.NewReader(data), jsonstream.NewWriter(io.Discard, true)); err != nil {
					t.Errorf("stack %d: %v", i, err)
				}
				_, _ = s.Delete(t.Context(), fmt.Sprintf("box:%d", i), deleteOptions{force: true})
			}
			if err := s.Load(t.Context(), loadOptions{quiet: true}, bytes.NewReader(data), jsonstream.NewWriter(io.Discard, true)); err != nil {
				t.Errorf("stack %d: %v", i, err)
			}
		})
	}
	running.Wait()
	for i, stack := range stacks {
		img, err := s.Image(fmt.Sprintf("box:%d", i))
		if err != nil || img.Size != int64(len(stack)) {
			t.Errorf("box:%d: %+v, %v", i, img, err)
		}
	}
	if list := s.driver.List(); len(list) != 4+1+3+1 { // 0123; on 01: 3; 102; 3
		t.Errorf("the driver has %d layers: %v", len(list), list)
	}
	for i := range stacks {
		if _, err := eng.Job("image_delete", fmt.Sprintf("box:%d", i)).Output(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(s.path("tmp")); err != nil || len(left)+len(s.driver.List())+len(s.layers) > 0 {
		t.Errorf("left: %v %v %v", left, s.driver.List(), err)
	}
}

// TestLoad_Beside: what looks like a layer and is none does no harm beside an
// image, and much when it is one of it.
func TestLoad_Beside(t *testing.T) {
	s, eng := overlayStore(t)
	made := stackBundle(t, "box:1", graphtest.Archive(t, graphtest.File("a", "1")))
	made.entries = slices.Insert(made.entries, 0, (&bundle{tb: t}).with("chart.tgz", gzipped(t, []byte("no archive"))),
		(&bundle{tb: t}).with("evil.tar", graphtest.Archive(t, graphtest.File("../../evil", "x"))))
	loadInto(t, eng, bytes.NewReader(made.bytes()))
	if list := s.driver.List(); len(list) != 1 {
		t.Errorf("in the driver: %v", list)
	}
	for name, c := range hostileBundles(t) {
		err := s.Load(t.Context(), loadOptions{}, bytes.NewReader(c.data), jsonstream.NewWriter(io.Discard, true))
		if !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v (%v), want %q", name, err, errdefs.KindOf(err), c.text)
		}
		if left, err := os.ReadDir(s.path("tmp")); err != nil || len(left) > 0 || len(s.driver.List()) != 1 {
			t.Errorf("%s left %v %v %v", name, left, s.driver.List(), err)
		}
	}
}

// with is an entry.
func (b *bundle) with(name string, body []byte) bundleEntry {
	b.file(name, body)
	return b.entries[len(b.entries)-1]
}
