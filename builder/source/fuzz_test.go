package source

import (
	"archive/tar"
	"bytes"
	"io"
	"path"
	"strings"
	"testing"
)

// FuzzSpool: whatever an archive says, its tree holds together: clean paths inside
// of the root, files as long as they say, links that stay inside, and checksums.
func FuzzSpool(f *testing.F) {
	f.Add(packed(f, sample()))
	f.Add(packed(f, [][2]string{{"a", "->../../etc"}, {"b", "x"}, {"b", "=a"}, {"c/d/e", "y"}, {"c", "z"}, {"./", ""}}))
	f.Add(packed(f, [][2]string{{"a", "one"}, {"b", "=a"}, {"a", "three"}, {"a/", ""}, {"a/b", "=b"}}))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Spool(t.Context(), dir, bytes.NewReader(data), SpoolOptions{MaxBytes: 8 << 20, MaxEntries: 10_000})
		if err != nil {
			return
		}
		defer a.Close()
		root, err := a.Lstat(".")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		err = Walk(t.Context(), a, root, func(e Entry) error {
			if e.Path != "." {
				found++
			}
			if path.Clean("/"+e.Path) != "/"+e.Path && e.Path != "." || strings.ContainsRune(e.Path, 0) {
				t.Errorf("path %q", e.Path)
			}
			if to, err := Lookup(a, e.Path, true); err == nil {
				if _, err := a.Lstat(to.Path); err != nil {
					t.Errorf("%q leads to %q: %v", e.Path, to.Path, err)
				}
			}
			if _, err := a.Sum(t.Context(), e); err != nil {
				t.Errorf("sum of %q: %v", e.Path, err)
			}
			if _, err := a.Xattrs(e); err != nil {
				t.Errorf("attributes of %q: %v", e.Path, err)
			}
			if e.Type != tar.TypeReg {
				return nil
			}
			r, err := a.Open(t.Context(), e)
			if err != nil {
				t.Errorf("%q: %v", e.Path, err)
				return nil
			}
			if n, err := io.Copy(io.Discard, r); err != nil || n != e.Size {
				t.Errorf("%q has %d bytes of %d: %v", e.Path, n, e.Size, err)
			}
			return nil
		})
		if err != nil || found != a.Len() {
			t.Errorf("%d of %d files: %v", found, a.Len(), err)
		}
	})
}

// FuzzMatch: patterns find what is there, once, and in finite time.
func FuzzMatch(f *testing.F) {
	for _, pattern := range []string{"a/*", "**/*.txt", "[a-", "../*", `\*`, "**/**/**/**"} {
		f.Add(pattern)
	}
	a, err := Spool(f.Context(), f.TempDir(), bytes.NewReader(packed(f, sample())), SpoolOptions{})
	if err != nil {
		f.Fatal(err)
	}
	defer a.Close()
	f.Fuzz(func(t *testing.T, pattern string) {
		list, err := Match(t.Context(), a, pattern)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, e := range list {
			if _, err := a.Lstat(e.Path); err != nil || seen[e.Path] {
				t.Errorf("%q finds %q, %v", pattern, e.Path, err)
			}
			seen[e.Path] = true
		}
	})
}
