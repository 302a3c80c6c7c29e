//go:build linux

package volumes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/enginejobs/docker/pkg/testutil"
)

// TestMountsAreCounted follows a tmpfs from its first user to its last, and
// through the death of a daemon in between.
func TestMountsAreCounted(t *testing.T) {
	testutil.RequiresRoot(t)
	s := open(t)
	if _, _, err := s.Create("mem", Spec{Options: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=64k"}}); err != nil {
		t.Fatal(err)
	}
	path := s.Path("mem")
	t.Cleanup(func() { _ = s.detach("mem") })
	mount := func(s *Store, user string, want bool) {
		t.Helper()
		if first, err := s.Mount(t.Context(), "mem", user); err != nil || first != want {
			t.Fatalf("%s: first %v, %v", user, first, err)
		}
	}
	mount(s, "a", true)
	mount(s, "b", false)
	mount(s, "b", false)
	if err := os.WriteFile(filepath.Join(path, "x"), make([]byte, 128<<10), 0o600); err == nil {
		t.Error("the size does not count")
	}
	if last, err := s.Unmount("mem", "a"); err != nil || last || !isMountPoint(path) {
		t.Errorf("with b left: last %v, %v", last, err)
	}
	// The daemon dies. The next one hears of b alone, and keeps the mount.
	next, err := New(s.root)
	if err != nil {
		t.Fatal(err)
	}
	mount(next, "b", true)
	if err := next.Settle(); err != nil || !isMountPoint(path) {
		t.Errorf("settled: %v, mounted %v", err, isMountPoint(path))
	}
	// And the one after hears of nobody.
	if next, err = New(s.root); err != nil {
		t.Fatal(err)
	}
	if err := next.Settle(); err != nil || isMountPoint(path) {
		t.Errorf("settled: %v, mounted %v", err, isMountPoint(path))
	}
	mount(next, "c", true)
	if last, err := next.Unmount("mem", "c"); err != nil || !last || isMountPoint(path) {
		t.Errorf("last %v, %v, mounted %v", last, err, isMountPoint(path))
	}
}

func TestMountFails(t *testing.T) {
	testutil.RequiresRoot(t)
	s := open(t)
	if _, _, err := s.Create("bad", Spec{Options: map[string]string{"type": "none", "device": "/no/such", "o": "bind"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Mount(t.Context(), "bad", "a"); err == nil {
		t.Error("mounted what does not exist")
	}
	if last, err := s.Unmount("bad", "a"); err != nil || last {
		t.Errorf("%v, %v", last, err)
	}
	if err := s.Remove("bad"); err != nil {
		t.Error(err)
	}
}
