package client

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestUnpackLocal_Hostile: whatever a daemon sends, nothing outside of the
// destination is written, linked or changed.
func TestUnpackLocal_Hostile(t *testing.T) {
	up := strings.Repeat("../", 20)
	for name, list := range map[string]func(outside string) []*tar.Header{
		"dots":       func(string) []*tar.Header { return []*tar.Header{tarDir("d/"), tarFile("d/../../victim")} },
		"first dots": func(string) []*tar.Header { return []*tar.Header{tarFile("../victim"), tarFile("../victim/../victim")} },
		"absolute":   func(o string) []*tar.Header { return []*tar.Header{tarDir("d/"), tarFile(o + "/victim")} },
		"link": func(o string) []*tar.Header {
			return []*tar.Header{tarDir("d/"), tarLink("d/l", o), tarFile("d/l/victim")}
		},
		"relative link": func(string) []*tar.Header {
			return []*tar.Header{tarDir("d/"), tarLink("d/l", "../.."), tarFile("d/l/victim")}
		},
		"two links": func(string) []*tar.Header {
			return []*tar.Header{tarDir("d/"), tarLink("d/a", "b"), tarLink("d/b", "../.."), tarFile("d/a/victim")}
		},
		"link to file":   func(o string) []*tar.Header { return []*tar.Header{tarLink("d", o+"/victim"), tarFile("d")} },
		"root is a link": func(o string) []*tar.Header { return []*tar.Header{tarLink("d", o), tarFile("d/victim")} },
		"directory link": func(o string) []*tar.Header { return []*tar.Header{tarLink("d", o), tarDir("d/"), tarDir("d/new/")} },
		"hard link": func(o string) []*tar.Header {
			return []*tar.Header{tarDir("d/"), tarHard("d/h", o+"/victim"), tarFile("d/h")}
		},
		"hard dots": func(o string) []*tar.Header { return []*tar.Header{tarDir("d/"), tarHard("d/h", up+o[1:]+"/victim")} },
		"hard by link": func(o string) []*tar.Header {
			return []*tar.Header{tarDir("d/"), tarLink("d/l", o), tarHard("d/h", "d/l/victim")}
		},
		"fifo": func(string) []*tar.Header {
			return []*tar.Header{tarDir("d/"), {Name: "d/../../fifo", Typeflag: tar.TypeFifo}}
		},
		"fifo by link": func(o string) []*tar.Header {
			return []*tar.Header{tarDir("d/"), tarLink("d/l", o), {Name: "d/l/fifo", Typeflag: tar.TypeFifo}}
		},
		"mode by link": func(o string) []*tar.Header { return []*tar.Header{tarDir("d/"), tarDir("d/x/"), tarLink("d/x", o)} },
		"device": func(string) []*tar.Header {
			return []*tar.Header{tarDir("d/"), {Name: "d/dev", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 1}}
		},
		"nothing":       func(string) []*tar.Header { return []*tar.Header{tarFile("")} },
		"not the first": func(string) []*tar.Header { return []*tar.Header{tarFile("d"), tarFile("other/../../victim")} },
	} {
		for _, as := range []string{"name", "."} {
			t.Run(name+" as "+as, func(t *testing.T) {
				outer := t.TempDir()
				dst := filepath.Join(outer, "dst")
				victim := filepath.Join(outer, "victim")
				if err := errors.Join(os.Mkdir(dst, 0o755), os.WriteFile(victim, []byte("untouched"), 0o600), os.Chmod(outer, 0o710)); err != nil {
					t.Fatal(err)
				}
				_, _ = unpackLocal(context.Background(), bytes.NewReader(tarOf(t, list(outer)...)), dst, as, true)
				if left, err := os.ReadDir(outer); err != nil || len(left) != 2 {
					t.Errorf("outside there is %v, %v", left, err)
				}
				info, err := os.Stat(victim)
				text, _ := os.ReadFile(victim)
				if err != nil || string(text) != "untouched" || info.Mode() != 0o600 {
					t.Errorf("the file outside: %q, %v, %v", text, info, err)
				}
				if info, err := os.Stat(outer); err != nil || info.Mode().Perm() != 0o710 {
					t.Errorf("the directory outside: %v, %v", info.Mode(), err)
				}
				if info, err := os.Lstat(filepath.Join(dst, as, "dev")); err == nil {
					t.Errorf("a device was made: %v", info.Mode())
				}
			})
		}
	}
}

func TestUnpackLocal_Modes(t *testing.T) {
	dst := t.TempDir()
	list := []*tar.Header{
		{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o500}, {Name: "d/f", Typeflag: tar.TypeReg, Mode: 0o4711}, tarHard("d/h", "d/f"),
		{Name: "d/sticky/", Typeflag: tar.TypeDir, Mode: 0o1777}, tarLink("d/l", "/anywhere"), {Name: "d/fifo", Typeflag: tar.TypeFifo, Mode: 0o640},
		tarFile("d/implied/x"), {Name: "d/f2", Typeflag: tar.TypeReg, Mode: 0o640, Uid: 4321, Gid: 1234},
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dst, "as"), 0o700) }) // so that it can be removed
	size, err := unpackLocal(context.Background(), bytes.NewReader(tarOf(t, list...)), dst, "as", false)
	if err != nil || size != 12 {
		t.Fatal(size, err)
	}
	for name, want := range map[string]fs.FileMode{
		"as": fs.ModeDir | 0o500, "as/f": fs.ModeSetuid | 0o711, "as/sticky": fs.ModeDir | fs.ModeSticky | 0o777,
		"as/fifo": fs.ModeNamedPipe | 0o640, "as/implied": fs.ModeDir | 0o755, "as/f2": 0o640,
	} {
		info, err := os.Lstat(filepath.Join(dst, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, info, err, want)
			continue
		}
		if name != "as/implied" && name != "as/fifo" && info.ModTime().Unix() != 1400000000 {
			t.Errorf("%s has the time %v", name, info.ModTime())
		}
		if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != os.Getuid() || int(st.Gid) != os.Getgid() {
			t.Errorf("%s belongs to %d:%d", name, st.Uid, st.Gid)
		}
	}
	a, _ := os.Stat(filepath.Join(dst, "as/f"))
	b, err := os.Stat(filepath.Join(dst, "as/h"))
	if err != nil || !os.SameFile(a, b) {
		t.Errorf("the hard link: %v", err)
	}
}

// TestPackLocal_Unpack: what is sent to a daemon comes back the same.
func TestPackLocal_Unpack(t *testing.T) {
	from := localFiles(t)
	if err := os.Link(filepath.Join(from, "file"), filepath.Join(from, "dir/other name")); err != nil {
		t.Fatal(err)
	}
	for as, want := range map[string]string{"name": "name/ ", ".": ""} {
		var b bytes.Buffer
		if size, err := packLocal(context.Background(), &b, from, as); err != nil || size != 6 {
			t.Fatal(size, err)
		}
		to := t.TempDir()
		if _, err := unpackLocal(context.Background(), &b, to, as, false); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.ReplaceAll(tree(t, to), "name/", ""), strings.ReplaceAll(want+tree(t, from), "name/", ""); got != want {
			t.Errorf("as %s: %q, want %q", as, got, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := packLocal(ctx, &bytes.Buffer{}, from, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
	if _, err := unpackLocal(ctx, strings.NewReader(""), t.TempDir(), "x", false); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
}

func FuzzUnpackLocal(f *testing.F) {
	f.Add(tarOf(f, tarDir("d/"), tarLink("d/l", "../.."), tarFile("d/l/x")), "as")
	f.Add(tarOf(f, tarFile("../x"), tarHard("../y", "../x")), ".")
	f.Fuzz(func(t *testing.T, data []byte, as string) {
		if as == "" || as != filepath.Base(as) {
			return // what settle gives is one element
		}
		outer := t.TempDir()
		dst := filepath.Join(outer, "dst")
		if err := os.Mkdir(dst, 0o755); err != nil {
			t.Fatal(err)
		}
		_, _ = unpackLocal(context.Background(), bytes.NewReader(data), dst, as, false)
		if left, err := os.ReadDir(outer); err != nil || len(left) != 1 {
			t.Errorf("outside there is %v, %v", left, err)
		}
	})
}

func FuzzCpPaths(f *testing.F) {
	for _, arg := range []string{"box:/a", "./a:b", "/a:b", "a", ":", "box:", "a:b:c", "..", ".", "a/.", "a//./", "-"} {
		f.Add(arg, arg, true, true)
	}
	f.Fuzz(func(t *testing.T, arg, dst string, srcDir, exists bool) {
		container, file := splitCpArg(arg)
		if container != "" && container+":"+file != arg || container == "" && file != arg && ":"+file != arg {
			t.Errorf("%q became %q and %q", arg, container, file)
		}
		for _, split := range []func(string) (string, string){splitRemote, splitLocal} {
			dir, name, err := settle(sourceName(file, filepath.Clean("/"+file)), srcDir, place{path: "/" + dst, exists: exists, dir: srcDir}, split)
			if err != nil {
				continue
			}
			if name == "" || name == ".." || strings.Contains(name, "/") && name != "/" || !strings.HasPrefix(dir, "/") {
				t.Errorf("%q to %q goes into %q as %q", arg, dst, dir, name)
			}
		}
	})
}
