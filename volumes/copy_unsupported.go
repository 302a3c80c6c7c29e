//go:build !linux

package volumes

import (
	"errors"
	"os"
)

func replaceEmptyDir(from, to string) error { return os.Rename(from, to) }

func copyTree(string, string) error {
	return errors.New("copying image content into volumes is supported on Linux only")
}
