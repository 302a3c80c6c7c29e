package archive

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

// Copy makes the empty directory to look like the directory from, itself
// included.
func Copy(ctx context.Context, from, to string, noOwner bool) error {
	s := Stream(ctx, from, PackOptions{})
	defer s.Close()
	if _, err := Unpack(ctx, to, s, Options{NoOwner: noOwner}); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(from, &st); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	if !noOwner {
		if err := unix.Chown(to, int(st.Uid), int(st.Gid)); err != nil {
			return fmt.Errorf("copying %s: %w", from, err)
		}
	}
	if err := unix.Chmod(to, st.Mode&0o7777); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return setTimes(unix.AT_FDCWD, to, [2]unix.Timespec{st.Atim, st.Mtim})
}
