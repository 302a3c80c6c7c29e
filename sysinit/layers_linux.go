package sysinit

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// maxData is what mount(2) takes of its last argument; it cuts the rest off
// without a word.
const maxData = 4095

// plain performs a mount that is no bind. An overlay of so many layers that
// their names fill more than a page is put together one layer at a time.
func plain(m *initproto.Mount, target string) error {
	if len(m.Data) <= maxData {
		return unix.Mount(m.Source, target, m.Type, uintptr(m.Flags), m.Data)
	}
	if m.Type != "overlay" {
		return text("its options are longer than a page")
	}
	fs, err := unix.Fsopen(m.Type, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fs)
	if err := configure(fs, m); err == unix.EINVAL {
		return text("invalid argument: so many layers need a kernel of version 6.5 or later")
	} else if err != nil {
		return err
	}
	tree, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, int(attributes(m.Flags)))
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	return unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

func configure(fs int, m *initproto.Mount) error {
	if err := unix.FsconfigSetString(fs, "source", m.Source); err != nil {
		return err
	}
	if m.Flags&unix.MS_RDONLY != 0 {
		if err := unix.FsconfigSetFlag(fs, "ro"); err != nil {
			return err
		}
	}
	for _, option := range strings.Split(m.Data, ",") {
		key, value, has := strings.Cut(option, "=")
		var err error
		switch {
		case key == "lowerdir":
			err = addLayers(fs, value)
		case has:
			err = unix.FsconfigSetString(fs, key, value)
		default:
			err = unix.FsconfigSetFlag(fs, key)
		}
		if err != nil {
			return err
		}
	}
	return unix.FsconfigCreate(fs)
}

func addLayers(fs int, dirs string) error {
	for _, dir := range strings.Split(dirs, ":") {
		if err := unix.FsconfigSetString(fs, "lowerdir+", dir); err != nil {
			return err
		}
	}
	return nil
}

// attributes turns flags of mount(2) into those of a mount of its own.
func attributes(flags uint64) (set uint64) {
	for _, f := range [...]struct{ ms, attr uint64 }{
		{unix.MS_RDONLY, unix.MOUNT_ATTR_RDONLY}, {unix.MS_NOSUID, unix.MOUNT_ATTR_NOSUID},
		{unix.MS_NODEV, unix.MOUNT_ATTR_NODEV}, {unix.MS_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
		{unix.MS_NOATIME, unix.MOUNT_ATTR_NOATIME}, {unix.MS_NODIRATIME, unix.MOUNT_ATTR_NODIRATIME},
	} {
		if flags&f.ms != 0 {
			set |= f.attr
		}
	}
	return set
}
