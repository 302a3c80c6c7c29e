package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// sameMode gives a directory the owner and mode of another.
func sameMode(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	return own(to, info)
}

// own gives a path the owner, where root may, and the mode that info has.
func own(path string, info os.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := os.Chown(path, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, info.Mode()&(os.ModePerm|os.ModeSetuid|os.ModeSetgid|os.ModeSticky))
}

// copyFile copies one file with its owner and mode.
func copyFile(ctx context.Context, from, to string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is neither a file nor a directory", info.Name())
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = out.Close() })
	defer stop()
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	return own(to, info)
}
