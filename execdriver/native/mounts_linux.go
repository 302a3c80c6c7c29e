package native

import (
	"path"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/initproto"
	"github.com/enginejobs/docker/pkg/cgroups"
	"github.com/enginejobs/docker/pkg/mount"
)

const defaultShm = 64 << 20

const secure = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// mounts lists everything that is mounted: the root, the system's own, then the
// command's, which replace the system's on the same target.
func mounts(cmd *execdriver.Command, group *cgroups.Group, s *initproto.Setup) error {
	if len(cmd.Root) == 0 {
		return errdefs.InvalidArgument("container %s has no root", cmd.ID)
	}
	for _, m := range cmd.Root {
		im, err := parseMount(m)
		if err != nil {
			return err
		}
		s.Root = append(s.Root, im)
	}
	own := map[string]bool{}
	var user []initproto.Mount
	for _, m := range cmd.Mounts {
		im, err := parseMount(m)
		if err != nil {
			return err
		}
		if im.Target = cleanTarget(m.Target); im.Target == "/" {
			return errdefs.InvalidArgument("a mount cannot replace the container's root")
		}
		s.Slave = s.Slave || im.Propagation&(unix.MS_SLAVE|unix.MS_SHARED) != 0
		own[im.Target] = true
		user = append(user, im)
	}
	for _, m := range systemMounts(cmd, group) {
		if !own[m.Target] || m.Type == "proc" { // what lies on proc is judged by init
			s.Mounts = append(s.Mounts, m)
		}
	}
	s.Mounts = append(s.Mounts, user...)
	return nil
}

// systemMounts are those that every container has.
func systemMounts(cmd *execdriver.Command, group *cgroups.Group) []initproto.Mount {
	sys := uint64(secure | unix.MS_RDONLY)
	if cmd.Security.Privileged {
		sys = secure
	}
	list := []initproto.Mount{
		{Type: "proc", Source: "proc", Target: "/proc", Flags: secure},
		{Type: "tmpfs", Source: "tmpfs", Target: "/dev", Flags: unix.MS_NOSUID | unix.MS_STRICTATIME,
			Data: "mode=755,size=65536k"},
		{Type: "devpts", Source: "devpts", Target: "/dev/pts", Flags: unix.MS_NOSUID | unix.MS_NOEXEC,
			Data: "newinstance,ptmxmode=0666,mode=0620,gid=5"},
		{Type: "sysfs", Source: "sysfs", Target: "/sys", Flags: sys},
	}
	return append(append(list, cgroupMounts(cmd, group)...), ipcMounts(cmd)...)
}

// ipcMounts are /dev/shm and /dev/mqueue, which belong to the ipc namespace.
func ipcMounts(cmd *execdriver.Command) []initproto.Mount {
	queue := initproto.Mount{Type: "mqueue", Source: "mqueue", Target: "/dev/mqueue", Flags: secure}
	switch ipc := cmd.Namespaces.IPC; {
	case ipc == "host":
		return []initproto.Mount{
			{Kind: initproto.KindBind, Source: "/dev/shm", Target: "/dev/shm", Flags: unix.MS_REC}, queue,
		}
	case strings.HasPrefix(ipc, "/proc/") && strings.HasSuffix(ipc, "/ns/ipc"):
		from := strings.TrimSuffix(ipc, "ipc") + "mnt"
		return []initproto.Mount{{Kind: initproto.KindShm, Source: from, Target: "/dev/shm"}, queue}
	}
	size := cmd.ShmSize
	switch {
	case size < 0:
		return []initproto.Mount{queue}
	case size == 0:
		size = defaultShm
	}
	return []initproto.Mount{
		{Type: "tmpfs", Source: "shm", Target: "/dev/shm", Flags: secure,
			Data: "mode=1777,size=" + strconv.FormatInt(size, 10)}, queue,
	}
}

// cgroupMounts show the container its own groups. With v1 each hierarchy's own
// directory is bound; with v2 the file system shows the cgroup namespace.
func cgroupMounts(cmd *execdriver.Command, group *cgroups.Group) []initproto.Mount {
	ro := uint64(unix.MS_RDONLY)
	if cmd.Security.Privileged {
		ro = 0
	}
	const dir = "/sys/fs/cgroup"
	if group.V2 {
		return []initproto.Mount{{Type: "cgroup2", Source: "cgroup", Target: dir, Flags: secure | ro}}
	}
	list := []initproto.Mount{{Type: "tmpfs", Source: "tmpfs", Target: dir, Flags: secure, Data: "mode=755,size=64k"}}
	var names []string
	for c := range group.Paths {
		names = append(names, c)
	}
	sort.Strings(names)
	for _, c := range names {
		list = append(list, initproto.Mount{
			Kind: initproto.KindCgroup, Source: group.Paths[c], Target: path.Join(dir, c), Flags: secure | ro,
		})
	}
	if ro != 0 {
		list = append(list, initproto.Mount{Source: "tmpfs", Target: dir,
			Flags: unix.MS_REMOUNT | unix.MS_BIND | secure | ro})
	}
	return list
}

// mountFlags are the options that are bits; those that clear one are below.
var mountFlags = map[string]uint64{
	"ro": unix.MS_RDONLY, "rro": unix.MS_RDONLY | initproto.RecursiveReadOnly, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
	"sync": unix.MS_SYNCHRONOUS, "dirsync": unix.MS_DIRSYNC, "remount": unix.MS_REMOUNT, "mand": unix.MS_MANDLOCK,
	"noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME, "relatime": unix.MS_RELATIME,
	"strictatime": unix.MS_STRICTATIME, "lazytime": unix.MS_LAZYTIME,
}

var clearFlags = map[string]uint64{
	"rw": unix.MS_RDONLY, "suid": unix.MS_NOSUID, "dev": unix.MS_NODEV, "exec": unix.MS_NOEXEC,
	"async": unix.MS_SYNCHRONOUS, "atime": unix.MS_NOATIME, "diratime": unix.MS_NODIRATIME,
	"norelatime": unix.MS_RELATIME, "nostrictatime": unix.MS_STRICTATIME, "nomand": unix.MS_MANDLOCK, "defaults": 0,
}

var propagations = map[string]uint64{
	"private": unix.MS_PRIVATE, "rprivate": unix.MS_PRIVATE | unix.MS_REC,
	"slave": unix.MS_SLAVE, "rslave": unix.MS_SLAVE | unix.MS_REC,
	"shared": unix.MS_SHARED, "rshared": unix.MS_SHARED | unix.MS_REC,
	"unbindable": unix.MS_UNBINDABLE, "runbindable": unix.MS_UNBINDABLE | unix.MS_REC,
}

// parseMount turns options into flags.
func parseMount(m mount.Mount) (initproto.Mount, error) {
	im := initproto.Mount{Type: m.Type, Source: m.Source, Target: m.Target}
	var data []string
	for _, o := range m.Options {
		if sub, ok := strings.CutPrefix(o, mount.Subdir); ok {
			im.Sub = sub
			continue
		}
		switch {
		case o == "bind":
			im.Kind = initproto.KindBind
		case o == "rbind":
			im.Kind = initproto.KindBind
			im.Flags |= unix.MS_REC
		case mountFlags[o] != 0:
			im.Flags |= mountFlags[o]
		case propagations[o] != 0:
			im.Propagation = propagations[o]
		default:
			if clear, ok := clearFlags[o]; ok {
				im.Flags &^= clear
			} else if o != "" {
				data = append(data, o)
			}
		}
	}
	im.Data = strings.Join(data, ",")
	if m.Type == "bind" {
		im.Kind = initproto.KindBind
	}
	if im.Kind == initproto.KindBind && !path.IsAbs(m.Source) {
		return im, errdefs.InvalidArgument("bind mount on %s: source %q is not an absolute path", m.Target, m.Source)
	}
	if im.Kind == initproto.KindPlain && m.Type == "" {
		return im, errdefs.InvalidArgument("mount on %s has no type", m.Target)
	}
	return im, nil
}
