package overlay

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/mount"
)

// probe finds out by doing whether overlayfs works on the file system of root,
// and the options that all mounts have.
func probe(root string) (backing string, options []string, err error) {
	backing = graphdriver.FileSystem(root)
	dir, err := os.MkdirTemp(root, ".probe-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(at(name), 0o700); err != nil {
			return "", nil, err
		}
	}
	if err := os.WriteFile(at("lower/file"), nil, 0o600); err != nil {
		return "", nil, err
	}
	base := []string{"lowerdir=" + at("lower"), "upperdir=" + at("upper"), "workdir=" + at("work")}
	// The first mount loads the module where it is one.
	if err := tryMount(at("merged"), base); err != nil {
		return "", nil, graphdriver.NotSupported("overlay on %s (%s): %v", root, backing, err)
	}
	if options = settings(); len(options) > 0 {
		_ = os.RemoveAll(at("upper"))
		_ = os.RemoveAll(at("work"))
		_ = os.Mkdir(at("upper"), 0o700)
		_ = os.Mkdir(at("work"), 0o700)
	}
	m := mount.Mount{Type: "overlay", Source: "overlay", Options: append(base, options...)}
	if err := m.Perform(at("merged")); err != nil {
		return "", nil, graphdriver.NotSupported("overlay on %s (%s): %v", root, backing, err)
	}
	defer func() { _ = mount.Unmount(at("merged")) }()
	if err := os.Remove(at("merged/file")); err != nil {
		return "", nil, graphdriver.NotSupported("overlay on %s (%s) cannot delete lower files: %v", root, backing, err)
	}
	var st unix.Stat_t
	if err := unix.Lstat(at("upper/file"), &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != 0 {
		return "", nil, graphdriver.NotSupported("overlay on %s (%s) makes no whiteouts", root, backing)
	}
	return backing, options, nil
}

func tryMount(target string, options []string) error {
	m := mount.Mount{Type: "overlay", Source: "overlay", Options: options}
	if err := m.Perform(target); err != nil {
		return err
	}
	return mount.Unmount(target)
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
