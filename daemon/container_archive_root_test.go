package daemon

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/testutil"
	"github.com/enginejobs/docker/runconfig"
)

// namesIn lists an archive.
func namesIn(t *testing.T, data string) string {
	t.Helper()
	var names []string
	for r := tar.NewReader(strings.NewReader(data)); ; {
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

// layer makes the files of the fixture's containers.
func (f *fixture) layer() {
	f.t.Helper()
	for _, dir := range []string{"dir/sub", "etc"} {
		if err := os.MkdirAll(filepath.Join(f.images.dir, dir), 0o755); err != nil {
			f.t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"dir/file": "12345", "etc/passwd": "me:x:7:8::/:/bin/sh\n", "etc/group": "us:x:9:\n"} {
		if err := os.WriteFile(filepath.Join(f.images.dir, name), []byte(text), 0o640); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := os.Symlink("dir", filepath.Join(f.images.dir, "link")); err != nil {
		f.t.Fatal(err)
	}
}

func TestContainerArchive(t *testing.T) {
	testutil.RequiresRoot(t)
	f := setup(t)
	f.layer()
	f.create("box", "true")
	f.events.take()
	for path, want := range map[string]string{
		"/dir": "dir/ dir/file dir/sub/", "dir/": "dir/ dir/file dir/sub/", "/dir/.": "./ ./file ./sub/", "/dir/file": "file",
		"/link": "link", "/link/": "link/ link/file link/sub/", "/link/file": "file",
	} {
		if got := namesIn(t, f.run("container_archive", "box", path)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	out, err := env(f.eng.Job("container_archive", "box", "/dir/file"), "stat", "1").Output()
	line, data, ok := bytes.Cut(out, []byte("\n"))
	var stat api.PathStat
	if err != nil || !ok || json.Unmarshal(line, &stat) != nil || stat.Name != "file" || stat.Size != 5 || namesIn(t, string(data)) != "file" {
		t.Errorf("%v: %s", err, line)
	}
	f.fails(errdefs.KindNotFound, f.eng.Job("container_archive", "nobody", "/"))
	f.fails(errdefs.KindNotFound, f.eng.Job("container_archive", "box", "/nowhere"))
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("container_archive", "box", ""))
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("container_archive", "box", "/dir/file/"))
	if f.images.mounts != 0 {
		t.Errorf("%d layers are still mounted", f.images.mounts)
	}
	if ev := f.events.take(); !strings.HasPrefix(ev, "archive-path archive-path") || strings.Count(ev, " ") != 7 {
		t.Errorf("events %q", ev)
	}
}

func TestContainerArchiveStat(t *testing.T) {
	testutil.RequiresRoot(t)
	f := setup(t)
	f.layer()
	f.create("box", "true")
	f.events.take()
	var stat api.PathStat
	if err := f.eng.Job("container_archive_stat", "box", "/link").OutputJSON(&stat); err != nil {
		t.Fatal(err)
	}
	if stat.Name != "link" || stat.LinkTarget != "/dir" || stat.Mode&fs.ModeSymlink == 0 {
		t.Errorf("%+v", stat)
	}
	f.fails(errdefs.KindNotFound, f.eng.Job("container_archive_stat", "box", "/nowhere"))
	if ev := f.events.take(); ev != "" || f.images.mounts != 0 {
		t.Errorf("events %q, %d mounts", ev, f.images.mounts)
	}
}

func TestContainerCopy(t *testing.T) {
	testutil.RequiresRoot(t)
	f := setup(t)
	f.layer()
	f.create("box", "true")
	f.events.take()
	for path, want := range map[string]string{"/dir": "dir/ dir/file dir/sub/", "dir/file": "file", "/link": "link"} {
		if got := namesIn(t, f.run("container_copy", "box", path)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("container_copy", "box", ""))
	if ev := f.events.take(); ev != "copy copy copy" || f.images.mounts != 0 {
		t.Errorf("events %q, %d mounts", ev, f.images.mounts)
	}
}

func TestContainerArchivePut(t *testing.T) {
	testutil.RequiresRoot(t)
	f := setup(t)
	f.layer()
	f.create("box", "true", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.User = "me:us" })
	f.create("root", "true")
	f.create("ro", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.ReadonlyRootfs = true })
	f.events.take()
	put := func(box, path string, h tar.Header, more ...string) error {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		h.Mode = 0o755
		if err := errors.Join(w.WriteHeader(&h), w.Close()); err != nil {
			t.Fatal(err)
		}
		job := env(f.eng.Job("container_archive_put", box, path), more...)
		if err := job.Stdin.Add(&b); err != nil {
			t.Fatal(err)
		}
		return job.Run()
	}
	file := tar.Header{Name: "new", Typeflag: tar.TypeReg, Uid: 5, Gid: 6}
	for _, c := range []struct {
		box, path string
		more      []string
		uid, gid  uint32
	}{
		{"box", "/dir", nil, 5, 6},
		{"box", "/link", []string{"copyUIDGID", "1"}, 7, 9},
		{"root", "/link/", []string{"copyUIDGID", "1"}, 5, 6},
	} {
		if err := put(c.box, c.path, file, c.more...); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		info, err := os.Lstat(filepath.Join(f.images.dir, "dir/new"))
		if err != nil {
			t.Fatal(err)
		}
		if uid, gid := owner(info); uid != c.uid || gid != c.gid {
			t.Errorf("%+v: belongs to %d:%d", c, uid, gid)
		}
	}
	if ev := f.events.take(); ev != "extract-to-dir extract-to-dir extract-to-dir" {
		t.Errorf("events %q", ev)
	}
	keep := []string{"noOverwriteDirNonDir", "1"}
	for _, c := range []struct {
		box, path string
		h         tar.Header
		more      []string
		kind      errdefs.Kind
	}{
		{"nobody", "/", file, nil, errdefs.KindNotFound},
		{"box", "", file, nil, errdefs.KindInvalidArgument},
		{"box", "/nowhere", file, nil, errdefs.KindNotFound},
		{"box", "/dir/file", file, nil, errdefs.KindInvalidArgument},
		{"ro", "/", file, nil, errdefs.KindForbidden},
		{"box", "/", tar.Header{Name: "dir", Typeflag: tar.TypeReg}, keep, errdefs.KindInvalidArgument},
		{"box", "/dir", tar.Header{Name: "file", Typeflag: tar.TypeDir}, keep, errdefs.KindInvalidArgument},
		{"box", "/", tar.Header{Name: "../x", Typeflag: tar.TypeReg}, nil, errdefs.KindInvalidArgument},
	} {
		if err := put(c.box, c.path, c.h, c.more...); !errdefs.Is(err, c.kind) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if f.images.mounts != 0 {
		t.Errorf("%d layers are still mounted", f.images.mounts)
	}
}

func owner(info fs.FileInfo) (uid, gid uint32) {
	st := info.Sys().(*syscall.Stat_t)
	return st.Uid, st.Gid
}
