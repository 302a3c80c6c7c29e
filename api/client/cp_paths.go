package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is how many links are followed at the end of a destination: as many
// as Linux does.
const maxLinks = 40

// absLocal makes a local path absolute. What it ends with has a meaning and stays.
func absLocal(p string) (string, error) {
	abs, err := filepath.Abs(p)
	if err != nil {
		return "", err
	}
	switch {
	case contentsOnly(filepath.ToSlash(p)):
		abs = joined(abs, ".")
	case wantsDir(p):
		abs = joined(abs, "")
	}
	return abs, nil
}

// joined puts a name behind a directory without cleaning the whole.
func joined(dir, base string) string {
	const sep = string(os.PathSeparator)
	return strings.TrimSuffix(dir, sep) + sep + base
}

// splitLocal parts a local path into directory and last element.
func splitLocal(p string) (dir, base string) {
	clean := filepath.Clean(p)
	if contentsOnly(filepath.ToSlash(p)) {
		return clean, "."
	}
	return filepath.Dir(clean), filepath.Base(clean)
}

// checkOutput refuses a destination before anything is asked of the daemon: its
// directory has to exist, and it must not be a device.
func checkOutput(p string) error {
	dir := filepath.Dir(filepath.Clean(p))
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("invalid output path: directory %q does not exist", dir)
	}
	info, err := os.Stat(p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeDevice != 0:
		return fmt.Errorf("invalid output path: %q must be a directory or a regular file: got a device", p)
	}
	return nil
}

// localPlace looks at a local destination, which is absolute. Links at its end
// are followed; what they lead to need not exist, its directory has to.
func localPlace(p string) (place, error) {
	for range maxLinks {
		info, err := os.Lstat(p)
		if errors.Is(err, fs.ErrNotExist) {
			dir, _ := splitLocal(p)
			_, err := os.Stat(dir)
			return place{path: p}, err
		}
		if err != nil {
			return place{}, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return place{path: p, exists: true, dir: info.IsDir()}, nil
		}
		target, err := os.Readlink(p)
		if err != nil {
			return place{}, err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(p), target)
		}
		p = target
	}
	return place{}, fmt.Errorf("%s: too many links", p)
}

// localSource makes a source absolute, and finds where it is: links in its
// directories are followed, and one at its end when it is asked for, or when the
// path ends in a way that only a directory's does.
func localSource(p string, follow bool) (abs, where string, err error) {
	if abs, err = absLocal(p); err != nil {
		return "", "", err
	}
	dir, base := filepath.Split(abs)
	if follow && base != "" && base != "." {
		where, err = filepath.EvalSymlinks(abs)
		return abs, where, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", "", err
	}
	return abs, joined(dir, base), nil
}
