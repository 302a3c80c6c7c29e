package client

import (
	"io/fs"
	"os"
	"path"
	"syscall"

	"golang.org/x/sys/unix"
)

// fileID tells files apart that have several names.
type fileID struct{ dev, ino uint64 }

// fileIDOf also tells whether there are several names.
func fileIDOf(info fs.FileInfo) (fileID, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Nlink < 2 {
		return fileID{}, false
	}
	return fileID{uint64(st.Dev), st.Ino}, true //nolint:unconvert // other sizes on other machines
}

const capabilityAttr = "security.capability"

// capabilityOf reads the rights that a program has of its own; "" for none.
func capabilityOf(p string) string {
	var buf [64]byte // struct vfs_ns_cap_data has 24
	n, err := unix.Lgetxattr(p, capabilityAttr, buf[:])
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

func setCapability(root *os.Root, name, value string) error {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fsetxattr(int(f.Fd()), capabilityAttr, []byte(value), 0); err != nil {
		return &os.PathError{Op: "set capabilities of", Path: name, Err: err}
	}
	return nil
}

func makeFifo(root *os.Root, name string, mode fs.FileMode) error {
	dir, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Mkfifoat(int(dir.Fd()), path.Base(name), uint32(mode.Perm())); err != nil {
		return &os.PathError{Op: "make fifo", Path: name, Err: err}
	}
	return root.Chmod(name, mode)
}
