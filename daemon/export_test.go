package daemon

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestExport(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("export", "nobody"))
	if err := os.WriteFile(filepath.Join(f.images.dir, "file"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	f.create("one", "true")
	f.events.take()
	r := tar.NewReader(strings.NewReader(f.run("export", "one")))
	var names []string
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	if !slices.Contains(names, "file") {
		t.Errorf("entries %v", names)
	}
	if f.images.mounts != 0 {
		t.Error("the layer is still mounted")
	}
	if ev := f.events.take(); ev != "export" {
		t.Errorf("events %q", ev)
	}
}
