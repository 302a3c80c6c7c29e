package daemonproc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// repoRoot is the checkout that this file is compiled from.
var repoRoot = sync.OnceValue(func() string {
	dir, err := os.Getwd() // go test runs a package in its directory
	for err == nil && dir != "/" {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
})

// Binary is the path of the built bin/docker.
func Binary() string {
	if bin := os.Getenv("ENGINEJOBS_BIN"); bin != "" {
		return filepath.Join(bin, "docker")
	}
	return filepath.Join(repoRoot(), "bin", "docker")
}

var assets sync.Map // bundle name -> func() (string, error)

// Asset runs a bundle of hack/make that prints a path (busybox, debian,
// client), once per test process, and gives the path.
func Asset(bundle string) (string, error) {
	once, _ := assets.LoadOrStore(bundle, sync.OnceValues(func() (string, error) {
		cmd := exec.Command(filepath.Join(repoRoot(), "hack", "make.sh"), bundle)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("hack/make.sh %s: %w", bundle, err)
		}
		return strings.TrimSpace(string(out)), nil
	}))
	return once.(func() (string, error))()
}

// MustAsset is Asset for a test that cannot go on without.
func MustAsset(t testing.TB, bundle string) string {
	t.Helper()
	path, err := Asset(bundle)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// ImportBusybox gives the daemon the image busybox.
func (d *Daemon) ImportBusybox() error { return d.importAsset("busybox", "busybox") }

// ImportDebian gives the daemon the image debian.
func (d *Daemon) ImportDebian() error { return d.importAsset("debian", "debian") }

func (d *Daemon) importAsset(bundle, image string) error {
	path, err := Asset(bundle)
	if err != nil {
		return err
	}
	tar, err := os.Open(path)
	if err != nil {
		return err
	}
	defer tar.Close()
	if r := d.run(d.Bin, tar, "import", "-", image); r.Code != 0 {
		return fmt.Errorf("importing %s: %s", image, r)
	}
	return nil
}
