//go:build linux

package graph

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/image"
)

// bundle is an archive of images that is being made.
type bundle struct {
	tb      testing.TB
	entries []bundleEntry
}

type bundleEntry struct {
	hdr  tar.Header
	body []byte
}

func (b *bundle) file(name string, body []byte) {
	b.entries = append(b.entries, bundleEntry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body))}, body})
}

func (b *bundle) json(name string, value any) []byte {
	b.tb.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		b.tb.Fatal(err)
	}
	b.file(name, raw)
	return raw
}

func (b *bundle) link(name, target string, kind byte) {
	b.entries = append(b.entries, bundleEntry{hdr: tar.Header{Name: name, Typeflag: kind, Linkname: target, Mode: 0o777}})
}

// blob adds a blob of an OCI layout and describes it.
func (b *bundle) blob(mediaType string, body []byte) ociDescriptor {
	d := ociDescriptor{MediaType: mediaType, Digest: image.Digest(body), Size: int64(len(body))}
	b.file("blobs/sha256/"+hexOf(d.Digest), body)
	return d
}

func (b *bundle) bytes() []byte {
	b.tb.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range b.entries {
		if err := w.WriteHeader(&e.hdr); err != nil {
			b.tb.Fatal(err)
		}
		if _, err := w.Write(e.body); err != nil {
			b.tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.tb.Fatal(err)
	}
	return buf.Bytes()
}

// testLayers are two layers, the second of which hides a file of the first.
func testLayers(tb testing.TB) (layers [][]byte, diffIDs []string) {
	layers = [][]byte{
		graphtest.Archive(tb, graphtest.Dir("bin"), graphtest.File("bin/sh", "elf"), graphtest.File("bin/rm", "gone")),
		graphtest.Archive(tb, graphtest.Dir("bin"), graphtest.File("bin/.wh.rm", ""), graphtest.File("bin/ls", "list")),
	}
	for _, l := range layers {
		diffIDs = append(diffIDs, image.Digest(l))
	}
	return layers, diffIDs
}

func testConfig(diffIDs []string, arch string) map[string]any {
	return map[string]any{
		"architecture": arch, "os": "linux", "created": "2024-01-02T03:04:05Z", "config": map[string]any{"Cmd": []string{"sh"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": diffIDs},
		"history": []map[string]any{{"created": "2024-01-02T03:04:05Z", "created_by": "one"}, {"created": "2024-01-02T03:04:05Z", "created_by": "two"}},
	}
}

func gzipped(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func zstded(tb testing.TB, b []byte) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

// dockerBundle is what docker save writes: layers first, manifest.json last.
func dockerBundle(tb testing.TB, tags ...string) *bundle {
	b := &bundle{tb: tb}
	layers, ids := testLayers(tb)
	b.file("bbb/layer.tar", layers[1])
	b.file("aaa/VERSION", []byte("1.0"))
	b.file("aaa/layer.tar", layers[0])
	b.link("ccc/layer.tar", "../bbb/layer.tar", tar.TypeSymlink)
	b.json("config.json", testConfig(ids, hostPlatform().Architecture))
	b.json("manifest.json", []dockerManifest{{Config: "config.json", RepoTags: tags, Layers: []string{"aaa/layer.tar", "ccc/layer.tar"}}})
	return b
}

func layoutBundle(tb testing.TB, name string) *bundle {
	b := &bundle{tb: tb}
	layers, ids := testLayers(tb)
	b.json("oci-layout", map[string]string{"imageLayoutVersion": "1.0.0"})
	var manifests []ociDescriptor
	for _, arch := range []string{"amd64", "arm64", "s390x"} {
		m := ociManifest{SchemaVersion: 2, MediaType: mediaManifest}
		c := &bundle{tb: tb}
		m.Config = b.blob(mediaConfig, c.json("x", testConfig(ids, arch)))
		if arch == "amd64" {
			m.Layers = []ociDescriptor{b.blob(mediaLayer+"+gzip", gzipped(tb, layers[0])), b.blob(mediaLayer+"+zstd", zstded(tb, layers[1]))}
		} else {
			m.Layers = slices.Clone(manifestLayers(manifests, b))
		}
		d := b.blob(mediaManifest, c.json("y", m))
		d.Platform = &platform{OS: "linux", Architecture: arch}
		manifests = append(manifests, d)
	}
	attestation := b.blob(mediaManifest, []byte(`{"schemaVersion":2}`))
	attestation.Platform = &platform{OS: "unknown", Architecture: "unknown"}
	manifests = append(manifests, attestation)
	c := &bundle{tb: tb}
	d := b.blob(mediaIndex, c.json("z", ociIndex{SchemaVersion: 2, Manifests: manifests}))
	d.Annotations = map[string]string{annotationName: name}
	b.json("index.json", ociIndex{SchemaVersion: 2, Manifests: []ociDescriptor{d}})
	return b
}

// manifestLayers are the layers of the first manifest.
func manifestLayers(manifests []ociDescriptor, b *bundle) []ociDescriptor {
	var m ociManifest
	for _, e := range b.entries {
		if e.hdr.Name == "blobs/sha256/"+hexOf(manifests[0].Digest) {
			_ = json.Unmarshal(e.body, &m)
		}
	}
	return m.Layers
}

// classicBundle is what the first versions of docker save wrote.
func classicBundle(tb testing.TB) *bundle {
	b := &bundle{tb: tb}
	layers, _ := testLayers(tb)
	base, top := strings.Repeat("a", 64), strings.Repeat("b", 64)
	b.json(top+"/json", map[string]any{
		"id": top, "parent": base, "created": "2014-01-02T03:04:05Z", "os": "linux", "architecture": "amd64",
		"config": map[string]any{"Cmd": []string{"sh"}}, "container_config": map[string]any{"Cmd": []string{"/bin/sh", "-c", "two"}}, "Size": 4,
	})
	b.file(top+"/VERSION", []byte("1.0"))
	b.file(top+"/layer.tar", layers[1])
	b.json(base+"/json", map[string]any{"id": base, "created": "2014-01-02T03:04:04Z", "os": "linux", "container_config": map[string]any{"Cmd": "one"}})
	b.file(base+"/layer.tar", layers[0])
	b.json("repositories", map[string]map[string]string{"old": {"top": top, "base": base}})
	return b
}

func (b *bench) load(data []byte, env map[string]string) (string, error) {
	b.t.Helper()
	b.eng.Replace("load", b.jobLoad) // of the store opened last
	return b.run(data, env, "load")
}

func (b *bench) mustLoad(data []byte, env map[string]string) string {
	b.t.Helper()
	out, err := b.load(data, env)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func TestLoad(t *testing.T) {
	_, ids := testLayers(t)
	host := hostPlatform().Architecture
	config := (&bundle{tb: t}).json("", testConfig(ids, host))
	for name, c := range map[string]struct {
		data []byte
		env  map[string]string
		out  string
		name string
	}{
		"docker":         {dockerBundle(t, "box:1", "box:2").bytes(), nil, "Loaded image: box:1\nLoaded image: box:2\n", "box:2"},
		"docker no name": {dockerBundle(t).bytes(), nil, "Loaded image ID: " + image.Digest(config) + "\n", image.Digest(config)},
		"gzip":           {gzipped(t, dockerBundle(t, "box:1").bytes()), nil, "Loaded image: box:1\n", "box:1"},
		"zstd":           {zstded(t, dockerBundle(t, "box:1").bytes()), nil, "Loaded image: box:1\n", "box:1"},
		"layout":         {layoutBundle(t, "docker.io/library/box:1").bytes(), nil, "Loaded image: box:1\n", "box:1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if out := b.mustLoad(c.data, map[string]string{"quiet": "1"}); strings.ReplaceAll(out, "\r", "") != c.out {
				t.Errorf("output %q, want %q", out, c.out)
			}
			img, err := b.Image(c.name)
			if err != nil {
				t.Fatal(err)
			}
			if img.ID != image.Digest(config) || !slices.Equal(img.RootFS.DiffIDs, ids) || img.Size != 11 {
				t.Errorf("got %+v", img)
			}
			b.clean(2)
			b.mustLoad(c.data, nil) // again
			b.clean(2)
			b.open()
			if _, err := b.Image(c.name); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLoad_AnyOrder(t *testing.T) {
	for _, made := range []*bundle{dockerBundle(t, "box:1"), layoutBundle(t, "box:1"), classicBundle(t)} {
		slices.Reverse(made.entries)
		b := newBench(t)
		b.mustLoad(made.bytes(), nil)
		b.clean(2)
	}
}

func TestLoad_Progress(t *testing.T) {
	b := newBench(t)
	out := b.mustLoad(dockerBundle(t, "box:1").bytes(), map[string]string{"json": "1"})
	if !strings.Contains(out, `"status":"Loading layer","progressDetail":{"current":`) || !strings.Contains(out, `{"stream":"Loaded image: box:1\n"}`) {
		t.Error(out)
	}
	if got := b.events.Calls()[0]; got.Args[0] != "load" {
		t.Error(got)
	}
}

func TestLoad_Platforms(t *testing.T) {
	data := layoutBundle(t, "box:1").bytes()
	b := newBench(t)
	b.mustLoad(data, map[string]string{"platform": `["{\"os\":\"linux\",\"architecture\":\"s390x\"}"]`})
	if img, err := b.Image("box:1"); err != nil || img.Architecture != "s390x" {
		t.Error(img, err)
	}
	b.mustLoad(data, map[string]string{"platform": `["linux/arm64","linux/amd64"]`})
	if b.ImageCount() != 3 {
		t.Errorf("%d images", b.ImageCount())
	}
	_, err := b.load(data, map[string]string{"platform": "linux/riscv64"})
	b.wantKind(err, errdefs.KindNotFound, "no image for linux/riscv64; it has linux/amd64, linux/arm64, linux/s390x")
	_, err = b.load(dockerBundle(t, "box:1").bytes(), map[string]string{"platform": "linux/riscv64"})
	b.wantKind(err, errdefs.KindNotFound, "no image for linux/riscv64")
	_, err = b.load(data, map[string]string{"platform": "linux"})
	b.wantKind(err, errdefs.KindInvalidArgument, "invalid platform")
}

// TestLoad_Classic: names on the way are images, each the parent of the next.
func TestLoad_Classic(t *testing.T) {
	b := newBench(t)
	out := b.mustLoad(classicBundle(t).bytes(), map[string]string{"quiet": "1"})
	if strings.ReplaceAll(out, "\r", "") != "Loaded image: old:base\nLoaded image: old:top\n" {
		t.Errorf("output %q", out)
	}
	top, err := b.Image("old:top")
	if err != nil {
		t.Fatal(err)
	}
	base, err := b.Image("old:base")
	if err != nil {
		t.Fatal(err)
	}
	// This is what dockerd 20.10 makes of it.
	want := fmt.Sprintf(`{"architecture":"amd64","config":{"Cmd":["sh"]},"container_config":{"Cmd":["/bin/sh","-c","two"]},"created":"2014-01-02T03:04:05Z",`+
		`"history":[{"created":"2014-01-02T03:04:04Z","created_by":"one"},{"created":"2014-01-02T03:04:05Z","created_by":"/bin/sh -c two"}],`+
		`"os":"linux","rootfs":{"type":"layers","diff_ids":["%s","%s"]}}`, top.RootFS.DiffIDs[0], top.RootFS.DiffIDs[1])
	if string(top.Raw) != want {
		t.Errorf("got  %s\nwant %s", top.Raw, want)
	}
	if top.Parent != base.ID || len(base.RootFS.DiffIDs) != 1 {
		t.Errorf("parent %s, base %+v", top.Parent, base)
	}
}
