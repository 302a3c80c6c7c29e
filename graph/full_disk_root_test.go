//go:build linux

package graph

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
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
