package native

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/initproto"
	"github.com/enginejobs/docker/pkg/cgroups"
)

// defaultRules are the devices that every container may use: making nodes of any
// kind, the harmless ones of memory, and terminals.
var defaultRules = []cgroups.Rule{
	{Type: 'c', Major: -1, Minor: -1, Permissions: "m"},
	{Type: 'b', Major: -1, Minor: -1, Permissions: "m"},
	{Type: 'c', Major: 1, Minor: 3, Permissions: "rwm"},
	{Type: 'c', Major: 1, Minor: 5, Permissions: "rwm"},
	{Type: 'c', Major: 1, Minor: 7, Permissions: "rwm"},
	{Type: 'c', Major: 1, Minor: 8, Permissions: "rwm"},
	{Type: 'c', Major: 1, Minor: 9, Permissions: "rwm"},
	{Type: 'c', Major: 5, Minor: 0, Permissions: "rwm"},
	{Type: 'c', Major: 5, Minor: 1, Permissions: "rwm"},
	{Type: 'c', Major: 5, Minor: 2, Permissions: "rwm"},
	{Type: 'c', Major: 136, Minor: -1, Permissions: "rwm"},
}

// defaultNodes are the nodes of a fresh /dev.
func defaultNodes() []initproto.Node {
	var nodes []initproto.Node
	for _, n := range []struct {
		name         string
		major, minor uint32
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}} {
		nodes = append(nodes, initproto.Node{
			Path: "/dev/" + n.name, Mode: unix.S_IFCHR | 0o666, Dev: unix.Mkdev(n.major, n.minor),
		})
	}
	return nodes
}

var defaultLinks = []initproto.Link{
	{Path: "/dev/fd", Target: "/proc/self/fd"}, {Path: "/dev/stdin", Target: "/proc/self/fd/0"},
	{Path: "/dev/stdout", Target: "/proc/self/fd/1"}, {Path: "/dev/stderr", Target: "/proc/self/fd/2"},
	{Path: "/dev/core", Target: "/proc/kcore"}, {Path: "/dev/ptmx", Target: "pts/ptmx"},
}

// devices lists the nodes: the default ones, the host's for a privileged
// container, and those of the command.
func devices(cmd *execdriver.Command, s *initproto.Setup) error {
	s.Nodes, s.Links = defaultNodes(), defaultLinks
	for _, dev := range cmd.Devices {
		if dev.RuleOnly {
			continue
		}
		kind := uint32(unix.S_IFCHR)
		switch {
		case dev.Type == 'b':
			kind = unix.S_IFBLK
		case dev.Type != 'c' && dev.Type != 'u':
			return errdefs.InvalidArgument("device %s has the unknown type %q", dev.Path, dev.Type)
		}
		if dev.Major < 0 || dev.Minor < 0 {
			return errdefs.InvalidArgument("device %s has no number", dev.Path)
		}
		mode := dev.Mode & 0o7777
		if mode == 0 {
			mode = 0o666
		}
		s.Nodes = append(s.Nodes, initproto.Node{
			Path: cleanTarget(dev.Path), Mode: kind | mode, Dev: unix.Mkdev(uint32(dev.Major), uint32(dev.Minor)),
			UID: dev.UID, GID: dev.GID,
		})
	}
	if cmd.Security.Privileged {
		nodes, err := hostNodes("/dev")
		if err != nil {
			return err
		}
		s.Nodes = append(s.Nodes, nodes...)
	}
	return nil
}

// hostNodes lists the device nodes of the host, without those of file systems
// that a container has of its own.
func hostNodes(dir string) ([]initproto.Node, error) {
	var nodes []initproto.Node
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // it has vanished, or is not ours to read
		}
		if entry.IsDir() {
			switch entry.Name() {
			case "pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev":
				return filepath.SkipDir
			}
			return nil
		}
		if entry.Type()&os.ModeDevice == 0 || entry.Name() == "console" {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil // it has vanished
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			nodes = append(nodes, initproto.Node{Path: path, Mode: st.Mode, Dev: st.Rdev, UID: st.Uid, GID: st.Gid})
		}
		return nil
	})
	return nodes, err
}
