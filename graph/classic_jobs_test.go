//go:build linux

package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/image"
)

// TestClassicJobs: what one engine gives with image_inspect and image_tarlayer
// another one takes with image_set.
func TestClassicJobs(t *testing.T) {
	b := newBench(t)
	b.eng.Replace("image_set", b.jobImageSet)
	b.eng.Replace("image_get", b.jobImageGet)
	b.eng.Replace("image_tarlayer", b.jobImageTarlayer)
	b.eng.Replace("viz", b.jobViz)
	base := graphtest.Archive(t, graphtest.File("f", "1"))
	top := graphtest.Archive(t, graphtest.File("g", "2"))
	set := func(json string, layer []byte) string {
		t.Helper()
		id, err := b.run(layer, map[string]string{"json": json}, "image_set", "ignored")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(id)
	}
	one := set(`{"id":"a","created":"2014-01-01T00:00:00Z","container_config":{"Cmd":["/bin/sh","-c","one"]},"os":"linux"}`, base)
	two := set(fmt.Sprintf(`{"id":"b","parent":%q,"author":"me","created":"2014-01-02T00:00:00Z","architecture":"amd64","docker_version":"1.0","config":{"Cmd":["sh"]}}`, one), top)
	empty := set(fmt.Sprintf(`{"parent":%q,"created":"2014-01-03T00:00:00Z"}`, two), []byte{})

	text, err := b.run(nil, nil, "image_get", two)
	var got map[string]string
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"Created": "2014-01-02T00:00:00Z", "Author": "me", "Os": "", "Architecture": "amd64", "DockerVersion": "1.0", "Id": two, "Parent": one}
	for key := range want {
		if err != nil || got[key] != want[key] || len(got) != len(want) {
			t.Errorf("image_get: %s, %v", text, err)
		}
	}
	img, err := b.Image(empty)
	if err != nil || img.Parent != two || len(img.RootFS.DiffIDs) != 2 || len(img.History) != 3 || !img.History[2].EmptyLayer ||
		img.History[0].CreatedBy != "/bin/sh -c one" {
		t.Errorf("%+v, %v", img, err)
	}
	for ref, layer := range map[string][]byte{one: base, two: top, empty: top} {
		if text, err := b.run(nil, nil, "image_tarlayer", ref); err != nil || !bytes.Equal([]byte(text), layer) {
			t.Errorf("image_tarlayer: %d of %d bytes, %v", len(text), len(layer), err)
		}
	}
	if _, _, err := b.Tag(two, "box", "", true); err != nil {
		t.Fatal(err)
	}
	short := image.ShortID
	graph := fmt.Sprintf("digraph docker {\n base -> %q [style=invis]\n %q -> %q\n %q -> %q\n %q [label=\"%s\\nbox:latest\",shape=box,"+
		"fillcolor=\"paleturquoise\",style=\"filled,rounded\"];\n base [style=invisible]\n}\n",
		short(one), short(one), short(two), short(two), short(empty), short(two), short(two))
	if text, err := b.run(nil, nil, "viz"); err != nil || text != graph {
		t.Errorf("viz: %s, %v; want %s", text, err, graph)
	}
	if got := b.problems(); got != "" {
		t.Error(got)
	}

	for what, c := range map[string]struct {
		json string
		kind errdefs.Kind
	}{
		"no document": {"", errdefs.KindInvalidArgument}, "bad document": {"[", errdefs.KindInvalidArgument},
		"no parent": {`{"parent":"none"}`, errdefs.KindNotFound},
	} {
		if _, err := b.run(base, map[string]string{"json": c.json}, "image_set", "x"); !errdefs.Is(err, c.kind) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, name := range []string{"image_get", "image_tarlayer"} {
		if _, err := b.run(nil, nil, name, "none"); !errdefs.IsNotFound(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
