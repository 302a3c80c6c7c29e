//go:build linux

package graph

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
)

// TestViewImage: what is looked at stays, also when its image goes.
func TestViewImage(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		b.importFiles("base", graphtest.File("f", "1"))
		root, release, err := b.ViewImage(t.Context(), "base")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.rmi("base", nil); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(filepath.Join(root, "f")); err != nil || string(text) != "1" {
			t.Errorf("%q, %v", text, err)
		}
		for range 2 { // the second time does nothing
			if err := release(); err != nil {
				t.Error(err)
			}
		}
		if list := b.driver.List(); len(list) != 0 {
			t.Errorf("left: %v", list)
		}

		empty, release, err := b.ViewImage(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if list, err := os.ReadDir(empty); err != nil || len(list) != 0 {
			t.Errorf("%v, %v", list, err)
		}
		if err := release(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(b.path("tmp")); err != nil || len(left) > 0 {
			t.Errorf("work is left: %v, %v", left, err)
		}
		if _, _, err = b.ViewImage(t.Context(), "none"); !errdefs.Is(err, errdefs.KindNotFound) {
			t.Error(err)
		}
	})
}

// TestHoldImage: a prune leaves what is held, until the last has let go.
func TestHoldImage(t *testing.T) {
	b := newBench(t)
	id := b.importFiles("")
	one, two := b.HoldImage(id), b.HoldImage(id)
	one()
	one()
	if !b.imageHeld(id) {
		t.Error("let go too early")
	}
	two()
	if b.imageHeld(id) {
		t.Error("held for ever")
	}
}
