package overlay

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/mount"
)

// features is what probe finds out.
type features struct {
	backing  string   // the file system below
	options  []string // of every mount
	volatile bool     // whether a mount can do without writing back at its end
}

// probe finds out by doing whether overlayfs works on the file system of root,
// and how. It is part of every start of the daemon, so it mounts once where that
// is enough, without waiting for the disk where the kernel can do that, and what
// it made goes to the trash.
func probe(root string, trash *graphdriver.Trash) (features, error) {
	can := features{backing: graphdriver.FileSystem(root)}
	unfit := func(format string, args ...any) (features, error) {
		return features{}, graphdriver.NotSupported("overlay on %s (%s)%s", root, can.backing, fmt.Sprintf(format, args...))
	}
	dir := filepath.Join(root, probeDir)
	clean := func() error {
		for _, name := range []string{"load", "try"} {
			if err := mount.Unmount(filepath.Join(dir, name, "merged")); err != nil {
				return err
			}
		}
		return trash.Throw(dir)
	}
	if err := clean(); err != nil { // what a killed process left
		return features{}, err
	}
	defer func() { _ = clean() }()
	if unix.Access("/sys/module/overlay", unix.F_OK) != nil { // the first mount loads the module
		at, base, err := scratch(filepath.Join(dir, "load"))
		if err != nil {
			return features{}, err
		}
		if err := perform(at("merged"), base); err != nil {
			return unfit(": %v", err)
		}
	}
	at, base, err := scratch(filepath.Join(dir, "try"))
	if err != nil {
		return features{}, err
	}
	can.options = settings()
	options := append(base, can.options...)
	can.volatile = perform(at("merged"), append(options, volatile)) == nil // since Linux 5.10
	if !can.volatile {
		if err := perform(at("merged"), options); err != nil {
			return unfit(": %v", err)
		}
	}
	if err := os.Remove(at("merged/file")); err != nil {
		return unfit(" cannot delete lower files: %v", err)
	}
	var st unix.Stat_t
	if err := unix.Lstat(at("upper/file"), &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != 0 {
		return unfit(" makes no whiteouts")
	}
	return can, nil
}

// scratch makes the directories of a small overlay mount; the lower one has a
// file. at names them and options describes the mount.
func scratch(dir string) (at func(name string) string, options []string, err error) {
	at = func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if err := os.MkdirAll(at(name), 0o700); err != nil {
			return nil, nil, err
		}
	}
	return at, []string{"lowerdir=" + at("lower"), "upperdir=" + at("upper"), "workdir=" + at("work")},
		os.WriteFile(at("lower/file"), nil, 0o600)
}

func perform(target string, options []string) error {
	return mount.Mount{Type: "overlay", Source: "overlay", Options: options}.Perform(target)
}

// settings turns off what would put more than files and whiteouts into a
// layer's directory: layers must stand for themselves.
func settings() []string {
	var list []string
	if parameter("index") {
		list = append(list, "index=off")
	}
	if parameter("metacopy") {
		list = append(list, "metacopy=off")
	}
	if parameter("redirect_dir") {
		value := "off"
		if parameter("redirect_always_follow") {
			value = "nofollow"
		}
		list = append(list, "redirect_dir="+value)
	}
	return list
}

// joined is a list of directories as overlayfs takes it.
func joined(dirs []string) string { return strings.Join(dirs, ":") }
