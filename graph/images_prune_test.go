//go:build linux

package graph

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

// labelled makes an image of one file that nobody else has.
func (b *bench) labelled(name, label string, created time.Time) *image.Image {
	b.t.Helper()
	held, err := b.bringLayers(b.t.Context(), stackOf(new(atomic.Int32), graphtest.Archive(b.t, graphtest.File("f", name+label+created.String()))))
	if err != nil {
		b.t.Fatal(err)
	}
	defer held.release()
	key, value, _ := strings.Cut(label, "=")
	img, err := image.New(image.Document{
		OS: "linux", Created: &created, RootFS: image.RootFS{DiffIDs: held.diffIDs},
		Config: &runconfig.Config{Labels: map[string]string{key: value}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if img, err = b.keepDocument(b.t.Context(), held, img.Raw, ""); err != nil {
		b.t.Fatal(err)
	}
	if name != "" {
		if _, _, err := b.Tag(img.ID, name, "", true); err != nil {
			b.t.Fatal(err)
		}
	}
	return img
}

func TestImagesPrune(t *testing.T) {
	now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	for filters, want := range map[string]string{
		``:                                   "old new busy",
		`{"dangling":["true"]}`:              "old new busy",
		`{"dangling":["0"]}`:                 "old new busy tagged",
		`{"until":["24h"]}`:                  "old",
		`{"until":["2026-01-02"]}`:           "old",
		`{"until":["1767312001.5"]}`:         "old",
		`{"label":["stage=a"]}`:              "old busy",
		`{"label":{"stage":true}}`:           "old new busy",
		`{"label!":["stage=a"]}`:             "new",
		`{"label!":["stage=a","stage=b"]}`:   "",
		`{"label":["stage=a","stage=none"]}`: "",
	} {
		b := newBench(t)
		b.now = func() time.Time { return now }
		images := map[string]*image.Image{
			"old": b.labelled("", "stage=a", now.Add(-9*24*time.Hour)), "new": b.labelled("", "stage=b", now.Add(-time.Hour)),
			"tagged": b.labelled("box", "stage=b", now.Add(-time.Hour)), "busy": b.labelled("", "stage=a", now.Add(-time.Minute)),
		}
		used := ""
		if strings.Contains(filters, "until") {
			used = images["busy"].ID
		}
		b.eng.Replace("containers", func(job *engine.Job) error {
			return job.WriteJSON([]api.ContainerSummary{{Id: strings.Repeat("c", 64), ImageID: used}})
		})
		b.eng.Replace("images_prune", b.jobImagesPrune)
		text, err := b.run(nil, map[string]string{"filters": filters}, "images_prune")
		if err != nil {
			t.Fatal(filters, err)
		}
		var out api.ImagesPruned
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		var size int64
		for name, img := range images {
			_, err := b.Image(img.ID)
			gone := errdefs.IsNotFound(err)
			if gone != strings.Contains(want, name) {
				t.Errorf("%s: %s is gone: %t", filters, name, gone)
			}
			if gone {
				size += img.Size
			}
		}
		if out.SpaceReclaimed != size {
			t.Errorf("%s: %d bytes reclaimed, want %d", filters, out.SpaceReclaimed, size)
		}
		if got := b.problems(); got != "" {
			t.Errorf("%s: %s", filters, got)
		}
	}
}

func TestImagesPrune_Faults(t *testing.T) {
	b := newBench(t)
	b.eng.Replace("images_prune", b.jobImagesPrune)
	for _, filters := range []string{`{"dangling":["maybe"]}`, `{"until":["x"]}`, `{"until":["1h","2h"]}`, `{"reference":["x"]}`, `[`, `{"label":3}`} {
		if _, err := b.run(nil, map[string]string{"filters": filters}, "images_prune"); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v", filters, err)
		}
	}
	b.labelled("", "a=b", time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Prune(ctx, pruneOptions{}); !errors.Is(err, context.Canceled) || b.ImageCount() != 1 {
		t.Errorf("cancelled: %v, %d images", err, b.ImageCount())
	}
	enginetest.Fake(b.eng, "containers")
}

// TestImagesPrune_Stack: parents go with the image that was made from them,
// unless they are needed otherwise.
func TestImagesPrune_Stack(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		base := b.importFiles("base", graphtest.File("f", "1"))
		box := b.container("a", "base", func(root string) { writeFile(t, root+"/g", "22") })
		img := b.commit(image.Commit{Container: box, Parent: base, Config: &runconfig.Config{}})
		if err := b.RemoveLayer(box); err != nil {
			t.Fatal(err)
		}
		list := b.rows(imagesOptions{sharedSize: true, all: true})
		if len(list) != 2 || list[0].SharedSize != 1 || list[0].Size != 3 || list[1].SharedSize != 1 {
			t.Errorf("shared sizes: %+v", list)
		}
		out, err := b.Prune(t.Context(), pruneOptions{})
		if err != nil || len(out.ImagesDeleted) != 1 || out.ImagesDeleted[0].Deleted != img.ID || out.SpaceReclaimed != 2 {
			t.Errorf("%+v, %v", out, err)
		}
		if out, err = b.Prune(t.Context(), pruneOptions{named: true}); err != nil || out.SpaceReclaimed != 1 || b.ImageCount() != 0 {
			t.Errorf("%+v, %v", out, err)
		}
	})
}
