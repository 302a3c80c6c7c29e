package daemon

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/containerfs"
	"github.com/enginejobs/docker/runconfig"
)

// archived makes an archive of the current user's; "name/" is a directory,
// "name>target" a link, others are files with their name in them.
func archived(t *testing.T, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(name)), Uid: os.Getuid(), Gid: os.Getgid()}
		name, target, isLink := strings.Cut(name, ">")
		switch {
		case isLink:
			h.Name, h.Linkname, h.Typeflag, h.Size = name, target, tar.TypeSymlink, 0
		case strings.HasSuffix(name, "/"):
			h.Typeflag, h.Size, h.Mode = tar.TypeDir, 0, 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(name)[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchivePut(t *testing.T) {
	f := setup(t)
	f.files()
	f.create("box", "true")
	f.events.take()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(archived(t, "zipped")); err != nil {
		t.Fatal(err)
	}
	z.Close()
	for _, c := range []struct {
		dir     string
		archive []byte
		made    string
	}{
		{"/", archived(t, "one"), "one"},
		{"/dir", archived(t, "d/", "d/two"), "dir/d/two"},
		{"dir/sub/", archived(t, "three"), "dir/sub/three"},
		{"/link", archived(t, "four"), "dir/four"},
		{"/out", archived(t, "five"), "five"},
		{"/dir", zipped.Bytes(), "dir/zipped"},
		{"/dir", archived(t, "to>/../../..", "to/six"), "six"}, // a link of the archive is followed inside only
	} {
		if err := f.put("box", c.dir, c.archive).Run(); err != nil {
			t.Errorf("%s: %v", c.dir, err)
		}
		if text, err := os.ReadFile(filepath.Join(f.images.dir, c.made)); err != nil || !strings.HasSuffix(string(text), filepath.Base(c.made)) {
			t.Errorf("%s: %q, %v", c.made, text, err)
		}
		if got := f.events.take(); got != "extract-to-dir" {
			t.Errorf("%s: events %q", c.dir, got)
		}
	}
	f.released()
}

func TestArchivePut_Errors(t *testing.T) {
	f := setup(t)
	f.files()
	f.create("box", "true")
	f.create("ro", "true", readOnly)
	f.events.take()
	good := archived(t, "new")
	for _, c := range []struct {
		box, dir, text string
		archive        []byte
		kind           errdefs.Kind
	}{
		{"nobody", "/", "No such container: nobody", good, errdefs.KindNotFound},
		{"box", "", "cannot be empty", good, errdefs.KindInvalidArgument},
		{"box", "/missing", "Could not find the file /missing in container box", good, errdefs.KindNotFound},
		{"box", "/dangling", "Could not find the file /dangling in container box", good, errdefs.KindNotFound},
		{"box", "/file", "extraction point is not a directory", good, errdefs.KindInvalidArgument},
		{"box", "/file/x", "extraction point is not a directory", good, errdefs.KindInvalidArgument},
		{"box", "/loop", "too many levels", good, errdefs.KindInvalidArgument},
		{"box", "/", "unpacking into container box", bytes.Repeat([]byte("no archive "), 100), errdefs.KindInvalidArgument},
		{"box", "/", "truncated", archived(t, strings.Repeat("n", 90))[:550], errdefs.KindInvalidArgument},
		{"box", "/", "leads out", archived(t, "../new"), errdefs.KindInvalidArgument},
		{"box", "/", "", []byte{0x1f, 0x8b, 8, 0}, errdefs.KindInvalidArgument},
		{"ro", "/", "container rootfs is marked read-only", good, errdefs.KindForbidden},
		{"ro", "/link", "container rootfs is marked read-only", good, errdefs.KindForbidden},
	} {
		if err := f.fails(c.kind, f.put(c.box, c.dir, c.archive)); !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s %q: %v, want %q", c.box, c.dir, err, c.text)
		}
	}
	if got := f.events.take(); got != "" {
		t.Errorf("events of what failed: %q", got)
	}
	if _, err := os.Lstat(filepath.Join(f.images.dir, "new")); err == nil {
		t.Error("what was refused has been unpacked")
	}
	// Kinds are kept when that is asked for.
	err := f.fails(errdefs.KindInvalidArgument, env(f.put("box", "/", archived(t, "dir")), "noOverwriteDirNonDir", "1"))
	if !strings.Contains(err.Error(), "cannot overwrite directory") {
		t.Error(err)
	}
	err = f.fails(errdefs.KindInvalidArgument, env(f.put("box", "/", archived(t, "file/")), "noOverwriteDirNonDir", "1"))
	if !strings.Contains(err.Error(), "cannot overwrite non-directory") {
		t.Error(err)
	}
	f.released()
}

func TestWritable(t *testing.T) {
	points := map[string]mountPoint{"/rw": {RW: true}, "/rw/ro": {}, "/ro": {}, "/ro/rw": {RW: true}}
	for _, readOnly := range []bool{false, true} {
		for name, want := range map[string]string{
			"/rw": "", "/rw/x": "", "/rw/ro": "volume", "/rw/ro/x": "volume", "/ro": "volume", "/ro/x/..": "volume",
			"/ro/rw": "", "/ro/rw/x": "", "/rox": "root", "/": "root", "": "root", "/x/../ro": "volume", "/ro/..": "root",
		} {
			err := writable(&runconfig.HostConfig{ReadonlyRootfs: readOnly}, points, name)
			text := map[string]string{"volume": "mounted volume is marked read-only", "root": "container rootfs is marked read-only"}[want]
			if want == "root" && !readOnly {
				text = ""
			}
			if (err == nil) != (text == "") || err != nil && err.Error() != text {
				t.Errorf("%q, read-only root %v: %v, want %q", name, readOnly, err, text)
			}
		}
	}
}

func TestOwnerOf(t *testing.T) {
	f := setup(t)
	f.files()
	view, err := containerfs.Stopped(f.images.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	for spec, want := range map[string]archive.Owner{
		"user": {UID: 1000, GID: 50}, "1000": {UID: 1000, GID: 50}, "user:7": {UID: 1000, GID: 7}, "user:wheel": {UID: 1000, GID: 77},
		"5": {UID: 5}, "5:6": {UID: 5, GID: 6}, "root": {}, ":wheel": {GID: 77}, "user:": {UID: 1000, GID: 50},
	} {
		got, err := ownerOf(view, spec)
		if err != nil || *got != want {
			t.Errorf("%s: %+v, %v; want %+v", spec, got, err, want)
		}
	}
	for spec, text := range map[string]string{"nobody": "unable to find user nobody", "user:nobody": "unable to find group nobody", "bad line": "unable to find user"} {
		if _, err := ownerOf(view, spec); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", spec, err)
		}
	}
	// A list that is a fifo or leads away is no trap.
	if err := os.Remove(filepath.Join(f.images.dir, "etc/passwd")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/../../../../../../etc/passwd", filepath.Join(f.images.dir, "etc/passwd")); err != nil {
		t.Fatal(err)
	}
	if _, err := ownerOf(view, "root"); err == nil {
		t.Error("the list of the host was read")
	}
}
