package mount

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxData is what mount(2) copies of its last argument, less the final NUL.
const maxData = 4095

// All performs the mounts in order with their targets below target. A failure
// undoes those already made.
func All(mounts []Mount, target string) error {
	for i, m := range mounts {
		at := filepath.Join(target, m.Target)
		if err := m.Perform(at); err != nil {
			for i--; i >= 0; i-- {
				_ = Unmount(filepath.Join(target, mounts[i].Target))
			}
			return err
		}
	}
	return nil
}

// Perform mounts m on the existing path target, whatever m.Target says. The
// caller vouches for the path. A bind with more flags than "bind" is remounted
// to make them count.
func (m Mount) Perform(target string) error {
	flags, propagation, data := Split(m.Options)
	joined := strings.Join(data, ",")
	var err error
	if m.Type == "overlay" && len(joined) > maxData {
		err = mountLayers(m.Source, target, flags, data)
	} else {
		err = unix.Mount(m.Source, target, m.Type, flags, joined)
	}
	if err != nil {
		return m.fault(target, err)
	}
	const bindOnly = msBind | msRec
	if flags&msBind != 0 && flags&^bindOnly != 0 {
		if err := unix.Mount("", target, "", flags|msRemount&^msRec, joined); err != nil {
			return m.undo(target, err)
		}
	}
	if propagation != 0 {
		if err := unix.Mount("", target, "", propagation, ""); err != nil {
			return m.undo(target, err)
		}
	}
	return nil
}

func (m Mount) undo(target string, err error) error {
	_ = Unmount(target)
	return m.fault(target, err)
}

func (m Mount) fault(target string, err error) error {
	kind := m.Type
	if kind == "" {
		kind = m.Source
	}
	return fmt.Errorf("mounting %s on %s: %w", kind, target, err)
}

// mountLayers mounts an overlay whose description is longer than a page. The
// kernel takes the layers one by one since 6.5.
func mountLayers(source, target string, flags uintptr, data []string) error {
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("the layers need more than %d bytes and this kernel has no fsopen: %w", maxData, err)
	}
	defer unix.Close(fs)
	for _, option := range append([]string{"source=" + source}, data...) {
		if err := configure(fs, option); err != nil {
			return fmt.Errorf("option %s: %w", shorten(option), err)
		}
	}
	if flags&msRdonly != 0 {
		if err := unix.FsconfigSetFlag(fs, "ro"); err != nil {
			return err
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return err
	}
	mnt, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attrsOf(flags))
	if err != nil {
		return err
	}
	defer unix.Close(mnt)
	return unix.MoveMount(mnt, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// configure passes one option in the new way.
func configure(fs int, option string) error {
	key, value, has := strings.Cut(option, "=")
	switch {
	case !has:
		return unix.FsconfigSetFlag(fs, key)
	case key != "lowerdir":
		return unix.FsconfigSetString(fs, key, value)
	}
	for dir := range strings.SplitSeq(value, ":") {
		if err := unix.FsconfigSetString(fs, "lowerdir+", dir); err != nil {
			return err
		}
	}
	return nil
}

// attrsOf turns flags of mount(2) into attributes of fsmount(2).
func attrsOf(flags uintptr) int {
	attrs := 0
	for bit, attr := range map[uintptr]int{
		msRdonly: unix.MOUNT_ATTR_RDONLY, msNosuid: unix.MOUNT_ATTR_NOSUID, msNodev: unix.MOUNT_ATTR_NODEV,
		msNoexec: unix.MOUNT_ATTR_NOEXEC, msNoatime: unix.MOUNT_ATTR_NOATIME, msNodiratime: unix.MOUNT_ATTR_NODIRATIME,
		msNosymfollow: unix.MOUNT_ATTR_NOSYMFOLLOW,
	} {
		if flags&bit != 0 {
			attrs |= attr
		}
	}
	return attrs
}

func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// Unmount takes the mount off target, at once for new users and completely
// when the last present one is gone. A path that is no mount point, or does
// not exist, is not an error.
func Unmount(target string) error {
	err := unix.Unmount(target, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return &os.PathError{Op: "unmount", Path: target, Err: err}
}
