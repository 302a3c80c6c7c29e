//go:build linux

package graph

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

func TestImageSquash(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		base := b.importFiles("base", graphtest.File("f", "1"), graphtest.File("gone", "1"))
		mid := b.step("base", image.Append{Config: &runconfig.Config{}, CreatedBy: "one"}, graphtest.Archive(t, graphtest.File("secret", "x"), graphtest.File("d/a", "1")))
		top := b.step(mid.ID, image.Append{Config: &runconfig.Config{User: "u"}, CreatedBy: "two"},
			graphtest.Archive(t, graphtest.File(".wh.secret", ""), graphtest.File(".wh.gone", ""), graphtest.File("d/b", "1")))
		before := b.ImageCount()
		out, err := b.run(nil, nil, "image_squash", top.ID, "base")
		if err != nil {
			t.Fatal(err)
		}
		img, err := b.Image(strings.TrimSpace(out))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.files(img.ID); got != "d/ d/a=1 d/b=1 f=1" {
			t.Errorf("the image holds %s", got)
		}
		last := img.History[len(img.History)-1]
		if len(img.RootFS.DiffIDs) != 2 || img.Parent != "" || img.Config.User != "u" || len(img.History) != 4 || !img.History[1].EmptyLayer ||
			last.Comment != "merge "+top.ID+" to "+base || last.EmptyLayer {
			t.Errorf("%+v", img)
		}
		alone, err := b.Squash(t.Context(), top.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := b.files(alone.ID); len(alone.RootFS.DiffIDs) != 1 || got != "d/ d/a=1 d/b=1 f=1" || alone.History[len(alone.History)-1].Comment != "create new from "+top.ID {
			t.Errorf("%s, %+v", got, alone)
		}
		if n := b.ImageCount(); n != before+2 {
			t.Errorf("%d images became %d", before, n)
		}
		if left, err := os.ReadDir(b.path("tmp")); err != nil || len(left) > 0 {
			t.Errorf("work is left: %v, %v", left, err)
		}
	})
}

func TestImageSquash_Faults(t *testing.T) {
	b := newBench(t)
	b.importFiles("base", graphtest.File("f", "1"))
	b.importFiles("other", graphtest.File("o", "1"))
	top := b.step("base", image.Append{Config: &runconfig.Config{}}, graphtest.Archive(t, graphtest.File("a", "1")))
	layers, images := len(b.driver.List()), b.ImageCount()
	gone, leave := context.WithCancel(t.Context())
	leave()
	for name, c := range map[string]struct {
		ctx         context.Context
		image, base string
		kind        errdefs.Kind
	}{
		"no image":        {t.Context(), "none", "", errdefs.KindNotFound},
		"no base":         {t.Context(), top.ID, "none", errdefs.KindNotFound},
		"not built on it": {t.Context(), top.ID, "other", errdefs.KindInvalidArgument},
		"the other way":   {t.Context(), "base", top.ID, errdefs.KindInvalidArgument},
		"cancelled":       {gone, top.ID, "base", errdefs.KindCanceled},
	} {
		if _, err := b.Squash(c.ctx, c.image, c.base); !errdefs.Is(err, c.kind) {
			t.Errorf("%s: %v (%v)", name, err, errdefs.KindOf(err))
		}
	}
	if n := len(b.driver.List()); n != layers || b.ImageCount() != images {
		t.Errorf("%d layers and %d images, before %d and %d", n, b.ImageCount(), layers, images)
	}
	if left, err := os.ReadDir(b.path("tmp")); err != nil || len(left) > 0 {
		t.Errorf("work is left: %v, %v", left, err)
	}
}
