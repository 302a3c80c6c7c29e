package commitlog

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// fdatasync makes the content of a file durable, with its size and without its times.
func fdatasync(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for failed = unix.EINTR; errors.Is(failed, unix.EINTR); {
			failed = unix.Fdatasync(int(fd))
		}
	})
	return errors.Join(err, failed)
}
