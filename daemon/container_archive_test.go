package daemon

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// files puts a small tree into the layer of all containers.
func (f *fixture) files() {
	f.t.Helper()
	for _, dir := range []string{"dir/sub", "etc"} {
		if err := os.MkdirAll(filepath.Join(f.images.dir, dir), 0o755); err != nil {
			f.t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"file": "hello", "dir/a": "a", "dir/sub/b": "b",
		"etc/passwd": "root:x:0:0::/:\nbad line\nuser:x:1000:50::/:\n", "etc/group": "wheel:x:77:\n",
	} {
		if err := os.WriteFile(filepath.Join(f.images.dir, name), []byte(text), 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"link": "dir", "out": "/../../..", "dangling": "/nowhere", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(f.images.dir, name)); err != nil {
			f.t.Fatal(err)
		}
	}
}

// released checks that a copy has let go of everything.
func (f *fixture) released() {
	f.t.Helper()
	f.images.mu.Lock()
	defer f.images.mu.Unlock()
	if f.images.mounts != 0 {
		f.t.Errorf("the layer stays mounted %d times", f.images.mounts)
	}
}

func entriesOf(t *testing.T, archive string) string {
	t.Helper()
	var names []string
	for r := tar.NewReader(strings.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return strings.Join(names, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

func TestArchive(t *testing.T) {
	f := setup(t)
	f.files()
	f.create("box", "true")
	f.events.take()
	for _, c := range []struct{ path, names, copied string }{
		{"/file", "file", "file"},
		{"file", "file", "file"},
		{"//dir/../file", "file", "file"},
		{"/dir", "dir/ dir/a dir/sub/ dir/sub/b", "dir/ dir/a dir/sub/ dir/sub/b"},
		{"/dir/", "dir/ dir/a dir/sub/ dir/sub/b", "dir/ dir/a dir/sub/ dir/sub/b"},
		{"/dir/.", "./ ./a ./sub/ ./sub/b", "dir/ dir/a dir/sub/ dir/sub/b"},
		{"/dir/sub/..", "dir/ dir/a dir/sub/ dir/sub/b", "dir/ dir/a dir/sub/ dir/sub/b"},
		{"/link", "link", "link"},
		{"/link/sub", "sub/ sub/b", "sub/ sub/b"},
		{"/out/dir/a", "a", "a"},
		{"/dangling", "dangling", "dangling"},
	} {
		if got := entriesOf(t, f.run("container_archive", "box", c.path)); got != c.names {
			t.Errorf("archive of %s: %q, want %q", c.path, got, c.names)
		}
		if got := entriesOf(t, f.run("container_copy", "box", c.path)); got != c.copied {
			t.Errorf("copy of %s: %q, want %q", c.path, got, c.copied)
		}
		if got := f.events.take(); got != "archive-path copy" {
			t.Errorf("%s: events %q", c.path, got)
		}
	}
	f.released()
}

func TestArchive_Stat(t *testing.T) {
	f := setup(t)
	f.files()
	f.create("box", "true")
	f.events.take()
	for _, c := range []struct {
		path string
		want api.PathStat
	}{
		{"/file", api.PathStat{Name: "file", Size: 5, Mode: 0o644}},
		{"/dir", api.PathStat{Name: "dir", Mode: fs.ModeDir | 0o755}},
		{"/", api.PathStat{Name: "/", Mode: fs.ModeDir | 0o755}},
		{"/link", api.PathStat{Name: "link", Mode: fs.ModeSymlink | 0o777, LinkTarget: "/dir"}},
		{"/link/a", api.PathStat{Name: "a", Size: 1, Mode: 0o644}},
		{"/dangling", api.PathStat{Name: "dangling", Mode: fs.ModeSymlink | 0o777, LinkTarget: "/nowhere"}},
	} {
		var got api.PathStat
		if err := json.Unmarshal([]byte(f.run("container_archive_stat", "box", c.path)), &got); err != nil {
			t.Fatal(err)
		}
		if got.Mtime.IsZero() {
			t.Errorf("%s: no time", c.path)
		}
		got.Mtime = c.want.Mtime
		if c.want.Mode&(fs.ModeDir|fs.ModeSymlink) != 0 {
			got.Size = 0
		}
		if got.Mode&^fs.ModePerm != c.want.Mode&^fs.ModePerm || got.Name != c.want.Name || got.Size != c.want.Size || got.LinkTarget != c.want.LinkTarget {
			t.Errorf("%s: %+v, want %+v", c.path, got, c.want)
		}
	}
	// The same line comes before the archive when it is asked for.
	out, err := env(f.eng.Job("container_archive", "box", "/file"), "stat", "1").Output()
	head, rest, _ := strings.Cut(string(out), "\n")
	var stat api.PathStat
	if err != nil || json.Unmarshal([]byte(head), &stat) != nil || stat.Name != "file" || entriesOf(t, rest) != "file" {
		t.Errorf("%v: %q", err, head)
	}
	if got := f.events.take(); got != "archive-path" {
		t.Errorf("looking has events: %q", got)
	}
	f.released()
}

// TestArchive_Errors: every way to fail has its kind, and lets go of the layer.
func TestArchive_Errors(t *testing.T) {
	f := setup(t)
	f.files()
	f.create("box", "true")
	for _, c := range []struct {
		box, path, text string
		kind            errdefs.Kind
	}{
		{"nobody", "/file", "No such container: nobody", errdefs.KindNotFound},
		{"box", "/missing", "Could not find the file /missing in container box", errdefs.KindNotFound},
		{"box", "/dangling/x", "Could not find the file /dangling/x in container box", errdefs.KindNotFound},
		{"box", "/file/x", "not a directory", errdefs.KindInvalidArgument},
		{"box", "/file/", "not a directory", errdefs.KindInvalidArgument},
		{"box", "/loop/x", "too many levels", errdefs.KindInvalidArgument},
		{"box", "/" + strings.Repeat("n", 300), "no valid path", errdefs.KindInvalidArgument},
		{"box", "/a\x00b", "no valid path", errdefs.KindInvalidArgument},
		{"box", "", "cannot be empty", errdefs.KindInvalidArgument},
	} {
		for _, name := range []string{"container_archive", "container_archive_stat", "container_copy"} {
			if err := f.fails(c.kind, f.eng.Job(name, c.box, c.path)); !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s %q: %v, want %q", name, c.path, err, c.text)
			}
		}
	}
	f.released()
}

// TestArchive_ReaderLeaves: a copy whose reader has gone, or whose context is
// over, ends and lets go.
func TestArchive_ReaderLeaves(t *testing.T) {
	f := setup(t)
	f.files()
	f.create("box", "true")
	gone := errors.New("gone")
	opt := archiveOptions{Name: "box", Path: "/dir", Out: failingWriter{gone}}
	if err := f.Archive(t.Context(), opt); !errors.Is(err, gone) {
		t.Errorf("a reader that left: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	opt.Out = io.Discard
	if err := f.Archive(ctx, opt); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
	f.released()
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// TestArchive_Removing: what is being removed has no files any more.
func TestArchive_Removing(t *testing.T) {
	f := setup(t)
	f.files()
	f.create("box", "true")
	f.images.failRm = errdefs.Internal("busy")
	if err := f.eng.Job("rm", "box").Run(); err == nil {
		t.Fatal("rm did not fail")
	}
	for _, job := range []*engine.Job{
		f.eng.Job("container_archive", "box", "/file"), f.eng.Job("container_archive_stat", "box", "/file"),
		f.eng.Job("container_copy", "box", "/file"), f.put("box", "/", nil), f.eng.Job("commit", "box"),
	} {
		f.fails(errdefs.KindConflict, job)
	}
	f.images.failRm = nil
	f.released()
}

// put is a job that unpacks an archive.
func (f *fixture) put(box, dir string, archive []byte) *engine.Job {
	f.t.Helper()
	job := f.eng.Job("container_archive_put", box, dir)
	if err := job.Stdin.Add(bytes.NewReader(archive)); err != nil {
		f.t.Fatal(err)
	}
	return job
}

func readOnly(_ *runconfig.Config, h *runconfig.HostConfig) { h.ReadonlyRootfs = true }
