package archive

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

var errTwice = errors.New("it is a duplicate: the archive has other content for this name before")

// loses fails when removing base would take content away that this archive
// brought. An Overlay tree has nothing else.
func (u *unpacker) loses(dir int, base string) error {
	st, err := lstat(dir, base)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return err
	case kind(&st) == unix.S_IFDIR:
		return u.losesInside(dir, base)
	case kind(&st) != unix.S_IFREG || st.Size == 0 || st.Nlink > 1 && u.mine == nil:
		return nil
	}
	if _, ours := u.mine[st.Ino]; !ours && u.mine != nil {
		return nil
	}
	return &Error{Entry: base, Err: errTwice}
}

func (u *unpacker) losesInside(dir int, base string) error {
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	for {
		names, err := f.Readdirnames(256)
		for _, name := range names {
			if err := u.loses(fd, name); err != nil {
				return err
			}
		}
		if err != nil || len(names) == 0 {
			return nil //nolint:nilerr // the end of the list; what cannot be listed cannot be removed either
		}
	}
}
