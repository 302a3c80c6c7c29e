// Package graphdrivers owns the choice of a storage driver: a plain switch from
// name to constructor. It has no state. Start reading at New. Only server and
// tests import it.
package graphdrivers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/graphdriver/overlay"
	"github.com/enginejobs/docker/graphdriver/vfs"
)

// Logf takes complaints; nil drops them.
type Logf = func(format string, args ...any)

// order is that of the automatic choice.
var order = [...]string{overlay.Name, vfs.Name}

// New opens the driver called name below root, in a directory of its name. An
// empty name chooses: the driver whose data is there already, else the first
// that works on this host. A driver that was asked for by name has to work.
func New(name, root string, logf Logf) (graphdriver.Driver, error) {
	if name != "" {
		return open(name, root, logf)
	}
	prior, err := priorDriver(root)
	if err != nil {
		return nil, err
	}
	if prior != "" {
		d, err := open(prior, root, logf)
		if err != nil {
			return nil, fmt.Errorf("opening the storage driver that %s was used with: %w", root, err)
		}
		return d, nil
	}
	var reasons []error
	for _, candidate := range order {
		d, err := open(candidate, root, logf)
		if err == nil {
			return d, nil
		}
		if !errors.Is(err, graphdriver.ErrNotSupported) {
			return nil, err
		}
		reasons = append(reasons, err)
	}
	return nil, errors.Join(append([]error{errors.New("no supported storage backend found")}, reasons...)...)
}

func open(name, root string, logf Logf) (graphdriver.Driver, error) {
	switch name {
	case overlay.Name, "overlay2":
		return overlay.New(overlay.Options{Root: filepath.Join(root, overlay.Name), Logf: logf})
	case vfs.Name:
		return vfs.New(vfs.Options{Root: filepath.Join(root, vfs.Name), Logf: logf})
	case "aufs", "btrfs", "devicemapper":
		return nil, errdefs.NotImplemented("storage driver %s is not part of this engine yet; use overlay or vfs", name)
	}
	return nil, errdefs.InvalidArgument("unknown storage driver %q; the drivers are %s", name, strings.Join(order[:], ", "))
}

// priorDriver finds the driver whose layers root holds; vfs counts only when
// nobody else has some, because every driver can be tried beside it.
func priorDriver(root string) (string, error) {
	var found []string
	for _, name := range [...]string{overlay.Name, "aufs", "btrfs", "devicemapper"} {
		if hasLayers(filepath.Join(root, name)) {
			found = append(found, name)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", errdefs.Conflict("%s has layers of several storage drivers (%s); name one with --storage-driver", root, strings.Join(found, ", "))
	case hasLayers(filepath.Join(root, vfs.Name, "dir")):
		return vfs.Name, nil
	}
	return "", nil
}

// hasLayers tells whether a driver's directory holds more than its own hidden
// files.
func hasLayers(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			return true
		}
	}
	return false
}
