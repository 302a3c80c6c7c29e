//go:build linux

package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

// step appends to an image; archive nil: without a layer.
func (b *bench) step(parent string, spec image.Append, archive []byte) *image.Image {
	b.t.Helper()
	opt := appendOptions{parent: parent, spec: spec}
	if archive != nil {
		opt.layer = bytes.NewReader(archive)
	}
	img, err := b.Append(b.t.Context(), opt)
	if err != nil {
		b.t.Fatal(err)
	}
	return img
}

func TestImageAppend(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		base := b.importFiles("base", graphtest.File("f", "1"), graphtest.File("gone", "1"))
		before := len(b.driver.List())
		said := b.step("base", image.Append{Config: &runconfig.Config{User: "u"}, ContainerConfig: &runconfig.Config{Cmd: []string{"#"}}, CreatedBy: "USER u", Author: "me", Comment: "c"}, nil)
		last := said.History[len(said.History)-1]
		if said.Parent != base || said.Config.User != "u" || said.ContainerConfig.Cmd[0] != "#" || said.Author != "me" || said.Comment != "c" ||
			len(said.RootFS.DiffIDs) != 1 || !last.EmptyLayer || last.CreatedBy != "USER u" {
			t.Errorf("%+v", said)
		}
		if n := len(b.driver.List()); n != before {
			t.Errorf("a step without a layer made one: %d, %d", before, n)
		}

		data := graphtest.Archive(t, graphtest.File("new", "2"), graphtest.File(".wh.gone", ""))
		copied := b.step(said.ID, image.Append{Config: said.Config, CreatedBy: "COPY"}, data)
		if len(copied.RootFS.DiffIDs) != 2 || copied.RootFS.DiffIDs[1] != image.Digest(data) || copied.History[len(copied.History)-1].EmptyLayer {
			t.Errorf("%+v", copied)
		}
		if got := b.files(copied.ID); got != "f=1 new=2" {
			t.Errorf("the image holds %s", got)
		}
		if list := b.Children(said.ID); len(list) != 1 || list[0].ID != copied.ID {
			t.Errorf("children: %v", list)
		}

		// On nothing, for another platform, by the job.
		spec, err := json.Marshal(image.Append{Config: &runconfig.Config{}, ContainerConfig: &runconfig.Config{}, Platform: "linux/arm/v7"})
		if err != nil {
			t.Fatal(err)
		}
		out, err := b.run(data, map[string]string{"Spec": string(spec), "layer": "1"}, "image_append")
		if err != nil {
			t.Fatal(err)
		}
		lone, err := b.Image(strings.TrimSpace(out))
		if err != nil || lone.Parent != "" || lone.Architecture != "arm" || lone.Variant != "v7" || len(lone.RootFS.DiffIDs) != 1 {
			t.Errorf("%+v, %v", lone, err)
		}
		if list := b.Children(""); len(list) != 1 || list[0].ID != lone.ID {
			t.Errorf("children of nothing: %v", list)
		}
	})
}

// TestImageAppend_From: the step of another image brings its layers and what it
// tells, and only where they fit.
func TestImageAppend_From(t *testing.T) {
	b := newBench(t)
	b.importFiles("base", graphtest.File("f", "1"))
	b.importFiles("other", graphtest.File("o", "1"))
	two := b.step("base", image.Append{Config: &runconfig.Config{}, CreatedBy: "COPY a"}, graphtest.Archive(t, graphtest.File("a", "1")))
	three := b.step(two.ID, image.Append{Config: &runconfig.Config{}, CreatedBy: "COPY b"}, graphtest.Archive(t, graphtest.File("b", "1")))
	told := three.History[1]
	again := b.step("base", image.Append{Config: &runconfig.Config{User: "u"}, From: three.ID, Layers: 2, History: &told}, nil)
	if again.ChainID != two.ChainID || again.History[1].CreatedBy != "COPY a" || again.Config.User != "u" {
		t.Errorf("%+v", again)
	}
	for name, c := range map[string]struct {
		parent string
		spec   image.Append
	}{
		"too many layers":    {"base", image.Append{From: two.ID, Layers: 3}},
		"less than none":     {"base", image.Append{From: two.ID, Layers: -1}},
		"below its parent":   {two.ID, image.Append{From: three.ID, Layers: 1}},
		"not built on it":    {"other", image.Append{From: three.ID, Layers: 2}},
		"with another layer": {"base", image.Append{From: three.ID, Layers: 2}},
	} {
		opt := appendOptions{parent: c.parent, spec: c.spec}
		if name == "with another layer" {
			opt.layer = strings.NewReader("")
		}
		_, err := b.Append(t.Context(), opt)
		if !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestImageAppend_Faults: whatever fails leaves no image and no layer.
func TestImageAppend_Faults(t *testing.T) {
	b := newBench(t)
	b.importFiles("base", graphtest.File("f", "1"))
	layers, images := len(b.driver.List()), b.ImageCount()
	good := graphtest.Archive(t, graphtest.File("a", strings.Repeat("x", 5000)))
	gone, leave := context.WithCancel(t.Context())
	leave()
	cut := errors.New("cut off")
	for name, c := range map[string]struct {
		ctx    context.Context
		parent string
		layer  io.Reader
		kind   errdefs.Kind
	}{
		"no parent": {t.Context(), "none", nil, errdefs.KindNotFound},
		"truncated": {t.Context(), "base", bytes.NewReader(good[:3000]), errdefs.KindInvalidArgument},
		"leads out": {t.Context(), "base", bytes.NewReader(graphtest.Archive(t, graphtest.File("../x", ""))), errdefs.KindInvalidArgument},
		"a bomb":    {t.Context(), "base", bytes.NewReader(graphtest.SparseBomb(1 << 61)), errdefs.KindInvalidArgument},
		"cancelled": {gone, "base", bytes.NewReader(good), errdefs.KindCanceled},
		"cut off":   {t.Context(), "base", io.MultiReader(bytes.NewReader(good[:3000]), iotest.ErrReader(cut)), errdefs.KindInternal},
	} {
		_, err := b.Append(c.ctx, appendOptions{parent: c.parent, layer: c.layer, spec: image.Append{Config: &runconfig.Config{}}})
		if !errdefs.Is(err, c.kind) {
			t.Errorf("%s: %v (%v)", name, err, errdefs.KindOf(err))
		}
		if n := len(b.driver.List()); n != layers || b.ImageCount() != images {
			t.Errorf("%s: %d layers and %d images, before %d and %d", name, n, b.ImageCount(), layers, images)
		}
		if left, err := os.ReadDir(b.path("tmp")); err != nil || len(left) > 0 {
			t.Errorf("%s: work is left: %v, %v", name, left, err)
		}
	}
}

// TestImageAppend_Crowd: the same step made by many at once is one layer.
func TestImageAppend_Crowd(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		b.importFiles("base", graphtest.File("f", "1"))
		before := len(b.driver.List())
		data := graphtest.Archive(t, graphtest.File("a", strings.Repeat("x", 100000)))
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if _, err := b.Append(t.Context(), appendOptions{parent: "base", layer: bytes.NewReader(data), spec: image.Append{Config: &runconfig.Config{}}}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(b.driver.List()); n != before+1 {
			t.Errorf("%d layers became %d", before, n)
		}
	})
}
