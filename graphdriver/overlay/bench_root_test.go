//go:build linux

package overlay_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/pkg/testutil"
)

// BenchmarkRunPath is what a container's life costs the driver: a layer made,
// described, removed.
func BenchmarkRunPath(b *testing.B) {
	testutil.RequiresRoot(b)
	d := open(b, b.TempDir())
	defer d.Close()
	if err := d.Create("base", "", false); err != nil {
		b.Fatal(err)
	}
	if _, err := d.ApplyDiff(context.Background(), "base", bytes.NewReader(graphtest.Archive(b, graphtest.File("a", "x")))); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		do   func(id string) error
	}{
		{"Create+Mounts+Remove", func(id string) error {
			if err := d.Create(id, "base", true); err != nil {
				return err
			}
			if _, err := d.Mounts(id); err != nil {
				return err
			}
			return d.Remove(id)
		}},
		{"Mounts", func(string) error { _, err := d.Mounts("base"); return err }},
		{"Get+Put", func(id string) error {
			if err := d.Create(id, "base", true); err != nil {
				return err
			}
			if _, err := d.Get(id); err != nil {
				return err
			}
			if err := d.Put(id); err != nil {
				return err
			}
			return d.Remove(id)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := c.do(fmt.Sprintf("%s-%d", b.Name()[len("BenchmarkRunPath/"):][:3], i)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
