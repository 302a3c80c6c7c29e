package volumes

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := New(filepath.Join(t.TempDir(), "volumes"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAcquireReleaseRemove(t *testing.T) {
	s := open(t)
	path, _, err := s.Acquire("data", "c1", Spec{})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		t.Fatalf("stat: %v", err)
	}
	if _, _, err := s.Acquire("data", "c2", Spec{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove("data"); !errdefs.IsConflict(err) {
		t.Fatalf("removing one in use: %v", err)
	}
	s.Release("data", "c1")
	s.Release("data", "c2")
	if err := s.Remove("data"); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove("data"); !errdefs.IsNotFound(err) {
		t.Fatalf("removing twice: %v", err)
	}
	if list := s.List(); len(list) != 0 {
		t.Fatalf("List = %v", list)
	}
}

func TestNames(t *testing.T) {
	for _, bad := range []string{"", "a", "../x", "a/b", ".hidden", "-x"} {
		if err := CheckName(bad); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("CheckName(%q) = %v", bad, err)
		}
	}
	if err := CheckName(NewName()); err != nil {
		t.Error(err)
	}
}

func TestFillCopiesOnce(t *testing.T) {
	s := open(t)
	path, _, err := s.Acquire("v1", "c1", Spec{})
	if err != nil {
		t.Fatal(err)
	}
	src := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(src, "dir/sub"), 0o750))
	must(os.WriteFile(filepath.Join(src, "dir/file"), []byte("hello"), 0o640))
	must(os.Link(filepath.Join(src, "dir/file"), filepath.Join(src, "hard")))
	must(os.Symlink("/etc/passwd", filepath.Join(src, "link")))
	must(os.Chmod(src, 0o777|os.ModeSticky))
	must(s.Fill("v1", src))
	if b, err := os.ReadFile(filepath.Join(path, "dir/file")); err != nil || string(b) != "hello" {
		t.Fatalf("%q, %v", b, err)
	}
	a, _ := os.Stat(filepath.Join(path, "hard"))
	b, _ := os.Stat(filepath.Join(path, "dir/file"))
	if !os.SameFile(a, b) || a.Mode().Perm() != 0o640 {
		t.Error("the hard link or the mode is lost")
	}
	if to, err := os.Readlink(filepath.Join(path, "link")); err != nil || to != "/etc/passwd" {
		t.Errorf("link: %q, %v", to, err)
	}
	if info, _ := os.Stat(path); info.Mode()&os.ModeSticky == 0 || info.Mode().Perm() != 0o777 {
		t.Errorf("mode of the volume: %v", info.Mode())
	}
	must(os.WriteFile(filepath.Join(src, "second"), nil, 0o600))
	must(s.Fill("v1", src))
	if _, err := os.Stat(filepath.Join(path, "second")); err == nil {
		t.Error("a volume with content was filled again")
	}
}

func TestConcurrentUse(t *testing.T) {
	s := open(t)
	var wg sync.WaitGroup
	for _, user := range []string{"a", "b", "c", "d"} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 25 {
				path, _, err := s.Acquire("shared", user, Spec{})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Stat(path); err != nil {
					t.Errorf("acquired, but gone: %v", err)
				}
				s.Release("shared", user)
				s.Remove("shared")
			}
		}()
	}
	wg.Wait()
}
