// Package rewrite changes a small text file without changing its inode. It
// owns no state. It exists for files that are bind mounted into running
// containers (hosts, resolv.conf): a rename would leave the container with the
// old file. Start reading at InPlace. It is domain-free and imports nothing of
// this module. Files that are not bind mounted are better replaced by rename.
package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// MaxSize bounds what is read back: the file is writable by a container, which
// must not be able to make its engine swallow a huge one.
const MaxSize = 1 << 20

// InPlace reads the file, asks change for its new content and writes that with
// one write, so that a reader sees the old text or the new one, at worst
// followed by blank lines for a moment. When change returns the same text,
// nothing is written. A symbolic link is refused. Two InPlace calls in one
// directory wait for each other: the lock is on the directory, because the file
// itself could be locked for ever by a process in the container.
func InPlace(path string, change func(old []byte) []byte) error {
	if err := locked(path, change); err != nil {
		return fmt.Errorf("rewriting %s in place: %w", path, err)
	}
	return nil
}

func locked(path string, change func([]byte) []byte) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("locking the directory: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	return errors.Join(rewrite(f, change), f.Close())
}

func rewrite(f *os.File, change func([]byte) []byte) error {
	old, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return err
	}
	if len(old) > MaxSize {
		return fmt.Errorf("larger than %d bytes: left alone", MaxSize)
	}
	text := change(bytes.Clone(old))
	if bytes.Equal(old, text) {
		return nil
	}
	padded := text
	if short := len(old) - len(text); short > 0 {
		padded = append(bytes.Clone(text), bytes.Repeat([]byte("\n"), short)...)
	}
	if _, err := f.WriteAt(padded, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(text)))
}
