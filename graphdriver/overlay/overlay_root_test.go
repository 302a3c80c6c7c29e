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
