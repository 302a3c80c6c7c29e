//go:build linux

package graph

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/overlay"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/pkg/testutil"
	"github.com/enginejobs/docker/runconfig"
)

// names gives an image further names, also by digest.
func (b *bench) names(id string, list ...string) {
	b.t.Helper()
	names := map[string]string{}
	for _, text := range list {
		ref, err := reference.Parse(text)
		if err != nil {
			b.t.Fatal(err)
		}
		names[ref.WithDefaultTag().String()] = id
	}
	b.change.Lock()
	defer b.change.Unlock()
	if err := b.setNames(names); err != nil {
		b.t.Fatal(err)
	}
}

// TestImageDelete_Digests: the digests that came with a tag go with the last tag
// of their repository.
func TestImageDelete_Digests(t *testing.T) {
	digest := "@" + image.Digest([]byte("manifest"))
	for what, c := range map[string]struct {
		names []string
		rmi   string
		rows  string // untagged, in order; "deleted" at the end when the image goes
	}{
		"last tag":         {[]string{"box:1", "box" + digest}, "box:1", "box:1 box" + digest + " deleted"},
		"one of two tags":  {[]string{"box:1", "box:2", "box" + digest}, "box:2", "box:2"},
		"another name":     {[]string{"box:1", "box" + digest, "other:1"}, "box:1", "box:1 box" + digest},
		"its other digest": {[]string{"box:1", "far/box" + digest}, "box:1", "box:1"},
		"the digest":       {[]string{"box:1", "box" + digest}, "box" + digest, "box" + digest},
		"digest alone":     {[]string{"box" + digest}, "box" + digest, "box" + digest + " deleted"},
		"id of one name":   {[]string{"box:1", "box:2", "box" + digest}, "ID", "box:1 box:2 box" + digest + " deleted"},
		"prefix":           {[]string{"box:1"}, "PREFIX", "box:1 deleted"},
	} {
		b := newBench(t)
		held, err := b.bringLayers(t.Context(), stackOf(new(atomic.Int32), graphtest.Archive(t, graphtest.File("f", "1"))))
		if err != nil {
			t.Fatal(err)
		}
		img := b.keep(held)
		b.names(img.ID, c.names...)
		rmi := strings.NewReplacer("ID", img.ID, "PREFIX", img.ID[7:13]).Replace(c.rmi)
		rows, err := b.Delete(t.Context(), rmi, deleteOptions{})
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		var got []string
		for _, r := range rows {
			if r.Deleted != "" {
				got = append(got, "deleted")
			} else {
				got = append(got, r.Untagged)
			}
		}
		if text := strings.Join(got, " "); text != c.rows {
			t.Errorf("%s: %s, want %s", what, text, c.rows)
		}
		if got := b.problems(); got != "" {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// TestImageDelete_Parents: unnamed parents go with their last child, those with
// children stay.
func TestImageDelete_Parents(t *testing.T) {
	b := newBench(t)
	chain := []string{b.importFiles("base", graphtest.File("f", "0"))}
	for i := range 3 {
		box := b.container(fmt.Sprint(i), chain[i], func(root string) { writeFile(t, filepath.Join(root, fmt.Sprintf("g%d", i)), "1") })
		img := b.commit(image.Commit{Container: box, Parent: chain[i], Config: &runconfig.Config{}})
		chain = append(chain, img.ID)
		if err := b.RemoveLayer(box); err != nil {
			t.Fatal(err)
		}
	}
	b.names(chain[3], "top:1")
	if _, err := b.rmi(chain[1], nil); !errdefs.IsConflict(err) {
		t.Errorf("a parent: %v", err)
	}
	if rows, err := b.Delete(t.Context(), "base", deleteOptions{}); err != nil || len(rows) != 1 || rows[0].Untagged != "base:latest" {
		t.Errorf("the name of a parent: %v, %v", rows, err)
	}
	rows, err := b.Delete(t.Context(), "top:1", deleteOptions{noPrune: true})
	if err != nil || len(rows) != 2 || rows[1].Deleted != chain[3] || b.ImageCount() != 3 {
		t.Errorf("noprune: %v, %v, %d images", rows, err, b.ImageCount())
	}
	b.names(chain[0], "base:again")
	if rows, err = b.Delete(t.Context(), chain[2], deleteOptions{}); err != nil || len(rows) != 2 || rows[1].Deleted != chain[1] || b.ImageCount() != 1 {
		t.Errorf("with parents: %v, %v, %d images", rows, err, b.ImageCount())
	}
	if got := b.problems(); got != "" {
		t.Error(got)
	}
}

// TestSwitchingDrivers: each driver's images wait for it.
func TestSwitchingDrivers(t *testing.T) {
	testutil.RequiresRoot(t)
	b := newBench(t) // with vfs
	b.importFiles("one", graphtest.File("f", "vfs"))
	d, err := overlay.New(overlay.Options{Root: filepath.Join(b.root, "overlay"), Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	s, err := New(Options{Root: b.root, Driver: d, Engine: b.eng, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	other := &bench{Store: s, t: t, root: b.root, eng: b.eng}
	if other.ImageCount() != 0 || other.problems() != "" {
		t.Errorf("%d images, %s", other.ImageCount(), other.problems())
	}
	b.eng.Replace("import", other.jobImport)
	other.importFiles("two", graphtest.File("f", "overlay"))
	b.open()
	for store, want := range map[*bench]string{b: "one", other: "two"} {
		list := store.rows(imagesOptions{})
		if len(list) != 1 || list[0].RepoTags[0] != want+":latest" || store.problems() != "" {
			t.Errorf("%s: %v, %s", want, list, store.problems())
		}
	}
}
