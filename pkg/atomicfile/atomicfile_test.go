package atomicfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/enginejobs/docker/pkg/atomicfile"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, text := range []string{"one", "another, longer one", ""} {
		if err := atomicfile.Write(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, serr := os.Stat(path)
		if err != nil || serr != nil || string(got) != text || info.Mode().Perm() != 0o640 {
			t.Errorf("%q, %v, %v, %v", got, info, err, serr)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// What cannot be put in its place leaves the old one, and nothing else.
func TestWrite_Fails(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "f", "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(filepath.Join(dir, "f"), []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced")
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if err := atomicfile.Write(filepath.Join(dir, "no", "f"), nil, 0o600); err == nil {
		t.Error("written where no directory is")
	}
}

func TestRemoveAndClean(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"f", ".new-123", "g"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := atomicfile.Remove(filepath.Join(dir, "f")); err != nil {
			t.Error(err)
		}
	}
	if err := atomicfile.Clean(dir); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 || list[0].Name() != "g" {
		t.Errorf("%v, %v", list, err)
	}
}
