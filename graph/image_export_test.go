//go:build linux

package graph

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
)

func (b *bench) save(env map[string]string, names ...string) ([]byte, error) {
	b.t.Helper()
	b.eng.Replace("image_export", b.jobImageExport)
	out, err := b.run(nil, env, "image_export", names...)
	return []byte(out), err
}

func (b *bench) mustSave(names ...string) []byte {
	b.t.Helper()
	out, err := b.save(nil, names...)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// entries lists an archive: name → content, and the order.
func entries(t *testing.T, data []byte) (files map[string]string, order []string) {
	t.Helper()
	files = map[string]string{}
	for tr := tar.NewReader(bytes.NewReader(data)); ; {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, order
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := files[hdr.Name]; ok {
			t.Errorf("%s is there twice", hdr.Name)
		}
		if hdr.Typeflag == tar.TypeSymlink {
			content = []byte("→ " + hdr.Linkname)
		}
		files[hdr.Name] = string(content)
		order = append(order, hdr.Name)
	}
}

func TestImageExport(t *testing.T) {
	b := newBench(t)
	layers, ids := testLayers(t)
	b.mustLoad(dockerBundle(t, "box:1", "box:2", "other/box:3").bytes(), nil)
	b.add("small:1", "a")
	data := b.mustSave("box", "small:1", "box:2")
	if !bytes.Equal(data, b.mustSave("box", "small:1", "box:2")) {
		t.Error("the same images gave other bytes")
	}
	files, order := entries(t, data)
	for i, id := range ids {
		if files[blobName(id)] != string(layers[i]) {
			t.Errorf("layer %d is another", i)
		}
	}
	var manifests []dockerManifest
	if err := json.Unmarshal([]byte(files["manifest.json"]), &manifests); err != nil {
		t.Fatal(err)
	}
	if len(manifests) != 2 || strings.Join(manifests[0].RepoTags, " ") != "box:1 box:2" || len(manifests[0].Layers) != 2 || files[manifests[0].Config] == "" {
		t.Errorf("manifest.json: %s", files["manifest.json"])
	}
	var repos map[string]map[string]string
	if err := json.Unmarshal([]byte(files["repositories"]), &repos); err != nil {
		t.Fatal(err)
	}
	for _, top := range []string{repos["box"]["1"], repos["small"]["1"]} {
		for depth := 0; top != ""; depth++ {
			var doc classicDocument
			if err := json.Unmarshal([]byte(files[top+"/json"]), &doc); err != nil || doc.ID != top || files[top+"/VERSION"] != "1.0" {
				t.Fatal(files[top+"/json"], err)
			}
			if target, ok := strings.CutPrefix(files[top+"/layer.tar"], "→ "); !ok || files[path.Join(top, target)] == "" {
				t.Errorf("%s/layer.tar: %q", top, files[top+"/layer.tar"])
			}
			if doc.Config == nil && depth == 0 {
				t.Errorf("the top has no configuration: %s", files[top+"/json"])
			}
			top = doc.Parent
		}
	}
	var index ociIndex
	if err := json.Unmarshal([]byte(files["index.json"]), &index); err != nil || len(index.Manifests) != 3 {
		t.Fatal(files["index.json"], err)
	}
	if index.Manifests[1].Annotations[annotationName] != "docker.io/library/box:2" || index.Manifests[1].Annotations[annotationRef] != "2" {
		t.Errorf("index.json: %s", files["index.json"])
	}
	for name, content := range files {
		if digits, ok := strings.CutPrefix(name, "blobs/sha256/"); ok && digits != "" && image.Digest([]byte(content)) != "sha256:"+digits {
			t.Errorf("%s has another digest", name)
		}
	}
	if order[0] != "oci-layout" || order[2] != "manifest.json" {
		t.Errorf("the documents come late: %v", order)
	}
}

// TestImageExport_Back: each of the three formats alone gives the images back.
func TestImageExport_Back(t *testing.T) {
	from := newBench(t)
	from.mustLoad(dockerBundle(t, "box:1").bytes(), nil)
	from.add("small:1", "a")
	box, _ := from.Image("box:1")
	data := from.mustSave("box:1", "small")
	for name, drop := range map[string][]string{
		"manifest.json": {"index.json", "oci-layout", "repositories"},
		"layout":        {"manifest.json", "repositories"},
		"classic":       {"manifest.json", "index.json", "oci-layout"},
		"all":           nil,
	} {
		t.Run(name, func(t *testing.T) {
			to := newBench(t)
			to.mustLoad(without(t, data, drop), nil)
			to.clean(3)
			img, err := to.Image("box:1")
			if err != nil {
				t.Fatal(err)
			}
			if name != "classic" && img.ID != box.ID || img.ChainID != box.ChainID || img.Config.Cmd[0] != "sh" {
				t.Errorf("got %+v", img)
			}
			if _, err := to.Image("small:1"); err != nil {
				t.Error(err)
			}
			if again := to.mustSave("box:1", "small"); name != "classic" && !bytes.Equal(again, data) {
				t.Error("saved again it is another archive")
			}
		})
	}
}

// without copies an archive but for some entries.
func without(t *testing.T, data []byte, drop []string) []byte {
	t.Helper()
	b := &bundle{tb: t}
	for tr := tar.NewReader(bytes.NewReader(data)); ; {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return b.bytes()
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(" "+strings.Join(drop, " ")+" ", " "+hdr.Name+" ") {
			b.entries = append(b.entries, bundleEntry{*hdr, body})
		}
	}
}

func TestImageExport_ByID(t *testing.T) {
	b := newBench(t)
	id := b.add("small:1", "a")
	files, _ := entries(t, b.mustSave(id))
	if _, ok := files["repositories"]; ok || !strings.Contains(files["manifest.json"], `"RepoTags":null`) {
		t.Error(files["manifest.json"], files["repositories"])
	}
}

func TestImageExport_Parent(t *testing.T) {
	from, to := newBench(t), newBench(t)
	from.mustLoad(classicBundle(t).bytes(), nil)
	to.mustLoad(from.mustSave("old:top", "old:base"), nil)
	// The parent comes after its child in the archive.
	top, _ := to.Image("old:top")
	base, _ := to.Image("old:base")
	if top == nil || base == nil || top.Parent != base.ID {
		t.Errorf("got %s on %s", top.Raw, base.Raw)
	}
}

func TestImageExport_Faults(t *testing.T) {
	b := newBench(t)
	b.add("small:1", "a")
	out, err := b.save(nil, "small:1", "none")
	b.wantKind(err, errdefs.KindNotFound, "No such image: none")
	if len(out) > 0 {
		t.Errorf("%d bytes were written", len(out))
	}
	_, err = b.save(map[string]string{"platform": "linux/s390x"}, "small")
	b.wantKind(err, errdefs.KindNotFound, "image with reference small:1 was found but does not provide the specified platform (linux/s390x)")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Export(ctx, imageExportOptions{names: []string{"small"}}, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := b.Export(context.Background(), imageExportOptions{names: []string{"small"}}, failingWriter{}); err == nil {
		t.Error("a full disk went unnoticed")
	}
	_, _ = b.run(nil, nil, "image_delete", "small:1")
	b.clean(0) // nothing is held
}

type failingWriter struct{}

// Write fails.
func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }
