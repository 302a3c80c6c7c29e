//go:build linux

package graphtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/pkg/testutil"
)

func testCreateAndRemove(t *testing.T, b *bench) {
	b.layer("base", "", File("a", "1"))
	b.create("child", "base", true)
	b.wantKind(b.Create("child", "base", true), errdefs.KindConflict)
	b.wantKind(b.Create("grandchild", "child", true), errdefs.KindConflict)
	b.wantKind(b.Remove("base"), errdefs.KindConflict)
	if _, err := b.Get("child"); err != nil {
		t.Fatal(err)
	}
	b.wantKind(b.Remove("child"), errdefs.KindConflict)
	if err := b.Put("child"); err != nil {
		t.Fatal(err)
	}
	b.wantKind(b.Put("child"), errdefs.KindConflict)
	for _, id := range []string{"child", "base", "base"} {
		if err := b.Remove(id); err != nil {
			t.Errorf("Remove(%s): %v", id, err)
		}
		if b.Exists(id) {
			t.Errorf("%s still exists", id)
		}
	}
	b.layer("base", "", File("b", "2"))
	b.want("base", "b=2")
}

// testMountedTwice: who looks at the files of a container from the host disturbs
// nothing of what runs on them.
func testMountedTwice(t *testing.T, b *bench) {
	testutil.RequiresRoot(t)
	b.layer("base", "", File("a", "1"), File("d/b", "1"), File("d/c", "1"))
	b.create("rw", "base", true)
	list, err := b.Mounts("rw")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := mount.All(list, root); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := mount.Unmount(root); err != nil {
			t.Error(err)
		}
	}()
	write := func(when string) {
		t.Helper()
		for _, name := range []string{"new-" + when, "d/new-" + when, "a"} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(when), 0o600); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
	}
	write("before")
	b.in("rw", func(host string) {
		if text, err := os.ReadFile(filepath.Join(host, "d/new-before")); err != nil || string(text) != "before" {
			t.Errorf("on the host: %q, %v", text, err)
		}
		write("meanwhile")
		if err := os.Remove(filepath.Join(root, "d/b")); err != nil {
			t.Errorf("removing what lies below: %v", err)
		}
	})
	write("after")
	if err := os.Remove(filepath.Join(root, "d/c")); err != nil {
		t.Errorf("removing what lies below: %v", err)
	}
}

func testUnknownIDs(t *testing.T, b *bench) {
	ctx := context.Background()
	_, err := b.Get("none")
	b.wantKind(err, errdefs.KindNotFound)
	b.wantKind(b.Put("none"), errdefs.KindNotFound)
	_, err = b.Mounts("none")
	b.wantKind(err, errdefs.KindNotFound)
	_, err = b.Diff(ctx, "none")
	b.wantKind(err, errdefs.KindNotFound)
	_, err = b.Changes(ctx, "none")
	b.wantKind(err, errdefs.KindNotFound)
	_, err = b.DiffSize(ctx, "none")
	b.wantKind(err, errdefs.KindNotFound)
	_, err = b.Driver.Metadata("none")
	b.wantKind(err, errdefs.KindNotFound)
	_, err = b.ApplyDiff(ctx, "none", bytes.NewReader(nil))
	b.wantKind(err, errdefs.KindNotFound)
	b.wantKind(b.Create("x", "none", false), errdefs.KindNotFound)
	for _, id := range []string{"", "..", "a/b", "a.b", strings.Repeat("x", 129)} {
		b.wantKind(b.Create(id, "", false), errdefs.KindInvalidArgument)
		if b.Exists(id) {
			t.Errorf("%q exists", id)
		}
	}
	if err := b.Remove("none"); err != nil {
		t.Errorf("removing what does not exist: %v", err)
	}
}

func testLayers(t *testing.T, b *bench) {
	b.layer("one", "", File("a", "1"), File("d/b", "1"))
	b.layer("two", "one", File("a", "22"), File("d/c", "2"))
	b.layer("three", "two", File("d/.wh.b", ""), File("e", "3"))
	b.want("one", "a=1 d/ d/b=1")
	b.want("two", "a=22 d/ d/b=1 d/c=2")
	b.want("three", "a=22 d/ d/c=2 e=3")
	b.create("rw", "three", true)
	b.want("rw", "a=22 d/ d/c=2 e=3")
	if size, err := b.DiffSize(context.Background(), "two"); err != nil || size != 3 {
		t.Errorf("DiffSize is %d, %v; want 3", size, err)
	}
	if n := len(b.List()); n != 4 {
		t.Errorf("List has %d layers, want 4", n)
	}
	size, err := b.ApplyDiff(context.Background(), "rw", bytes.NewReader(Archive(t, File("x", "12345"), Link("y", "x"))))
	if err != nil || size != 5 {
		t.Errorf("ApplyDiff returns %d, %v; want 5", size, err)
	}
	if size, err := b.DiffSize(context.Background(), "rw"); err != nil || size != 5 {
		t.Errorf("DiffSize with a hard link is %d, %v; want 5", size, err)
	}
}

func testMounts(t *testing.T, b *bench) {
	b.layer("one", "", File("a", "1"))
	b.layer("two", "one", File("b", "1"))
	b.create("rw", "two", true)
	for id, readOnly := range map[string]bool{"one": true, "two": true, "rw": false} {
		list, err := b.Mounts(id)
		if err != nil || len(list) == 0 || list[0].Target != "" {
			t.Fatalf("Mounts(%s): %v, %v", id, list, err)
		}
		ro := false
		for _, o := range list[0].Options {
			ro = ro || o == "ro"
		}
		if ro != readOnly {
			t.Errorf("%s is mounted with %v", id, list[0].Options)
		}
	}
}

func testDiffOfContainer(t *testing.T, b *bench) {
	b.layer("base", "", Dir("etc"), File("etc/a", "1"), File("etc/b", "1"), File("old/x", "1"), File("old/y", "1"), File("same", "1"))
	b.create("rw", "base", true)
	b.in("rw", func(root string) {
		write(t, filepath.Join(root, "etc/a"), "22")
		write(t, filepath.Join(root, "new/f"), "3")
		must(t, os.Remove(filepath.Join(root, "etc/b")))
		must(t, os.RemoveAll(filepath.Join(root, "old")))
		write(t, filepath.Join(root, "old/z"), "4")
		must(t, os.Symlink("etc/a", filepath.Join(root, "link")))
		must(t, os.Link(filepath.Join(root, "new/f"), filepath.Join(root, "hard")))
	})
	data := b.diff("rw")
	b.create("copy", "base", false)
	if _, err := b.ApplyDiff(context.Background(), "copy", bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	want := "etc/ etc/a=22 hard=3 link>etc/a new/ new/f=3 old/ old/z=4 same=1"
	b.want("rw", want)
	b.want("copy", want)
	if again := b.diff("copy"); len(again) == 0 {
		t.Error("the copy has no diff")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testChanges(t *testing.T, b *bench) {
	b.layer("base", "", Dir("d"), File("d/mod", "1"), File("d/gone", "1"), Dir("dir"), File("dir/x", "1"),
		Dir("again"), File("again/x", "1"), File("again/y", "1"), File("same", "1"))
	b.create("rw", "base", true)
	if got := b.changes("rw"); got != "" {
		t.Errorf("an untouched layer has changes: %s", got)
	}
	b.in("rw", func(root string) {
		write(t, filepath.Join(root, "d/mod"), "22")
		must(t, os.Remove(filepath.Join(root, "d/gone")))
		must(t, os.RemoveAll(filepath.Join(root, "dir")))
		must(t, os.RemoveAll(filepath.Join(root, "again")))
		write(t, filepath.Join(root, "again/x"), "changed")
		write(t, filepath.Join(root, "new/f"), "1")
	})
	want := "C/again C/again/x D/again/y C/d D/d/gone C/d/mod D/dir A/new A/new/f"
	if got := b.changes("rw"); got != want {
		t.Errorf("changes are\n  %s\nwant\n  %s", got, want)
	}
}

func testReopen(t *testing.T, b *bench) {
	b.layer("base", "", File("a", "1"))
	b.layer("top", "base", File("b", "1"))
	b.create("rw", "top", true)
	b.in("rw", func(root string) { write(t, filepath.Join(root, "c"), "1") })
	must(t, b.Close())
	// What a process killed in the middle of Create leaves: files without the
	// record that is made last.
	half := filepath.Join(b.root, "half")
	if _, err := os.Stat(filepath.Join(b.root, "dir")); err == nil {
		half = filepath.Join(b.root, "dir", "half")
	}
	write(t, filepath.Join(half, "diff/x"), "junk")
	b.Driver = b.open(t, b.root)
	b.want("rw", "a=1 b=1 c=1")
	if len(b.List()) != 3 || b.Exists("half") {
		t.Errorf("after reopening: %v", b.List())
	}
	for _, l := range b.List() {
		want := map[string]graphdriver.Layer{
			"base": {ID: "base"}, "top": {ID: "top", Parent: "base"}, "rw": {ID: "rw", Parent: "top", ReadWrite: true},
		}[l.ID]
		if l != want {
			t.Errorf("got %+v, want %+v", l, want)
		}
	}
	b.wantKind(b.Remove("base"), errdefs.KindConflict)
	b.layer("half", "top", File("d", "1"))
	b.want("half", "a=1 b=1 d=1")
	for _, id := range []string{"half", "rw", "top", "base"} {
		must(t, b.Remove(id))
	}
	must(t, b.Close())
	if left := leftovers(t, b.root); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	b.Driver = b.open(t, b.root)
}

// leftovers lists the plain files below dir.
func leftovers(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			list = append(list, p)
		}
		return err
	})
	must(t, err)
	return list
}

func testDepth(t *testing.T, b *bench) {
	parent := ""
	for i := range graphdriver.MaxDepth {
		id := fmt.Sprintf("layer-%03d-%s", i, strings.Repeat("x", 50))
		b.create(id, parent, false)
		parent = id
		if i == 0 || i == graphdriver.MaxDepth-1 {
			_, err := b.ApplyDiff(context.Background(), id, bytes.NewReader(Archive(t, File(fmt.Sprintf("f%d", i), "x"))))
			must(t, err)
		}
	}
	b.create("rw", parent, true)
	b.want("rw", fmt.Sprintf("f0=x f%d=x", graphdriver.MaxDepth-1))
	b.create("last", parent, false)
	b.wantKind(b.Create("deeper", "last", false), errdefs.KindInvalidArgument)
}

func testCancel(t *testing.T, b *bench) {
	b.create("x", "", false)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := b.ApplyDiff(ctx, "x", bytes.NewReader(Archive(t, File("a", "1"))))
	b.wantKind(err, errdefs.KindCanceled)
	r, err := b.Diff(context.Background(), "x")
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- r.Close() }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("closing a diff early hangs")
	}
	must(t, b.Remove("x"))
}

func testConcurrent(t *testing.T, b *bench) {
	b.layer("base", "", File("a", "1"))
	data := Archive(t, File("b", "2"), File("d/c", "3"))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			id := fmt.Sprintf("l%d", i)
			for range 3 {
				if err := use(b.Driver, id, data); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(b.List()); n != 1 {
		t.Errorf("%d layers are left, want 1", n)
	}
}

func use(d graphdriver.Driver, id string, data []byte) error {
	if err := d.Create(id, "base", true); err != nil {
		return err
	}
	if _, err := d.ApplyDiff(context.Background(), id, bytes.NewReader(data)); err != nil {
		return err
	}
	for range 2 {
		if _, err := d.Get(id); err != nil {
			return err
		}
	}
	for range 2 {
		if err := d.Put(id); err != nil {
			return err
		}
	}
	if list, err := d.Changes(context.Background(), id); err != nil || len(list) != 3 {
		return fmt.Errorf("changes %v, %w", list, err)
	}
	return d.Remove(id)
}
