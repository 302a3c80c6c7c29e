//go:build linux

package daemontest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// boxCommands are the names under which the image "box" has its program.
var boxCommands = [...]string{"echo", "cat", "sleep", "exit", "tick", "true", "false", "ignore-term", "sh"}

// Import makes an image of an archive (tar, also compressed) and returns its id.
func (d *Daemon) Import(t testing.TB, name string, archive io.Reader) string {
	t.Helper()
	job := d.Engine().Job("import", "-", name).SetContext(t.Context())
	if err := job.Stdin.Add(archive); err != nil {
		t.Fatal(err)
	}
	out, err := job.Output()
	if err != nil {
		t.Fatalf("importing the image %s: %v", name, err)
	}
	lines := strings.Fields(string(out))
	if len(lines) == 0 {
		t.Fatalf("importing the image %s: the job has not told its id", name)
	}
	return lines[len(lines)-1]
}

// ImportFiles makes an image of programs and other files of this machine: files
// maps the path in the image to the one here. Programs have to be static.
func (d *Daemon) ImportFiles(t testing.TB, name string, files map[string]string) string {
	t.Helper()
	contents := map[string][]byte{}
	for in, here := range files {
		text, err := os.ReadFile(here)
		if err != nil {
			t.Fatal(err)
		}
		contents[in] = text
	}
	var archive bytes.Buffer
	if err := writeRoot(&archive, contents, nil); err != nil {
		t.Fatal(err)
	}
	return d.Import(t, name, &archive)
}

// ImportBox makes the image "box": a root with the commands echo, cat, sleep,
// exit, tick, true, false, ignore-term and sh, as far as the fake exec driver
// understands them, for real and for fake containers.
func (d *Daemon) ImportBox(t testing.TB) string {
	t.Helper()
	files, names := map[string][]byte{}, map[string]string{}
	if d.native {
		prog, err := findPrograms("")
		if err != nil {
			t.Fatal(err)
		}
		if files["bin/box"], err = os.ReadFile(prog.box); err != nil {
			t.Fatal(err)
		}
		for _, name := range boxCommands {
			names["bin/"+name] = "box"
		}
	}
	var archive bytes.Buffer
	if err := writeRoot(&archive, files, names); err != nil {
		t.Fatal(err)
	}
	return d.Import(t, "box", &archive)
}

// writeRoot writes a root file system: the usual directories, files that can all
// be executed, symbolic links. Everything belongs to who runs the test, since
// nobody else may give files away.
func writeRoot(w io.Writer, files map[string][]byte, links map[string]string) error {
	out := tar.NewWriter(w)
	dirs := []string{"bin", "dev", "etc", "proc", "sys", "tmp"}
	for name := range files {
		for dir := path.Dir(clean(name)); dir != "."; dir = path.Dir(dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	uid, gid := os.Geteuid(), os.Getegid()
	for _, dir := range slices.Compact(dirs) {
		if err := out.WriteHeader(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755, Uid: uid, Gid: gid}); err != nil {
			return err
		}
	}
	for name, text := range files {
		h := &tar.Header{Name: clean(name), Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(text)), Uid: uid, Gid: gid}
		if err := out.WriteHeader(h); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
		if _, err := out.Write(text); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
	}
	for name, target := range links {
		if err := out.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Uid: uid, Gid: gid}); err != nil {
			return err
		}
	}
	return out.Close()
}

// clean makes a path of the archive of one of the image.
func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }
