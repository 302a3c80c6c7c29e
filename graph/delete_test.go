//go:build linux

package graph

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
)

func (b *bench) rmi(ref string, env map[string]string) (string, error) {
	b.t.Helper()
	out, err := b.run(nil, env, "image_delete", ref)
	return strings.TrimSpace(out), err
}

func TestImageDelete(t *testing.T) {
	b := newBench(t)
	id := b.add("one", "1")
	if _, _, err := b.Tag("one", "two", "", true); err != nil {
		t.Fatal(err)
	}
	_, err := b.rmi("none", nil)
	b.wantKind(err, errdefs.KindNotFound, "No such image: none:latest")
	_, err = b.rmi(id[7:19], nil)
	b.wantKind(err, errdefs.KindConflict,
		"Conflict, cannot delete image "+id[7:19]+" because it is tagged in multiple repositories, use -f to force")
	if out, err := b.rmi("two", nil); err != nil || out != `[{"Untagged":"two:latest"}]` {
		t.Errorf("got %s, %v", out, err)
	}
	if out, err := b.rmi(id[7:19], nil); err != nil || out != `[{"Untagged":"one:latest"},{"Deleted":"`+id+`"}]` {
		t.Errorf("got %s, %v", out, err)
	}
	b.clean(0)
	if got := b.eventNames(); got != "tag one:latest, import "+id+", untag two:latest, untag one:latest, delete "+id {
		t.Errorf("events: %s", got)
	}
	b.open()
	if b.ImageCount() != 0 {
		t.Error("the image is back")
	}
}

func TestImageDelete_InUse(t *testing.T) {
	b := newBench(t)
	id := b.add("one", "1")
	c := api.ContainerSummary{Id: strings.Repeat("c", 64), ImageID: id, State: "running"}
	fake := enginetest.Fake(b.eng, "containers")
	set := func(state string) {
		c.State = state
		raw, _ := json.Marshal([]api.ContainerSummary{c})
		fake.Stdout = string(raw)
	}
	short := image.ShortID(id)
	set("running")
	_, err := b.rmi("one", nil)
	b.wantKind(err, errdefs.KindConflict, fmt.Sprintf(
		"Conflict, cannot delete %s because the running container cccccccccccc is using it, stop it and use -f to force", short))
	_, err = b.rmi("one", map[string]string{"force": "1"})
	b.wantKind(err, errdefs.KindConflict, fmt.Sprintf(
		"Conflict, cannot force delete %s because the running container cccccccccccc is using it, stop it and retry", short))
	set("exited")
	_, err = b.rmi("one", nil)
	b.wantKind(err, errdefs.KindConflict, fmt.Sprintf(
		"Conflict, cannot delete %s because the container cccccccccccc is using it, use -f to force", short))
	if _, err := b.Image("one"); err != nil {
		t.Errorf("a refused delete untagged: %v", err)
	}
	// With force the container keeps its layers until it is removed.
	img, err := b.Image("one")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.CreateLayer(c.Id, img); err != nil {
		t.Fatal(err)
	}
	if _, err := b.rmi("one", map[string]string{"force": "1"}); err != nil {
		t.Fatal(err)
	}
	b.clean(3)
	b.open()
	b.clean(3)
	if got := b.ContainerLayers(); len(got) != 1 || got[0] != c.Id {
		t.Errorf("container layers: %v", got)
	}
	root, err := b.MountLayer(c.Id)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"1", "etc/hosts", "dev/pts", ".dockerenv"} {
		if _, err := os.Lstat(root + "/" + name); err != nil {
			t.Error(err)
		}
	}
	if changes, err := b.Changes(t.Context(), c.Id); err != nil || len(changes) != 0 {
		t.Errorf("a fresh container has changes: %v, %v", changes, err)
	}
	if err := b.UnmountLayer(c.Id); err != nil {
		t.Fatal(err)
	}
	if err := b.RemoveLayer(c.Id); err != nil {
		t.Fatal(err)
	}
	b.clean(0)
}

func TestReopen_AfterCrash(t *testing.T) {
	b := newBench(t)
	b.add("one", "1")
	b.add("two", "2")
	// Killed after unpacking, after the layer and after the document.
	if err := b.driver.Create("leftover", "", false); err != nil {
		t.Fatal(err)
	}
	one, err := b.Image("one")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Mkdir(b.path("tmp/layer-x"), 0o700),
		os.WriteFile(b.path("tmp/file-x"), []byte("x"), 0o600),
		os.Remove(b.contentPath(one.ID)), // its layer and its name are left
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	b.open()
	b.clean(1)
	if _, err := b.Image("two"); err != nil || b.ImageCount() != 1 {
		t.Errorf("%d images, %v", b.ImageCount(), err)
	}
	_, err = b.Image("one")
	b.wantKind(err, errdefs.KindNotFound, "")
	b.add("one", "1")
	b.clean(2)
}
