//go:build linux

package graph

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/vfs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
)

// hostileBundles are archives that lie, with a word of the answer.
func hostileBundles(t *testing.T) map[string]struct {
	data []byte
	text string
} {
	layers, ids := testLayers(t)
	host := hostPlatform().Architecture
	config := (&bundle{tb: t}).json("", testConfig(ids, host))
	list := map[string]struct {
		data []byte
		text string
	}{}
	add := func(name, text string, fill func(b *bundle)) {
		b := &bundle{tb: t}
		fill(b)
		list[name] = struct {
			data []byte
			text string
		}{b.bytes(), text}
	}
	// docker is a good archive but for what change does to its parts.
	docker := func(name, text string, change func(b *bundle, m *dockerManifest)) {
		add(name, text, func(b *bundle) {
			b.file("a.tar", layers[0])
			b.file("b.tar", layers[1])
			b.file("c.json", config)
			m := dockerManifest{Config: "c.json", RepoTags: []string{"box:1"}, Layers: []string{"a.tar", "b.tar"}}
			change(b, &m)
			b.json("manifest.json", []dockerManifest{m})
		})
	}
	add("nothing", "holds no images", func(*bundle) {})
	add("a file system", "holds no images", func(b *bundle) { b.file("bin/sh", []byte("elf")) })
	add("climbs", "leads out", func(b *bundle) { b.file("../manifest.json", []byte("[]")) })
	add("absolute", "leads out", func(b *bundle) { b.file("/manifest.json", []byte("[]")) })
	add("climbing link", "leads out", func(b *bundle) { b.link("a/layer.tar", "../../etc/passwd", tar.TypeSymlink) })
	add("absolute link", "leads out", func(b *bundle) { b.link("a/layer.tar", "/etc/passwd", tar.TypeSymlink) })
	add("device", "neither a file", func(b *bundle) { b.link("a", "", tar.TypeBlock) })
	add("fifo", "neither a file", func(b *bundle) { b.link("a", "", tar.TypeFifo) })
	add("twice", "twice", func(b *bundle) { b.file("x", []byte("{}")); b.file("./x", []byte("{}")) })
	add("no json", "manifest.json", func(b *bundle) { b.file("manifest.json", []byte(`[{"Config": 3}]`)) })
	add("deep json", "manifest.json", func(b *bundle) { b.file("manifest.json", []byte(strings.Repeat("[", 1<<20))) })
	add("huge json", "no JSON document", func(b *bundle) {
		b.file("manifest.json", append([]byte("["), bytes.Repeat([]byte(" "), image.MaxConfigSize)...))
	})
	add("many documents", "documents of more than", func(b *bundle) {
		for i := range 7 {
			b.file(fmt.Sprint(i), append([]byte("["), bytes.Repeat([]byte(" "), image.MaxConfigSize-1)...))
		}
	})
	docker("other layer", "digest", func(_ *bundle, m *dockerManifest) { m.Layers[1] = "a.tar" })
	docker("fewer layers", "layers length mismatch: expected 2, got 1", func(_ *bundle, m *dockerManifest) { m.Layers = m.Layers[:1] })
	docker("no layer", `no layer "x.tar"`, func(_ *bundle, m *dockerManifest) { m.Layers[1] = "x.tar" })
	docker("layer outside", "leads out", func(_ *bundle, m *dockerManifest) { m.Layers[1] = "../../etc/passwd" })
	docker("layer is a document", "no archive of a layer", func(_ *bundle, m *dockerManifest) { m.Layers[1] = "c.json" })
	docker("config outside", "leads out", func(_ *bundle, m *dockerManifest) { m.Config = "/etc/passwd" })
	docker("config is a layer", "no JSON document", func(_ *bundle, m *dockerManifest) { m.Config = "a.tar" })
	docker("link loop", "loop", func(b *bundle, m *dockerManifest) {
		b.link("l1", "l2", tar.TypeSymlink)
		b.link("l2", "l1", tar.TypeSymlink)
		m.Layers[0] = "l1"
	})
	docker("bad tag", "invalid tag", func(_ *bundle, m *dockerManifest) { m.RepoTags = []string{"UPPER:1"} })
	docker("no tag", "invalid tag", func(_ *bundle, m *dockerManifest) { m.RepoTags = []string{"box"} })
	docker("digest as tag", "invalid tag", func(_ *bundle, m *dockerManifest) { m.RepoTags = []string{"box@" + ids[0]} })
	docker("windows", "cannot load windows image", func(b *bundle, m *dockerManifest) {
		doc := testConfig(ids, host)
		doc["os"] = "windows"
		b.json("w.json", doc)
		m.Config = "w.json"
	})
	docker("hostile layer", "leads out", func(b *bundle, m *dockerManifest) {
		evil := graphtest.Archive(t, graphtest.File("../../evil", "x"))
		b.file("evil.tar", evil)
		b.json("e.json", testConfig([]string{ids[0], image.Digest(evil)}, host))
		m.Config, m.Layers[1] = "e.json", "evil.tar"
	})
	docker("sparse bomb", "more than the file system can hold", func(b *bundle, m *dockerManifest) {
		bomb := graphtest.SparseBomb(1 << 61)
		b.file("bomb.tar", bomb)
		b.json("e.json", testConfig([]string{ids[0], image.Digest(bomb)}, host))
		m.Config, m.Layers[1] = "e.json", "bomb.tar"
	})
	hostileLayouts(t, add, config)
	hostileClassics(add, layers)
	return list
}

func hostileLayouts(t *testing.T, add func(name, text string, fill func(b *bundle)), config []byte) {
	layers, _ := testLayers(t)
	layout := func(name, text string, change func(b *bundle, m *ociManifest, d *ociDescriptor)) {
		add(name, text, func(b *bundle) {
			m := ociManifest{SchemaVersion: 2, Config: b.blob(mediaConfig, config)}
			for _, l := range layers {
				m.Layers = append(m.Layers, b.blob(mediaLayer, l))
			}
			var d ociDescriptor
			change(b, &m, &d)
			if d.Digest == "" {
				raw, err := json.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				d = b.blob(mediaManifest, raw)
			}
			b.json("index.json", ociIndex{SchemaVersion: 2, Manifests: []ociDescriptor{d}})
		})
	}
	layout("layer size", "bytes, not", func(_ *bundle, m *ociManifest, _ *ociDescriptor) { m.Layers[0].Size++ })
	layout("config size", "bytes, not", func(_ *bundle, m *ociManifest, _ *ociDescriptor) { m.Config.Size++ })
	layout("md5", "no sha256 digest", func(_ *bundle, m *ociManifest, _ *ociDescriptor) { m.Layers[0].Digest = "md5:00" })
	layout("path as digest", "no sha256 digest", func(_ *bundle, m *ociManifest, _ *ociDescriptor) { m.Layers[0].Digest = "sha256:../../../etc/passwd" })
	layout("missing blob", "has no layer", func(_ *bundle, m *ociManifest, _ *ociDescriptor) {
		m.Layers[0].Digest = "sha256:" + strings.Repeat("0", 64)
	})
	layout("artifact", "it is no image", func(_ *bundle, m *ociManifest, _ *ociDescriptor) {
		m.Config.MediaType = "application/vnd.cncf.helm.config.v1+json"
	})
	layout("lying layer", "has the digest", func(b *bundle, m *ociManifest, _ *ociDescriptor) {
		other := graphtest.Archive(t, graphtest.File("other", "x"))
		name := "sha256:" + strings.Repeat("1", 64)
		b.file(blobName(name), other)
		m.Layers[0].Digest, m.Layers[0].Size = name, int64(len(other))
	})
	layout("lying document", "has the digest", func(b *bundle, _ *ociManifest, d *ociDescriptor) {
		*d = ociDescriptor{MediaType: mediaManifest, Digest: "sha256:" + strings.Repeat("2", 64), Size: 2}
		b.file(blobName(d.Digest), []byte("{}"))
	})
	layout("deep index", "too deep", func(b *bundle, _ *ociManifest, d *ociDescriptor) {
		for range 6 {
			raw, err := json.Marshal(ociIndex{SchemaVersion: 2, Manifests: []ociDescriptor{*d}})
			if err != nil {
				t.Fatal(err)
			}
			*d = b.blob(mediaIndex, raw)
		}
	})
	layout("bad name", "invalid name", func(_ *bundle, m *ociManifest, d *ociDescriptor) {
		*d = ociDescriptor{MediaType: mediaManifest, Digest: m.Config.Digest, Size: 1, Annotations: map[string]string{annotationName: "UPPER:1"}}
	})
}

func hostileClassics(add func(name, text string, fill func(b *bundle)), layers [][]byte) {
	id := func(c string) string { return strings.Repeat(c, 64) }
	classic := func(b *bundle, id, parent string) {
		b.json(id+"/json", map[string]any{"id": id, "parent": parent, "os": "linux"})
		b.file(id+"/layer.tar", layers[0])
	}
	add("parent loop", "loop", func(b *bundle) { classic(b, id("a"), id("b")); classic(b, id("b"), id("a")) })
	add("loop beside", "loop", func(b *bundle) {
		classic(b, id("a"), id("b"))
		classic(b, id("b"), id("a"))
		classic(b, id("c"), "")
	})
	add("own parent", "loop", func(b *bundle) {
		classic(b, id("a"), id("a"))
		b.json("repositories", map[string]map[string]string{"x": {"y": id("a")}})
	})
	add("missing parent", "has no", func(b *bundle) { classic(b, id("a"), id("b")) })
	add("parent is a path", "no id", func(b *bundle) { classic(b, id("a"), "../../etc") })
	add("other id", "is the document of", func(b *bundle) {
		b.json(id("a")+"/json", map[string]string{"id": id("b")})
		b.file(id("a")+"/layer.tar", layers[0])
	})
	add("name of nothing", "has no", func(b *bundle) {
		classic(b, id("a"), "")
		b.json("repositories", map[string]map[string]string{"x": {"y": id("b")}})
	})
	add("name of a path", "no id", func(b *bundle) { b.json("repositories", map[string]map[string]string{"x": {"y": "../x"}}) })
	add("bad repository", "invalid tag", func(b *bundle) {
		classic(b, id("a"), "")
		b.json("repositories", map[string]map[string]string{"UPPER": {"y": id("a")}})
	})
	add("deep stack", "more than 128", func(b *bundle) {
		parent := ""
		for i := range 130 {
			at := fmt.Sprintf("%064x", i+1)
			b.json(at+"/json", map[string]string{"id": at, "parent": parent})
			if i == 0 {
				b.file(at+"/layer.tar", layers[0])
			} else {
				b.link(at+"/layer.tar", fmt.Sprintf("../%064x/layer.tar", 1), tar.TypeSymlink)
			}
			parent = at
		}
	})
}

// TestLoad_Hostile: whatever lies is refused, and leaves nothing.
func TestLoad_Hostile(t *testing.T) {
	b := newBench(t)
	for name, c := range hostileBundles(t) {
		_, err := b.load(c.data, nil)
		if !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v (%v), want %q", name, err, errdefs.KindOf(err), c.text)
		}
		b.clean(0)
	}
	if b.ImageCount() != 0 || len(b.events.Calls()) != 0 {
		t.Errorf("%d images, events %s", b.ImageCount(), b.eventNames())
	}
}

// TestLoad_Cut: an archive that ends anywhere is refused or, in the zeros of
// its end, whole.
func TestLoad_Cut(t *testing.T) {
	b := newBench(t)
	data := dockerBundle(t, "box:1").bytes()
	for n := 0; n < len(bytes.TrimRight(data, "\x00")); n += 500 {
		if out, err := b.load(data[:n], nil); err == nil {
			t.Fatalf("%d of %d bytes: %s", n, len(data), out)
		}
		b.clean(0)
	}
	_, err := b.load(gzipped(t, data)[:1000], nil)
	b.wantKind(err, errdefs.KindInvalidArgument, "gzip")
	_, err = b.load(nil, nil)
	b.wantKind(err, errdefs.KindInvalidArgument, "empty")
}

// TestLoad_Canceled: a load that is given up leaves nothing, wherever it is.
func TestLoad_Canceled(t *testing.T) {
	b := newBench(t)
	data := dockerBundle(t, "box:1").bytes()
	for _, at := range []int{0, 600, 3000, len(data) - 100} {
		ctx, cancel := context.WithCancel(context.Background())
		r := io.MultiReader(bytes.NewReader(data[:at]), &calling{cancel}, bytes.NewReader(data[at:]))
		if err := b.Load(ctx, loadOptions{}, r, jsonstream.NewWriter(io.Discard, true)); !errors.Is(err, context.Canceled) {
			t.Errorf("given up at %d: %v", at, err)
		}
		b.clean(0)
	}
}

// calling is an empty stream that does something when it is read.
type calling struct{ do func() }

// Read ends at once.
func (c *calling) Read([]byte) (int, error) {
	c.do()
	return 0, io.EOF
}

// TestLoad_OneBad: of several images none is loaded when one is bad, and names
// stay where they were.
func TestLoad_OneBad(t *testing.T) {
	b := newBench(t)
	old := b.add("box:1", "old")
	made := dockerBundle(t, "box:1")
	_, ids := testLayers(t)
	made.entries = made.entries[:len(made.entries)-1]
	made.json("bad.json", testConfig([]string{ids[1], ids[0]}, hostPlatform().Architecture))
	layers := []string{"aaa/layer.tar", "bbb/layer.tar"}
	made.json("manifest.json", []dockerManifest{
		{Config: "config.json", RepoTags: []string{"box:1"}, Layers: layers}, {Config: "bad.json", RepoTags: []string{"box:2"}, Layers: layers},
	})
	_, err := b.load(made.bytes(), nil)
	b.wantKind(err, errdefs.KindInvalidArgument, "digest")
	b.clean(1)
	if img, err := b.Image("box:1"); err != nil || img.ID != old || b.ImageCount() != 1 {
		t.Error(img, err)
	}
}

// TestLoad_LyingParent: a parent that the image was not made from is none.
func TestLoad_LyingParent(t *testing.T) {
	b := newBench(t)
	other := b.add("other:1", "a")
	made := dockerBundle(t)
	made.entries = made.entries[:len(made.entries)-1]
	made.json("manifest.json", []dockerManifest{{
		Config: "config.json", RepoTags: []string{"box:1"}, Layers: []string{"aaa/layer.tar", "bbb/layer.tar"}, Parent: other,
	}})
	b.mustLoad(made.bytes(), nil)
	if img, err := b.Image("box:1"); err != nil || img.Parent != "" {
		t.Error(img, err)
	}
}

// FuzzLoad feeds archives to a store: it refuses them or loads them, and what it
// loads can be saved.
func FuzzLoad(f *testing.F) {
	f.Add(dockerBundle(f, "box:1").bytes())
	f.Add(layoutBundle(f, "box:1").bytes())
	f.Add(classicBundle(f).bytes())
	f.Add(gzipped(f, dockerBundle(f, "box:1").bytes()))
	root := f.TempDir()
	d, err := vfs.New(vfs.Options{Root: filepath.Join(root, "vfs")})
	if err != nil {
		f.Fatal(err)
	}
	defer d.Close()
	s, err := New(Options{Root: root, Driver: d})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = s.Load(t.Context(), loadOptions{quiet: true}, bytes.NewReader(data), jsonstream.NewWriter(io.Discard, true))
		for id := range s.current.Load().images {
			if err := s.Export(t.Context(), imageExportOptions{names: []string{id}}, io.Discard); err != nil {
				t.Error(err)
			}
		}
		for range s.ImageCount() { // those on top first, whichever these are
			for id := range s.current.Load().images {
				_, _ = s.Delete(t.Context(), id, deleteOptions{force: true})
			}
		}
		if left := d.List(); len(left) > 0 {
			t.Errorf("left in the driver: %v", left)
		}
	})
}

// FuzzLoadDocuments feeds documents beside layers that are good.
func FuzzLoadDocuments(f *testing.F) {
	for _, made := range []*bundle{dockerBundle(f, "box:1"), layoutBundle(f, "box:1"), classicBundle(f)} {
		for _, e := range made.entries {
			if len(e.body) > 0 && (e.body[0] == '{' || e.body[0] == '[') {
				f.Add(e.hdr.Name, e.body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, name string, document []byte) {
		for _, made := range []*bundle{dockerBundle(t, "box:1"), layoutBundle(t, "box:1"), classicBundle(t)} {
			c := newLoadContents()
			for _, e := range made.entries {
				switch {
				case e.hdr.Name == name:
				case e.hdr.Linkname != "":
					c.links[e.hdr.Name] = e.hdr.Linkname
				case sniff(e.body[:min(512, len(e.body))], int64(len(e.body))) == entryLayer:
					c.layers[e.hdr.Name] = &loadedLayer{name: e.hdr.Name}
				default:
					c.documents[e.hdr.Name] = e.body
				}
			}
			if clean, err := loadName(name); err == nil && len(document) <= image.MaxConfigSize {
				c.documents[clean] = document
			}
			list, err := c.plan(nil)
			if err != nil && !errdefs.Is(err, errdefs.KindInvalidArgument) && !errdefs.IsNotFound(err) {
				t.Error(err)
			}
			for _, w := range list {
				if len(w.layers) > maxLoadLayers || w.img == nil && len(w.classic) == 0 {
					t.Errorf("planned %+v", w)
				}
			}
		}
	})
}
