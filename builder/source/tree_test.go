package source

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// at is when all files of these tests were changed.
var at = time.Unix(1_400_000_000, 0)

// sample is a tree of everything that needs no privilege. A name with a slash at
// its end is a directory; text that begins with "->" is a link, with "=" another
// name.
func sample() [][2]string {
	return [][2]string{
		{"a/", ""}, {"a/b/", ""}, {"a/b/c.txt", "see"}, {"a/b/d.go", "package d"}, {"a/e.txt", "e"}, {"a/same", "=a/e.txt"},
		{"abs", "->/a/b"}, {"rel", "->a/b"}, {"up", "->../../../a"}, {"chain", "->rel"}, {"loop", "->loop2"}, {"loop2", "->loop"},
		{"dangling", "->nothing/here"}, {"a/b/back", "->.."}, {"host", "->/etc"}, {"passwd", "->/../../etc/passwd"}, {"a/b/root", "->/"},
		{"[x]", "brackets"}, {"sp ace", ""}, {"empty/", ""}, {"ü/", ""}, {"ü/ö", "umlauts"},
	}
}

// packed is the sample as an archive.
func packed(t testing.TB, files [][2]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f[0], Mode: 0o644, ModTime: at, Uid: os.Getuid(), Gid: os.Getgid(), Format: tar.FormatPAX}
		var text string
		switch {
		case strings.HasSuffix(f[0], "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		case strings.HasPrefix(f[1], "->"):
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f[1][2:], 0o777
		case strings.HasPrefix(f[1], "="):
			h.Typeflag, h.Linkname = tar.TypeLink, f[1][1:]
		default:
			text = f[1]
			h.Typeflag, h.Size = tar.TypeReg, int64(len(text))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// onDisk is the sample as a directory.
func onDisk(t testing.TB, files [][2]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		name, err := filepath.Join(dir, f[0]), error(nil)
		switch {
		case strings.HasSuffix(f[0], "/"):
			err = os.MkdirAll(name, 0o755)
		case strings.HasPrefix(f[1], "->"):
			err = os.Symlink(f[1][2:], name)
		case strings.HasPrefix(f[1], "="):
			err = os.Link(filepath.Join(dir, f[1][1:]), name)
		default:
			err = os.WriteFile(name, []byte(f[1]), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		if !strings.HasPrefix(f[1], "->") {
			if err := os.Chtimes(filepath.Join(dir, f[0]), at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// kinds are the implementations of Tree.
func kinds(t *testing.T, files [][2]string) map[string]Tree {
	t.Helper()
	a, err := Spool(t.Context(), t.TempDir(), bytes.NewReader(packed(t, files)), SpoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d := Dir(onDisk(t, files))
	t.Cleanup(func() {
		if err := errors.Join(a.Close(), d.Close()); err != nil {
			t.Error(err)
		}
	})
	return map[string]Tree{"Archive": a, "Dir": d}
}

func read(t *testing.T, tree Tree, e Entry) string {
	t.Helper()
	r, err := tree.Open(t.Context(), e)
	if err != nil {
		t.Fatalf("opening %s: %v", e.Path, err)
	}
	text, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatalf("reading %s: %v", e.Path, err)
	}
	return string(text)
}

// TestTree is the contract of all trees.
func TestTree(t *testing.T) {
	for kind, tree := range kinds(t, sample()) {
		t.Run(kind, func(t *testing.T) {
			for _, c := range []struct {
				name   string
				follow bool
				want   string // path; "!" for what does not exist
			}{
				{"a/b/c.txt", true, "a/b/c.txt"}, {"/a//b/./c.txt", true, "a/b/c.txt"}, {"a/b/", true, "a/b"}, {"", true, "."}, {"/", true, "."}, {"..", true, "."},
				{"../../a", true, "a"}, {"a/../../a/e.txt", true, "a/e.txt"}, {"abs", true, "a/b"}, {"abs", false, "abs"}, {"abs/c.txt", false, "a/b/c.txt"},
				{"rel/d.go", true, "a/b/d.go"}, {"up/e.txt", true, "a/e.txt"}, {"chain/c.txt", true, "a/b/c.txt"}, {"chain", true, "a/b"}, {"chain/..", true, "a"},
				{"a/b/back/e.txt", true, "a/e.txt"}, {"a/b/root/a/b/root/a", true, "a"}, {"dangling", true, "!"}, {"dangling", false, "dangling"},
				{"host/passwd", true, "!"}, {"passwd", true, "!"}, {"none", true, "!"}, {"a/e.txt/x", true, "!"}, {"a/e.txt/..", true, "a"}, {"[x]", true, "[x]"}, {"ü/ö", true, "ü/ö"},
				{strings.Repeat("x", 300), true, "!"}, {strings.Repeat("a/b/back/b/../", 200), true, "!?"},
			} {
				e, err := Lookup(tree, c.name, c.follow)
				switch {
				case c.want == "!" && !errors.Is(err, fs.ErrNotExist):
					t.Errorf("%q: %+v, %v", c.name, e, err)
				case c.want == "!?" && err == nil && e.Path != "a":
					t.Errorf("%q: %+v", c.name, e)
				case c.want[0] != '!' && (err != nil || e.Path != c.want):
					t.Errorf("%q is %q, %v; want %q", c.name, e.Path, err, c.want)
				}
			}
			for _, name := range []string{"loop", "loop/x"} {
				if _, err := Lookup(tree, name, true); !errors.Is(err, ErrLoop) {
					t.Errorf("%s: %v", name, err)
				}
			}
			for _, name := range []string{"abs/c.txt", "host/passwd", "rel/d.go", "a/e.txt/x", "../" + strings.Repeat("../", 30) + "etc/passwd", "a/b/root/etc"} {
				if e, err := tree.Lstat(name); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, os.ErrPermission) && err == nil {
					t.Errorf("Lstat(%q) goes through a link or out: %+v", name, e)
				}
				if _, err := tree.Open(t.Context(), Entry{Path: name, Type: tar.TypeReg, Size: 1}); err == nil {
					t.Errorf("Open(%q) goes through a link or out", name)
				}
				if _, err := tree.Children(name); err == nil {
					t.Errorf("Children(%q) goes through a link or out", name)
				}
			}
		})
	}
}

func TestTree_Entries(t *testing.T) {
	for kind, tree := range kinds(t, sample()) {
		t.Run(kind, func(t *testing.T) {
			e, err := tree.Lstat("a/b/c.txt")
			if err != nil || e.Type != tar.TypeReg || e.Mode != 0o644 || e.Size != 3 || !e.ModTime.Equal(at) || e.UID != os.Getuid() || e.GID != os.Getgid() || e.Inode != "" || e.Base() != "c.txt" {
				t.Errorf("%+v, %v", e, err)
			}
			if text := read(t, tree, e); text != "see" {
				t.Errorf("%q", text)
			}
			first, err := tree.Lstat("a/e.txt")
			second, err2 := tree.Lstat("a/same")
			if err != nil || err2 != nil || first.Inode == "" || first.Inode != second.Inode || second.Size != 1 || read(t, tree, second) != "e" {
				t.Errorf("%+v %v, %+v %v", first, err, second, err2)
			}
			if e, err := tree.Lstat("abs"); err != nil || e.Type != tar.TypeSymlink || e.Link != "/a/b" || e.Size != 0 {
				t.Errorf("%+v, %v", e, err)
			}
			for _, name := range []string{"a", "abs", "none"} {
				if _, err := tree.Open(t.Context(), Entry{Path: name, Type: tar.TypeReg}); err == nil {
					t.Errorf("%s opens", name)
				}
			}
			var paths []string
			list, err := tree.Children("a/b")
			for _, e := range list {
				paths = append(paths, e.Path)
			}
			if want := []string{"a/b/back", "a/b/c.txt", "a/b/d.go", "a/b/root"}; err != nil || !slices.Equal(paths, want) {
				t.Errorf("%q, %v", paths, err)
			}
			if list, err := tree.Children("empty"); err != nil || len(list) != 0 {
				t.Errorf("%v, %v", list, err)
			}
			for _, name := range []string{"a/e.txt", "abs", "none"} {
				if _, err := tree.Children(name); err == nil {
					t.Errorf("%s has children", name)
				}
			}
		})
	}
}

func TestWalk(t *testing.T) {
	for kind, tree := range kinds(t, sample()) {
		root, err := tree.Lstat(".")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = Walk(t.Context(), tree, root, func(e Entry) error {
			got = append(got, e.Path)
			if e.Path == "a/b" {
				return fs.SkipDir
			}
			return nil
		})
		if want := []string{".", "[x]", "a", "a/b", "a/e.txt", "a/same", "abs", "chain", "dangling", "empty", "host", "loop", "loop2", "passwd", "rel", "sp ace", "up", "ü", "ü/ö"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", kind, got, err)
		}
		enough := errors.New("enough")
		if err := Walk(t.Context(), tree, root, func(Entry) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("%s: %v", kind, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Walk(ctx, tree, root, func(Entry) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", kind, err)
		}
		e, err := tree.Lstat("a/b/c.txt")
		if err != nil {
			t.Fatal(err)
		}
		if r, err := tree.Open(ctx, e); err == nil {
			if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: reads on: %v", kind, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestMatch(t *testing.T) {
	for kind, tree := range kinds(t, sample()) {
		for pattern, want := range map[string]string{
			"a/*.txt": "a/e.txt", "a/*": "a/b a/e.txt a/same", "*/*.txt": "a/e.txt", "a/?/*": "a/b/back a/b/c.txt a/b/d.go a/b/root", "/a/[a-c]/c*": "a/b/c.txt",
			`\[x\]`: "[x]", "nothing*": "", "e*": "empty", "rel/*.go": "a/b/d.go", "**/*.go": "a/b/d.go", "a/**": "a/b a/b/back a/b/c.txt a/b/d.go a/b/root a/e.txt a/same",
			"**/**/c.txt": "a/b/c.txt", "dangling/*": "", "loop/*": "", "**/root/*/b/c.txt": "", "*/b/root/*": "", "none/*": "", "a/e.txt/*": "", "..//a/*.txt": "a/e.txt", "rel": "rel", "chain/c.txt": "a/b/c.txt", "**/**/**/**/*.txt": "a/e.txt a/b/c.txt", "host/*": "", "ü/?": "ü/ö",
		} {
			list, err := Match(t.Context(), tree, pattern)
			var got []string
			for _, e := range list {
				got = append(got, e.Path)
			}
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s: %s is %q, %v; want %q", kind, pattern, got, err, want)
			}
		}
		for _, pattern := range []string{"[", "a/[b", `x\`, "a/[]"} {
			if list, err := Match(t.Context(), tree, pattern); !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Errorf("%s: %q: %v, %v", kind, pattern, list, err)
			}
		}
	}
	for pattern, want := range map[string]bool{"a": false, "a*": true, `a\*`: false, "a?": true, "[": true, `\`: false} {
		if HasMeta(pattern) != want {
			t.Errorf("%q", pattern)
		}
	}
}

// TestTree_Together: what many goroutines do at once with one tree.
func TestTree_Together(t *testing.T) {
	for kind, tree := range kinds(t, sample()) {
		done := make(chan error)
		const users = 8
		for range users {
			go func() {
				root, err := tree.Lstat(".")
				if err == nil {
					err = Walk(t.Context(), tree, root, func(e Entry) error {
						_, err := tree.Sum(t.Context(), e)
						return err
					})
				}
				done <- err
			}()
		}
		for range users {
			if err := <-done; err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
}
