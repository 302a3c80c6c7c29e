package netns_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

func TestNewIsEmptyAndHomeIsKept(t *testing.T) {
	testutil.RequiresRoot(t)
	before, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	ns, err := netns.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	err = netns.Do(ns, func() error {
		inside, err := net.Interfaces()
		for _, i := range inside {
			if i.Flags&net.FlagUp != 0 {
				t.Errorf("a fresh namespace has %s up", i.Name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	after, err := net.Interfaces()
	if err != nil || len(after) != len(before) {
		t.Errorf("the host namespace changed: %v, %v", after, err)
	}
}

func TestErrors(t *testing.T) {
	testutil.RequiresRoot(t)
	want := errors.New("no luck")
	if ns, err := netns.New(func() error { return want }); ns != nil || !errors.Is(err, want) {
		t.Errorf("failing setup: %v, %v", ns, err)
	}
	if _, err := netns.Open(filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing path: %v", err)
	}
	if _, err := netns.Open(t.TempDir()); err == nil {
		t.Error("a directory was opened as a namespace")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if err := netns.Do(null, func() error { t.Error("ran outside"); return nil }); err == nil {
		t.Error("entered /dev/null")
	}
	self, err := netns.Open("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	self.Close()
}
