//go:build linux

package overlay_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/overlay"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/pkg/testutil"
)

func open(t testing.TB, root string) graphdriver.Driver {
	d, err := overlay.New(overlay.Options{Root: root, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestContract(t *testing.T) {
	testutil.RequiresRoot(t)
	graphtest.Run(t, open)
}

// A layer that is expendable is mounted without writing back at the end; whatever
// way it was mounted before, it can be mounted again.
func TestExpendableMounts(t *testing.T) {
	testutil.RequiresRoot(t)
	d := open(t, t.TempDir())
	defer d.Close()
	for _, l := range []graphdriver.Layer{{ID: "base"}, {ID: "rw", Parent: "base", ReadWrite: true}} {
		if err := d.Create(l.ID, l.Parent, l.ReadWrite); err != nil {
			t.Fatal(err)
		}
	}
	at := t.TempDir()
	kinds := []func(string) ([]mount.Mount, error){
		d.Mounts, d.(graphdriver.Expendable).ExpendableMounts, d.(graphdriver.Expendable).ExpendableMounts, d.Mounts,
	}
	for i, mounts := range kinds {
		list, err := mounts("rw")
		if err != nil {
			t.Fatal(err)
		}
		if has := slices.Contains(list[0].Options, "volatile"); has != (i == 1 || i == 2) {
			t.Errorf("mount %d has the options %v", i, list[0].Options)
		}
		if err := mount.All(list, at); err != nil {
			t.Fatalf("mount %d: %v", i, err)
		}
		name := filepath.Join(at, strconv.Itoa(i))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Error(err)
		}
		found, err := filepath.Glob(filepath.Join(at, "?"))
		if err != nil || len(found) != i+1 {
			t.Errorf("mount %d shows %v, %v", i, found, err)
		}
		if err := mount.Unmount(at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.(graphdriver.Expendable).ExpendableMounts("none"); !errdefs.IsNotFound(err) {
		t.Errorf("mounts of no layer: %v", err)
	}
}

// A process that is killed while it finds out what the kernel can do leaves
// nothing that lasts.
func TestLeftoverOfProbe(t *testing.T) {
	testutil.RequiresRoot(t)
	root := t.TempDir()
	at := filepath.Join(root, ".probe/try/merged")
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	m := mount.Mount{Type: "tmpfs", Source: "tmpfs"}
	if err := m.Perform(at); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, root).Close(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{".probe", ".removed/*"} {
		if left, err := filepath.Glob(filepath.Join(root, dir)); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}

// A read-write layer is a record; its directories come when they are needed,
// whatever a crash left of them, and layers of before records are still known.
func TestReadWriteRecords(t *testing.T) {
	testutil.RequiresRoot(t)
	root := t.TempDir()
	d := open(t, root)
	for _, l := range []graphdriver.Layer{{ID: "base"}, {ID: "rw", Parent: "base", ReadWrite: true}, {ID: "bare", ReadWrite: true}, {ID: "gone", ReadWrite: true}} {
		if err := d.Create(l.ID, l.Parent, l.ReadWrite); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(root, "rw")); !os.IsNotExist(err) {
		t.Errorf("directories before their time: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(filepath.Join(root, "base/diff"), 0o711))
	must(os.MkdirAll(filepath.Join(root, "rw/diff"), 0o700)) // killed while they were made
	must(os.Remove(filepath.Join(root, ".rw/gone")))         // killed while it was removed
	must(os.MkdirAll(filepath.Join(root, "gone/diff"), 0o700))
	must(os.MkdirAll(filepath.Join(root, "old/diff"), 0o700)) // as they were once kept
	must(os.MkdirAll(filepath.Join(root, "old/work"), 0o700))
	must(os.Symlink("../base", filepath.Join(root, "old/parent")))

	d = open(t, root)
	var ids []string
	for _, l := range d.List() {
		if l.ReadWrite {
			ids = append(ids, l.ID+":"+l.Parent)
		}
	}
	slices.Sort(ids)
	if want := []string{"bare:", "old:base", "rw:base"}; !slices.Equal(ids, want) {
		t.Errorf("layers %v, want %v", ids, want)
	}
	for _, id := range []string{"bare", "old", "rw"} {
		at, err := d.Get(id)
		must(err)
		must(os.WriteFile(filepath.Join(at, "file"), []byte("x"), 0o600))
		must(d.Put(id))
	}
	if st, err := os.Stat(filepath.Join(root, "rw/diff")); err != nil || st.Mode().Perm() != 0o711 {
		t.Errorf("the root of the layer: %v %v, want the mode of the parent's", st, err)
	}
	for _, id := range []string{"bare", "old", "rw", "base"} {
		must(d.Remove(id))
	}
	must(d.Close())
	left, err := filepath.Glob(filepath.Join(root, "[a-z]*"))
	if records, _ := filepath.Glob(filepath.Join(root, ".rw/*")); err != nil || len(left)+len(records) > 0 {
		t.Errorf("left: %v %v %v", left, records, err)
	}
}
