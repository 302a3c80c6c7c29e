//go:build linux

package graph

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/overlay"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/pkg/testutil"
)

func TestImport_FullDisk(t *testing.T) {
	testutil.RequiresRoot(t)
	root := t.TempDir()
	m := mount.Mount{Type: "tmpfs", Source: "tmpfs", Options: []string{"size=4m"}}
	if err := m.Perform(root); err != nil {
		t.Skipf("no tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := mount.Unmount(root); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, root: root, eng: enginetest.New(t)}
	b.events = enginetest.Fake(b.eng, "log")
	if err := new(Store).Install(b.eng); err != nil {
		t.Fatal(err)
	}
	b.open()
	const mb = 1 << 20
	big := graphtest.Archive(t, graphtest.File("a", strings.Repeat("x", 3*mb)), graphtest.File("b", strings.Repeat("x", 3*mb)))
	_, err := b.run(big, nil, "import", "-", "big")
	if !errors.Is(err, unix.ENOSPC) || !errdefs.Is(err, errdefs.KindInternal) {
		t.Errorf("got %v", err)
	}
	b.clean(0)
	if err := b.driver.Close(); err != nil { // waits for the removal in the background
		t.Fatal(err)
	}
	b.open()
	b.add("small", "a")
	b.clean(1)
}

// TestBringLayers_FullDisk: the disk fills while several layers are unpacked.
func TestBringLayers_FullDisk(t *testing.T) {
	testutil.RequiresRoot(t)
	root := t.TempDir()
	m := mount.Mount{Type: "tmpfs", Source: "tmpfs", Options: []string{"size=7m"}}
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
		t.Fatal(err)
	}
	s, err := New(Options{Root: root, Driver: d, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Store: s, t: t, root: root}
	var archives [][]byte
	for i := range 4 {
		archives = append(archives, graphtest.Archive(t, graphtest.File(fmt.Sprintf("f%d", i), strings.Repeat("x", 3<<20))))
	}
	for range 3 {
		if _, err := b.bringLayers(t.Context(), stackOf(new(atomic.Int32), archives...)); !errors.Is(err, unix.ENOSPC) || !errdefs.Is(err, errdefs.KindInternal) {
			t.Errorf("got %v", err)
		}
		b.nothing()
	}
	waitFor(t, func() bool { // until what was removed is gone
		held, err := b.bringLayers(t.Context(), stackOf(new(atomic.Int32), archives[:2]...))
		if err == nil {
			held.release()
		}
		return err == nil
	})
	b.nothing()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
