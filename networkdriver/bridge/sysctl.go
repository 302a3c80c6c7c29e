//go:build linux

package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// sysctls is where the kernel shows its settings.
const sysctls = "/proc/sys/"

func readSysctl(name string) (string, error) {
	text, err := os.ReadFile(sysctls + name)
	return string(bytes.TrimSpace(text)), err
}

// setSysctl writes a kernel setting, unless it has the value already: a host
// that is set up right need not allow writing.
func setSysctl(name, value string) error {
	if old, err := readSysctl(name); err == nil && old == value {
		return nil
	}
	if err := os.WriteFile(sysctls+name, []byte(value), 0); err != nil {
		return fmt.Errorf("setting %s to %s: %w", name, value, err)
	}
	return nil
}

// keepAdvertised lets the interfaces that follow router advertisements go on
// doing so on a host that forwards.
func keepAdvertised() error {
	list, err := filepath.Glob(sysctls + "net/ipv6/conf/*/accept_ra")
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range list {
		name := path[len(sysctls):]
		if device := filepath.Base(filepath.Dir(path)); device == "all" || device == "default" || device == "lo" {
			continue
		}
		if value, err := readSysctl(name); err == nil && value == "1" {
			errs = append(errs, setSysctl(name, "2"))
		}
	}
	return errors.Join(errs...)
}

// isGone tells that the kernel does not know the interface (any more).
func isGone(err error) bool {
	var missing netlink.LinkNotFoundError
	return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) || errors.As(err, &missing)
}
