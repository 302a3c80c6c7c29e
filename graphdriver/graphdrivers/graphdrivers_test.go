//go:build linux

package graphdrivers_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphdrivers"
)

func TestNew_Refuses(t *testing.T) {
	for name, kind := range map[string]errdefs.Kind{
		"aufs": errdefs.KindNotImplemented, "btrfs": errdefs.KindNotImplemented, "devicemapper": errdefs.KindNotImplemented,
		"none": errdefs.KindInvalidArgument, "../vfs": errdefs.KindInvalidArgument,
	} {
		if _, err := graphdrivers.New(name, t.TempDir(), nil); !errdefs.Is(err, kind) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestNew_PriorDriver(t *testing.T) {
	root := t.TempDir()
	d, err := graphdrivers.New("vfs", root, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Create("x", "", false); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := graphdrivers.New("", root, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Name() != "vfs" || !again.Exists("x") {
		t.Errorf("the choice is %s, although the layers are vfs's", again.Name())
	}
}

func TestNew_SeveralPriorDrivers(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"overlay/x", "aufs/x"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := graphdrivers.New("", root, nil); !errdefs.IsConflict(err) {
		t.Errorf("got %v", err)
	}
}
