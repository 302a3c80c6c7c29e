package overlay

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// view is the union of layer directories, nearest first, without a mount. The
// layers below another one never change, so their paths can be used as such.
type view []string

// Find gives the host path of the object at name, which has no links in its
// directories.
func (v view) Find(name string) (string, error) {
	found, _, err := v.walk(name)
	return found, err
}

// Names lists the directory name of the union.
func (v view) Names(name string) ([]string, error) {
	_, dirs, err := v.walk(name)
	if err != nil {
		return nil, err
	}
	return dirs.names()
}

// walk finds name and, when it is a directory, the directories that make it up.
func (v view) walk(name string) (found string, dirs view, err error) {
	if name == "." {
		return v[0], v, nil
	}
	dirs = v
	for part := range strings.SplitSeq(name, "/") {
		if found, dirs, err = dirs.step(part); err != nil {
			return "", nil, err
		}
	}
	return found, dirs, nil
}

// step finds one name in the union of directories.
func (v view) step(name string) (found string, dirs view, err error) {
	for _, dir := range v {
		p := filepath.Join(dir, name)
		var st unix.Stat_t
		err := unix.Lstat(p, &st)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err != nil {
			return "", nil, &os.PathError{Op: "lstat", Path: p, Err: err}
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			if found == "" {
				found = p
			}
			dirs = append(dirs, p)
			if !opaque(p) {
				continue
			}
		} else if found == "" && !whiteout(&st) {
			found = p
		}
		break
	}
	if found == "" {
		return "", nil, fs.ErrNotExist
	}
	return found, dirs, nil
}

// names lists what the union of directories shows.
func (v view) names() ([]string, error) {
	seen := make(map[string]bool) // value: visible
	for _, dir := range v {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if _, ok := seen[e.Name()]; ok {
				continue
			}
			hidden := false
			if e.Type()&fs.ModeCharDevice != 0 {
				var st unix.Stat_t
				if err := unix.Lstat(filepath.Join(dir, e.Name()), &st); err != nil {
					return nil, err
				}
				hidden = whiteout(&st)
			}
			seen[e.Name()] = !hidden
		}
	}
	var list []string
	for name, visible := range seen {
		if visible {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list, nil
}

func whiteout(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 }

// opaque tells whether a directory hides those below it.
func opaque(p string) bool {
	var value [4]byte
	n, err := unix.Lgetxattr(p, "trusted.overlay.opaque", value[:])
	return err == nil && n == 1 && value[0] == 'y'
}
