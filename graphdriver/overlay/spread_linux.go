package overlay

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// spreadDir is where the directories of image layers are made before they get
// their place. ext4 puts what is below one directory close together, and searches
// long for room where thousands of files were deleted a moment ago: an image that
// comes after another one has gone takes several times as long. Directories right
// below one that is marked as the top of a hierarchy are spread over the disk.
const spreadDir = ".spread"

// topOfHierarchy is FS_TOPDIR_FL of linux/fs.h, what chattr +T sets.
const topOfHierarchy = 0x00020000

// openSpread makes the directory anew; what a crash left in it is thrown away.
func (d *Driver) openSpread() error {
	dir := d.path(spreadDir)
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		if err := d.trash.Throw(dir); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	// Other file systems have no such mark, and do without.
	if flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS); err == nil {
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(flags|topOfHierarchy))
	}
	return nil
}

// mkdirSpread makes the directory of an image layer.
func (d *Driver) mkdirSpread(id string) error {
	made := d.path(spreadDir, id)
	if err := os.Mkdir(made, 0o700); err != nil {
		return err
	}
	if err := os.Rename(made, d.path(id)); err != nil {
		_ = os.Remove(made) // New does it otherwise
		return err
	}
	return nil
}
