//go:build linux

// Package graphtest owns the contract suite that every storage driver passes:
// layers and what differs between them, archives that are hostile or odd,
// leftovers of a crash, concurrent use. It has no state. Start reading at Run.
// Only tests of drivers import it.
package graphtest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
)

// Factory opens the driver's store at root; the suite closes it. A second call
// with the same root sees what the first one left.
type Factory func(t testing.TB, root string) graphdriver.Driver

// Run runs the suite.
func Run(t *testing.T, open Factory) {
	if root := os.Getenv(crashRoot); root != "" {
		crashChild(t, open, root)
		return
	}
	for _, c := range []struct {
		name string
		run  func(*testing.T, *bench)
	}{
		{"CreateAndRemove", testCreateAndRemove},
		{"UnknownIDs", testUnknownIDs},
		{"Layers", testLayers},
		{"Mounts", testMounts},
		{"DiffOfContainer", testDiffOfContainer},
		{"Changes", testChanges},
		{"Whiteouts", testWhiteouts},
		{"ImpliedParents", testImpliedParents},
		{"HardLinkAcrossLayers", testHardLinkAcrossLayers},
		{"Metadata", testMetadata},
		{"Hostile", testHostile},
		{"Devices", testDevices},
		{"Attributes", testAttributes},
		{"Sparse", testSparse},
		{"Twice", testTwice},
		{"Forms", testForms},
		{"Ahead", testAhead},
		{"Reopen", testReopen},
		{"Depth", testDepth},
		{"Cancel", testCancel},
		{"Concurrent", testConcurrent},
		{"MountedTwice", testMountedTwice},
		{"Crash", testCrash},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{t: t, open: open, root: filepath.Join(t.TempDir(), "store")}
			b.Driver = open(t, b.root)
			t.Cleanup(func() {
				if err := b.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			c.run(t, b)
		})
	}
}

// bench is a driver with what tests do to it most.
type bench struct {
	graphdriver.Driver
	t    *testing.T
	open Factory
	root string
}

func (b *bench) create(id, parent string, readWrite bool) {
	b.t.Helper()
	if err := b.Create(id, parent, readWrite); err != nil {
		b.t.Fatal(err)
	}
}

// layer makes an image layer of the entries.
func (b *bench) layer(id, parent string, list ...Entry) {
	b.t.Helper()
	b.create(id, parent, false)
	if _, err := b.ApplyDiff(context.Background(), id, bytes.NewReader(Archive(b.t, list...))); err != nil {
		b.t.Fatal(err)
	}
}

// in calls f with the layer's root on the host.
func (b *bench) in(id string, f func(root string)) {
	b.t.Helper()
	root, err := b.Get(id)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() {
		if err := b.Put(id); err != nil {
			b.t.Errorf("Put(%s): %v", id, err)
		}
	}()
	f(root)
}

// files lists the files of a layer as "name=content", directories as "name/",
// links as "name>target".
func (b *bench) files(id string) string {
	b.t.Helper()
	var list []string
	b.in(id, func(root string) {
		err := filepath.WalkDir(root, func(p string, e os.DirEntry, err error) error {
			if err != nil || p == root {
				return err
			}
			name, _ := filepath.Rel(root, p)
			switch {
			case e.IsDir():
				name += "/"
			case e.Type()&os.ModeSymlink != 0:
				to, _ := os.Readlink(p)
				name += ">" + to
			case e.Type().IsRegular():
				content, err := os.ReadFile(p)
				if err != nil {
					return err
				}
				name += "=" + string(content)
			default:
				name += "?"
			}
			list = append(list, name)
			return nil
		})
		if err != nil {
			b.t.Fatal(err)
		}
	})
	slices.Sort(list)
	return strings.Join(list, " ")
}

func (b *bench) want(id, files string) {
	b.t.Helper()
	if got := b.files(id); got != files {
		b.t.Errorf("layer %s holds\n  %s\nwant\n  %s", id, got, files)
	}
}

// changes are as "A /path".
func (b *bench) changes(id string) string {
	b.t.Helper()
	list, err := b.Changes(context.Background(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	var words []string
	for _, c := range list {
		words = append(words, string("CAD"[c.Kind])+c.Path)
	}
	return strings.Join(words, " ")
}

// diff reads the layer as an archive.
func (b *bench) diff(id string) []byte {
	b.t.Helper()
	r, err := b.Diff(context.Background(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		b.t.Fatal(err)
	}
	return data
}

func (b *bench) wantKind(err error, kind errdefs.Kind) {
	b.t.Helper()
	if !errdefs.Is(err, kind) {
		b.t.Errorf("got %v (%v), want kind %v", err, errdefs.KindOf(err), kind)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil { //nolint:gosec // an ordinary file
		t.Fatal(err)
	}
}

// Entry is one entry of an archive with its content.
type Entry struct {
	tar.Header
	Body string
}

// Old is the time that the entries of the suite have.
var Old = time.Unix(1000000000, 0)

// File, Dir, Symlink and Link make entries.
func File(name, body string) Entry {
	return Entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, ModTime: Old}, body}
}

// Dir makes a directory.
func Dir(name string) Entry {
	return Entry{tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755, ModTime: Old}, ""}
}

// Symlink makes a symbolic link.
func Symlink(name, to string) Entry {
	return Entry{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777, ModTime: Old}, ""}
}

// Link makes a hard link.
func Link(name, to string) Entry {
	return Entry{tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to, Mode: 0o644, ModTime: Old}, ""}
}

// Archive makes an archive of entries.
func Archive(t testing.TB, list ...Entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range list {
		h := e.Header
		h.Size = int64(len(e.Body))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.Body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
