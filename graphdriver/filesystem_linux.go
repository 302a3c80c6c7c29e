package graphdriver

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// FileSystem names the kind of file system that path is on.
func FileSystem(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return "<unknown>"
	}
	switch uint32(st.Type) {
	case 0xEF53:
		return "extfs"
	case 0x58465342:
		return "xfs"
	case 0x9123683E:
		return "btrfs"
	case 0x01021994:
		return "tmpfs"
	case 0x794C7630:
		return "overlayfs"
	case 0x61756673:
		return "aufs"
	case 0x2FC12FC1:
		return "zfs"
	case 0x6969:
		return "nfs"
	case 0xF2F52010:
		return "f2fs"
	case 0x858458F6:
		return "ramfs"
	case 0x73717368:
		return "squashfs"
	case 0xCA451A4E:
		return "bcachefs"
	case 0x3153464A:
		return "jfs"
	case 0x517B:
		return "smb"
	}
	return fmt.Sprintf("<unknown %#x>", uint32(st.Type))
}
