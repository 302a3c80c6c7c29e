package run

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzInside: no source leads out of the directory that it is taken from.
func FuzzInside(f *testing.F) {
	for _, seed := range []string{"", "a", "/a/../..", "out", "out/passwd", "up/up/etc", "loop/x", "a\x00b", "dir/../../x", strings.Repeat("../", 50) + "etc"} {
		f.Add(seed)
	}
	from := f.TempDir()
	for name, target := range map[string]string{"out": "/etc", "up": "..", "loop": "loop", "dir": "./a"} {
		if err := os.Symlink(target, filepath.Join(from, name)); err != nil {
			f.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(from, "a"), nil, 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source string) {
		got, _, err := inside(&Mount{Type: Bind, From: from, Source: source, Target: "/t"})
		if err == nil && got != from && !strings.HasPrefix(got, from+"/") {
			t.Errorf("%q leads to %s", source, got)
		}
	})
}

// FuzzSettle: what passes has a target that is clean, absolute and not the root.
func FuzzSettle(f *testing.F) {
	for _, seed := range []string{"", "/", ".", "..", "/x", "x", "//x/", "/x/..", "a/../../b"} {
		f.Add(Tmpfs, seed, "", "")
		f.Add(Secret, seed, "id/../x", "ENV")
	}
	f.Fuzz(func(t *testing.T, kind, target, id, env string) {
		p, m := &prepared{}, Mount{Type: kind, Target: target, ID: id, Env: env}
		if p.settle(&m, &Request{}) != nil || m.Target == "" && kind == Secret && env != "" {
			return
		}
		if !path.IsAbs(m.Target) || path.Clean(m.Target) != m.Target || m.Target == "/" {
			t.Errorf("%q became %q", target, m.Target)
		}
	})
}
