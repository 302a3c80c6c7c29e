//go:build linux

package graph

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/overlay"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/pkg/testutil"
	"github.com/enginejobs/docker/runconfig"
)

// onDrivers runs a test with a store on each storage driver.
func onDrivers(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Run("vfs", func(t *testing.T) { test(t, newBench(t)) })
	t.Run("overlay", func(t *testing.T) {
		s, eng := overlayStore(t)
		test(t, &bench{Store: s, t: t, root: t.TempDir(), eng: eng, events: enginetest.Fake(eng, "log")})
	})
}

// container makes the layer of a container, lets change write in it, and returns
// its id.
func (b *bench) container(name, ref string, change func(root string)) string {
	b.t.Helper()
	id := strings.Repeat(name, 64)[:64]
	img, err := b.Image(ref)
	if err == nil {
		err = b.CreateLayer(id, img)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.inLayer(id, change)
	return id
}

func (b *bench) inLayer(id string, f func(root string)) {
	b.t.Helper()
	root, err := b.MountLayer(id)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() {
		if err := b.UnmountLayer(id); err != nil {
			b.t.Error(err)
		}
	}()
	f(root)
}

func (b *bench) commit(c image.Commit) *image.Image {
	b.t.Helper()
	img, err := b.Commit(b.t.Context(), c)
	if err != nil {
		b.t.Fatal(err)
	}
	return img
}

// files lists what a container of an image would see: "name=content" or "name/".
func (b *bench) files(ref string) string {
	b.t.Helper()
	id := b.container("f", ref, func(string) {})
	defer func() {
		if err := b.RemoveLayer(id); err != nil {
			b.t.Error(err)
		}
	}()
	var list []string
	b.inLayer(id, func(root string) {
		err := filepath.WalkDir(root, func(p string, e os.DirEntry, err error) error {
			name, _ := filepath.Rel(root, p)
			switch {
			case err != nil:
				return err
			case p == root:
			case slices.Contains([]string{"dev", "etc", "proc", "sys", ".dockerenv", ".dockerinit"}, name): // of every container
				if e.IsDir() {
					return filepath.SkipDir
				}
			case e.IsDir():
				list = append(list, name+"/")
			case e.Type()&os.ModeSymlink != 0:
				to, err := os.Readlink(p)
				if err != nil {
					return err
				}
				list = append(list, name+">"+to)
			default:
				text, err := os.ReadFile(p)
				if err != nil {
					return err
				}
				list = append(list, name+"="+string(text))
			}
			return nil
		})
		if err != nil {
			b.t.Fatal(err)
		}
	})
	return strings.Join(list, " ")
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCommit(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		base := b.importFiles("base", graphtest.File("d/gone", "1"), graphtest.File("d/kept", "1"), graphtest.File("o/low", "1"), graphtest.File("same", "1"))
		box := b.container("a", "base", func(root string) {
			writeFile(t, filepath.Join(root, "new"), "2")
			writeFile(t, filepath.Join(root, "same"), "22")
			for _, name := range []string{"d/gone", "o"} {
				if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
					t.Fatal(err)
				}
			}
			writeFile(t, filepath.Join(root, "o/high"), "2") // a directory that hides the one below
		})
		read := 0
		cfg, of := &runconfig.Config{User: "u"}, &runconfig.Config{Hostname: "h"}
		img := b.commit(image.Commit{
			Container: box, Parent: base, Config: cfg, ContainerConfig: of, CreatedBy: "sh -c x", Author: "me", Comment: "why",
			Repo: "made", Tag: "v1", Read: func() { read++ },
		})
		if got := b.files("made:v1"); got != "d/ d/kept=1 new=2 o/ o/high=2 same=22" {
			t.Errorf("the image holds %s", got)
		}
		if img.Parent != base || img.Author != "me" || img.Comment != "why" || img.Container != box || img.Config.User != "u" ||
			img.ContainerConfig.Hostname != "h" || len(img.RootFS.DiffIDs) != 2 || read != 1 {
			t.Errorf("read %d times, %+v", read, img)
		}
		last := img.History[len(img.History)-1]
		if last.CreatedBy != "sh -c x" || last.Author != "me" || last.Comment != "why" || last.EmptyLayer || last.Created == nil || !last.Created.Equal(*img.Created) {
			t.Errorf("history: %+v", last)
		}

		// A commit of a commit has one layer more; the container goes on being one of
		// its own image.
		next := b.container("b", "made:v1", func(root string) { writeFile(t, filepath.Join(root, "more"), "3") })
		again := b.commit(image.Commit{Container: next, Parent: img.ID, Config: cfg, Repo: "next"})
		if again.Parent != img.ID || len(again.RootFS.DiffIDs) != 3 || len(again.History) != len(img.History)+1 {
			t.Errorf("%+v", again)
		}
		if got := b.files("next"); got != "d/ d/kept=1 more=3 new=2 o/ o/high=2 same=22" {
			t.Errorf("the second image holds %s", got)
		}

		// The name moves, and what had it stays without.
		moved := b.commit(image.Commit{Container: box, Parent: base, Config: cfg, Repo: "made", Tag: "v1"})
		if old, err := b.Image(img.ID); err != nil || len(old.RepoTags) != 0 {
			t.Errorf("the image that had the name: %+v, %v", old, err)
		}
		if now, err := b.Image("made:v1"); err != nil || now.ID != moved.ID {
			t.Errorf("the name: %v", err)
		}
		if moved.ChainID != img.ChainID {
			t.Error("the same files became another layer")
		}
	})
}

// importFiles imports an image and returns its id.
func (b *bench) importFiles(name string, list ...graphtest.Entry) string {
	b.t.Helper()
	out, err := b.run(graphtest.Archive(b.t, list...), nil, "import", "-", name)
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// TestCommit_Empty: who has written nothing makes an image without a layer.
func TestCommit_Empty(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		base := b.importFiles("base", graphtest.File("f", "1"))
		box := b.container("a", "base", func(string) {})
		before := len(b.driver.List())
		img := b.commit(image.Commit{Container: box, Parent: base, Config: &runconfig.Config{}, Repo: "same"})
		if len(img.RootFS.DiffIDs) != 1 || !img.History[len(img.History)-1].EmptyLayer || img.ID == base {
			t.Errorf("%+v", img)
		}
		if after := len(b.driver.List()); after != before {
			t.Errorf("%d layers became %d", before, after)
		}
		if got := b.files("same"); got != "f=1" {
			t.Errorf("the image holds %s", got)
		}
	})
}

// TestCommit_Orphan: the image of the container may be gone; its layers are not.
func TestCommit_Orphan(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		base := b.importFiles("base", graphtest.File("f", "1"))
		box := b.container("a", "base", func(root string) { writeFile(t, filepath.Join(root, "new"), "2") })
		idle := b.container("b", "base", func(string) {})
		if _, err := b.rmi("base", map[string]string{"force": "1"}); err != nil {
			t.Fatal(err)
		}
		img := b.commit(image.Commit{Container: box, Parent: base, Config: &runconfig.Config{}, Repo: "made"})
		same := b.commit(image.Commit{Container: idle, Parent: base, Config: &runconfig.Config{}, Repo: "same"})
		if img.Parent != "" || len(img.RootFS.DiffIDs) != 2 || len(same.RootFS.DiffIDs) != 1 {
			t.Errorf("%+v\n%+v", img, same)
		}
		if got := b.files("made") + ", " + b.files("same"); got != "f=1 new=2, f=1" {
			t.Errorf("the images hold %s", got)
		}
		for _, id := range []string{box, idle} {
			if err := b.RemoveLayer(id); err != nil {
				t.Error(err)
			}
		}
		for _, ref := range []string{"made", "same"} {
			if _, err := b.rmi(ref, nil); err != nil {
				t.Error(err)
			}
		}
		if list := b.driver.List(); len(list) != 0 {
			t.Errorf("left: %v", list)
		}
	})
}

// TestCommit_Faults: whatever fails leaves no image, no layer, no name, and a
// container that can be committed still.
func TestCommit_Faults(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		base := b.importFiles("base", graphtest.File("f", "1"))
		box := b.container("a", "base", func(root string) { writeFile(t, filepath.Join(root, "new"), strings.Repeat("x", 1<<20)) })
		layers, images := len(b.driver.List()), b.ImageCount()
		check := func(what string) {
			t.Helper()
			if n := len(b.driver.List()); n != layers || b.ImageCount() != images {
				t.Errorf("%s: %d layers and %d images, before %d and %d", what, n, b.ImageCount(), layers, images)
			}
			if left, _ := os.ReadDir(b.path("tmp")); len(left) > 0 {
				t.Errorf("%s: work is left: %v", what, left)
			}
			if left, _ := os.ReadDir(b.path("imagedb/metadata/sha256")); len(left) > images {
				t.Errorf("%s: something is known of images that are not there: %v", what, left)
			}
		}
		good := image.Commit{Container: box, Parent: base, Config: &runconfig.Config{}, Repo: "made"}

		for what, c := range map[string]image.Commit{
			"name": {Container: box, Parent: base, Repo: "UPPER"}, "tag": {Container: box, Parent: base, Repo: "made", Tag: "a b"},
			"tag alone": {Container: box, Parent: base, Tag: "v1"},
		} {
			if _, err := b.Commit(t.Context(), c); !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Errorf("%s: %v", what, err)
			}
			check(what)
		}
		if _, err := b.Commit(t.Context(), image.Commit{Container: strings.Repeat("9", 64), Parent: base}); !errdefs.IsNotFound(err) {
			t.Errorf("a container that is not there: %v", err)
		}
		check("no container")

		ctx, cancel := context.WithCancel(t.Context())
		c := good
		c.Read = cancel // between reading and keeping
		if _, err := b.Commit(ctx, c); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled when everything was read: %v", err)
		}
		check("cancelled late")
		if _, err := b.Commit(ctx, good); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v", err)
		}
		check("cancelled early")

		// Something is in the way of each of the files.
		for what, dir := range map[string]string{
			"layer": b.path("layerdb/sha256"), "document": b.path("imagedb/content/sha256"),
			"parent": b.path("imagedb/metadata/sha256"), "names": b.path("repositories.json"),
		} {
			c := good
			restore := func() {}
			c.Read = func() { restore = blocked(t, dir) }
			_, err := b.Commit(t.Context(), c)
			restore()
			if err == nil {
				t.Errorf("%s: it did not fail", what)
			}
			check("no " + what)
			if _, err := b.Image("made"); !errdefs.IsNotFound(err) {
				t.Errorf("%s: the name: %v", what, err)
			}
		}
		if _, err := b.Commit(t.Context(), good); err != nil {
			t.Errorf("after all that: %v", err)
		}
	})
}

// blocked puts something in the place of a file or directory of the store, on
// which every use fails, until it is restored.
func blocked(t *testing.T, name string) (restore func()) {
	t.Helper()
	aside := name + ".aside"
	info, err := os.Stat(name)
	if err == nil {
		err = os.Rename(name, aside)
	}
	switch {
	case err != nil:
	case info.IsDir():
		err = os.WriteFile(name, nil, 0o600)
	default:
		err = os.MkdirAll(filepath.Join(name, "x"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.RemoveAll(name), os.Rename(aside, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCommit_SourceFails: a diff that breaks off is no layer.
func TestCommit_SourceFails(t *testing.T) {
	b := newBench(t)
	base := b.importFiles("base", graphtest.File("f", "1"))
	box := b.container("a", "base", func(root string) { writeFile(t, filepath.Join(root, "new"), "2") })
	layers := len(b.driver.List())
	whole := b.driver
	for what, diff := range map[string]io.ReadCloser{
		"broken off": failing{strings.NewReader(strings.Repeat("x", 100)), errors.New("cannot read"), nil},
		"bad end":    failing{strings.NewReader(string(graphtest.Archive(t, graphtest.File("a", "1")))), io.EOF, errors.New("cannot end")},
	} {
		b.driver = brokenDiff{whole, diff}
		_, err := b.Commit(t.Context(), image.Commit{Container: box, Parent: base, Config: &runconfig.Config{}})
		b.driver = whole
		if err == nil {
			t.Errorf("%s: it did not fail", what)
		}
		if n := len(b.driver.List()); n != layers {
			t.Errorf("%s: %d layers became %d", what, layers, n)
		}
		if left, _ := os.ReadDir(b.path("tmp")); len(left) > 0 {
			t.Errorf("%s: work is left: %v", what, left)
		}
	}
}

type brokenDiff struct {
	graphdriver.Driver
	diff io.ReadCloser
}

func (d brokenDiff) Diff(context.Context, string) (io.ReadCloser, error) { return d.diff, nil }

type failing struct {
	r          io.Reader
	err, close error
}

func (f failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = f.err
	}
	return n, err
}

func (f failing) Close() error { return f.close }

func TestCommit_FullDisk(t *testing.T) {
	testutil.RequiresRoot(t)
	root := t.TempDir()
	m := mount.Mount{Type: "tmpfs", Source: "tmpfs", Options: []string{"size=8m"}}
	if err := m.Perform(root); err != nil {
		t.Skipf("no tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := mount.Unmount(root); err != nil {
			t.Error(err)
		}
	})
	d, err := overlay.New(overlay.Options{Root: filepath.Join(root, "overlay"), Logf: t.Logf})
	if err != nil {
		t.Skipf("no overlay: %v", err)
	}
	t.Cleanup(func() { _ = d.Close() })
	b := &bench{t: t, root: root, eng: enginetest.New(t)}
	if b.Store, err = New(Options{Root: root, Driver: d, Engine: b.eng, Logf: t.Logf}); err != nil {
		t.Fatal(err)
	}
	if err := b.Install(b.eng); err != nil {
		t.Fatal(err)
	}
	b.events = enginetest.Fake(b.eng, "log")
	base := b.importFiles("base", graphtest.File("f", "1"))
	box := b.container("a", "base", func(root string) { writeFile(t, filepath.Join(root, "large"), strings.Repeat("x", 5<<20)) })
	layers := len(b.driver.List())
	_, err = b.Commit(t.Context(), image.Commit{Container: box, Parent: base, Config: &runconfig.Config{}, Repo: "made"})
	if err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("got %v", err)
	}
	if n := len(b.driver.List()); n != layers || b.ImageCount() != 1 {
		t.Errorf("%d layers became %d; %d images", layers, n, b.ImageCount())
	}
	b.inLayer(box, func(root string) { writeFile(t, filepath.Join(root, "large"), "small now") })
	b.commit(image.Commit{Container: box, Parent: base, Config: &runconfig.Config{}, Repo: "made"})
}
