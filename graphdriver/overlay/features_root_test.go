//go:build linux

package overlay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/pkg/testutil"
)

// TestLayersStandForThemselves: whatever the module does by default, a change of
// a lower file's owner copies its content and a directory that is renamed is
// made anew, so that a layer's own directory says all that it changes.
func TestLayersStandForThemselves(t *testing.T) {
	testutil.RequiresRoot(t)
	d := open(t, filepath.Join(t.TempDir(), "store"))
	defer d.Close()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(d.Create("base", "", false))
	_, err := d.ApplyDiff(context.Background(), "base", bytes.NewReader(graphtest.Archive(t,
		graphtest.File("f", "content"), graphtest.Dir("d"), graphtest.File("d/x", "1"), graphtest.File("a", "1"), graphtest.Link("b", "a"))))
	check(err)
	check(d.Create("rw", "base", true))
	mounts, err := d.Mounts("rw")
	check(err)
	for parameter, want := range map[string]string{"metacopy": "metacopy=off", "index": "index=off", "redirect_dir": "redirect_dir="} {
		_, err := os.Stat("/sys/module/overlay/parameters/" + parameter)
		told := slices.ContainsFunc(mounts[0].Options, func(o string) bool { return strings.HasPrefix(o, want) })
		if err == nil && !told {
			t.Errorf("the mount leaves %s to the module: %v", parameter, mounts[0].Options)
		}
	}
	root, err := d.Get("rw")
	check(err)
	check(os.Chown(filepath.Join(root, "f"), 5, 5))
	if err := os.Rename(filepath.Join(root, "d"), filepath.Join(root, "e")); !errors.Is(err, unix.EXDEV) {
		t.Errorf("renaming a lower directory: %v, want that it has to be copied", err)
	}
	check(os.WriteFile(filepath.Join(root, "b"), []byte("2"), 0o644))
	check(d.Put("rw"))
	upper := filepath.Join(filepath.Dir(root), "diff")
	if text, err := os.ReadFile(filepath.Join(upper, "f")); err != nil || string(text) != "content" {
		t.Errorf("f has %q of its own, %v", text, err)
	}
	err = filepath.WalkDir(upper, func(p string, _ os.DirEntry, err error) error {
		for _, attr := range []string{"metacopy", "redirect"} {
			if _, aerr := unix.Lgetxattr(p, "trusted.overlay."+attr, nil); aerr == nil {
				t.Errorf("%s has the mark %s", p, attr)
			}
		}
		return err
	})
	check(err)
	diff, err := d.Diff(context.Background(), "rw")
	check(err)
	text, err := io.ReadAll(diff)
	check(errors.Join(err, diff.Close()))
	check(d.Create("copy", "base", false))
	_, err = d.ApplyDiff(context.Background(), "copy", bytes.NewReader(text))
	check(err)
	at, err := d.Get("copy")
	check(err)
	for name, want := range map[string]string{"f": "content", "a": "1", "b": "2", "d/x": "1"} {
		if text, err := os.ReadFile(filepath.Join(at, name)); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	check(d.Put("copy"))
}

// TestLeftoverOfSpread: directories of layers that a crash left before they got
// their place go away.
func TestLeftoverOfSpread(t *testing.T) {
	testutil.RequiresRoot(t)
	root := filepath.Join(t.TempDir(), "store")
	d := open(t, root)
	if err := errors.Join(d.Create("there", "", false), os.Mkdir(filepath.Join(root, ".spread", "left"), 0o700), d.Close()); err != nil {
		t.Fatal(err)
	}
	d = open(t, root)
	defer d.Close()
	if left, err := os.ReadDir(filepath.Join(root, ".spread")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := d.Create("next", "there", false); err != nil || len(d.List()) != 2 {
		t.Errorf("%v, %v", d.List(), err)
	}
}
