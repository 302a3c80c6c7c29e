//go:build linux

package graph

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
)

// problems runs the check and shows what it finds.
func (b *bench) problems(refs ...string) string {
	b.t.Helper()
	var text strings.Builder
	result, err := b.Check(b.t.Context(), refs, jsonstream.NewWriter(&text, true))
	if err != nil {
		b.t.Fatal(err)
	}
	var list []string
	for _, p := range result.Problems {
		list = append(list, p.Kind+" "+p.Path+": "+p.Problem)
	}
	return strings.Join(list, "; ")
}

func TestImagesCheck(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		b.importFiles("base", graphtest.Dir("d"), graphtest.File("d/f", "text"), graphtest.Symlink("l", "d/f"), graphtest.File("empty", ""))
		base, err := b.Image("base")
		if err != nil {
			t.Fatal(err)
		}
		b.importFiles("other", graphtest.File("o", "1"))
		if got := b.problems(); got != "" {
			t.Fatalf("of nothing damaged: %s", got)
		}
		root, err := b.driver.Get(b.layers[base.ChainID].cacheID)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := b.driver.Metadata(b.layers[base.ChainID].cacheID); err == nil && data["UpperDir"] != "" {
			root = data["UpperDir"]
		}
		if err := b.driver.Put(b.layers[base.ChainID].cacheID); err != nil {
			t.Fatal(err)
		}
		at := func(name string) string { return filepath.Join(root, name) }
		doc, names := b.contentPath(base.ID), b.path(refsFile)
		dir := b.layerDir(base.ChainID)
		for what, c := range map[string]struct {
			damage func() error
			path   string
			want   string
		}{
			"content":   {func() error { return os.WriteFile(at("d/f"), []byte("tex!"), 0o644) }, at("d/f"), "layer d/f: its content has changed"},
			"truncated": {func() error { return os.Truncate(at("d/f"), 2) }, at("d/f"), "layer d/f: unexpected EOF"},
			"missing":   {func() error { return os.Remove(at("d/f")) }, at("d/f"), "layer d/f: opening it: no such file"},
			"empty":     {func() error { return os.Remove(at("empty")) }, at("empty"), "layer empty: it is missing"},
			"grown":     {func() error { return os.WriteFile(at("empty"), []byte("x"), 0o644) }, at("empty"), "layer empty: it has 1 bytes and not 0"},
			"mode":      {func() error { return os.Chmod(at("d"), 0o777) }, at("d"), "layer d: it has the mode 0777"},
			"link": {func() error { return errors.Join(os.Remove(at("l")), os.Symlink("x", at("l"))) }, at("l"),
				`layer l: it links to "x" and not to "d/f"`},
			"kind":         {func() error { return errors.Join(os.Remove(at("l")), os.WriteFile(at("l"), nil, 0o644)) }, at("l"), "layer l: it is another kind of file"},
			"record":       {func() error { return os.Truncate(filepath.Join(dir, recordFile), 100) }, filepath.Join(dir, recordFile), "layer : "},
			"no record":    {func() error { return os.Remove(filepath.Join(dir, recordFile)) }, filepath.Join(dir, recordFile), "layer : open"},
			"digest":       {func() error { return os.WriteFile(filepath.Join(dir, "diff"), []byte(image.Digest(nil)), 0o600) }, filepath.Join(dir, "diff"), "layer : what is known of it has changed"},
			"document":     {func() error { return os.WriteFile(doc, []byte("{}"), 0o600) }, doc, "image : its document has the digest"},
			"no document":  {func() error { return os.Remove(doc) }, doc, ""},
			"names":        {func() error { return os.WriteFile(names, []byte("{"), 0o600) }, names, "names : reading repositories.json"},
			"strange name": {func() error { return os.WriteFile(names, []byte(`{"Repositories":{"x":{"X Y":"sha256:1"}}}`), 0o600) }, names, "name : it is no name"},
		} {
			saved := saveTree(t, c.path)
			if err := c.damage(); err != nil {
				t.Fatal(what, err)
			}
			got := b.problems()
			if !strings.Contains(got, c.want) || strings.Contains(got, "; ") {
				t.Errorf("%s: %q, want %q alone", what, got, c.want)
			}
			if what == "no document" {
				if got := b.problems("base"); !strings.Contains(got, "its document is missing") {
					t.Errorf("%s: %q", what, got)
				}
			}
			saved()
			if got := b.problems(); got != "" {
				t.Fatalf("%s, restored: %s", what, got)
			}
		}
		if got := b.problems("other"); got != "" {
			t.Errorf("other: %s", got)
		}
		if _, err := b.Check(t.Context(), []string{"none"}, jsonstream.NewWriter(&strings.Builder{}, false)); !errdefs.IsNotFound(err) {
			t.Errorf("none: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Check(ctx, nil, jsonstream.NewWriter(&strings.Builder{}, false)); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// saveTree remembers a file, directory or link and returns what puts it back.
func saveTree(t *testing.T, path string) (restore func()) {
	t.Helper()
	st, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	to := ""
	switch {
	case st.Mode().IsRegular():
		text, err = os.ReadFile(path)
	case st.Mode()&os.ModeSymlink != 0:
		to, err = os.Readlink(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		switch {
		case to != "":
			err = errors.Join(os.Remove(path), os.Symlink(to, path))
		case st.IsDir():
			err = os.Chmod(path, st.Mode())
		default:
			if err = os.WriteFile(path, text, st.Mode()); err == nil {
				err = os.Chmod(path, st.Mode())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestImagesCheck_Job(t *testing.T) {
	b := newBench(t)
	b.importFiles("base", graphtest.File("f", "text"))
	b.eng.Replace("images_check", b.jobImagesCheck)
	text, err := b.run(nil, map[string]string{"json": "1"}, "images_check")
	if err != nil {
		t.Fatal(err)
	}
	var last struct{ Aux api.ImagesChecked }
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Aux.Files != 1 || last.Aux.Images != 1 || last.Aux.Names != 1 || last.Aux.Layers != 1 {
		t.Errorf("%s, %v", text, err)
	}
	img, err := b.Image("base")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.contentPath(img.ID), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err = b.run(nil, nil, "images_check"); !errdefs.Is(err, errdefs.KindInternal) || !strings.Contains(text, "image "+img.ID+": its document has the digest") {
		t.Errorf("%v: %s", err, text)
	}
}
