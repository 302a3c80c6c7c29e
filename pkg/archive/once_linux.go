package archive

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

var errTwice = errors.New("it is a duplicate: the archive has other content for this name before")

// loses fails when removing base would take content away that this archive
// brought. It knows that by inodes: in an Apply tree of what is the archive's, in
// an Overlay tree, which has nothing else, of what was copied from below.
func (u *unpacker) loses(dir int, base string) error {
	st, err := lstat(dir, base)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return err
	case kind(&st) == unix.S_IFDIR:
		return u.losesInside(dir, base)
	case kind(&st) != unix.S_IFREG || st.Size == 0:
		return nil
	}
	_, mine := u.mine[st.Ino]
	_, copied := u.copied[st.Ino]
	if copied || u.opt.Whiteouts == Apply && !mine {
		return nil
	}
	return &Error{Entry: base, Err: errTwice}
}

// noteCopy remembers a file that was copied from below.
func (u *unpacker) noteCopy(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if u.copied == nil {
		u.copied = make(map[uint64]struct{})
	}
	u.copied[st.Ino] = struct{}{}
	return nil
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
