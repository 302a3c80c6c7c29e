package rewrite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Sys().(*syscall.Stat_t).Ino
}

func TestInPlaceKeepsTheInode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, text := range []string{"a longer first text\n", "short\n", "", "longer again, than before\n"} {
		if _, err := os.Stat(path); err != nil {
			if err := os.WriteFile(path, []byte("start\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		before := inode(t, path)
		if err := InPlace(path, func([]byte) []byte { return []byte(text) }); err != nil {
			t.Fatal(err)
		}
		got, _ := os.ReadFile(path)
		if string(got) != text || inode(t, path) != before {
			t.Errorf("got %q, inode kept %v", got, inode(t, path) == before)
		}
	}
}

func TestInPlaceRefuses(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, bytes.Repeat([]byte("x"), MaxSize+1), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(big, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{big, link, filepath.Join(dir, "missing")} {
		called := false
		if err := InPlace(path, func(b []byte) []byte { called = true; return b }); err == nil || called {
			t.Errorf("%s: err %v, change called %v", path, err, called)
		}
	}
}

func TestInPlaceLosesNoConcurrentChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := InPlace(path, func(b []byte) []byte { return fmt.Appendf(b, "%d\n", i) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, _ := os.ReadFile(path)
	if n := bytes.Count(got, []byte("\n")); n != 20 {
		t.Errorf("%d of 20 changes survived", n)
	}
}
