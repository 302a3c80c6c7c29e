package graphdriver

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// sizer adds up regular files, each once however many names it has.
type sizer struct {
	total int64
	links map[uint64]struct{}
}

func (s *sizer) add(info fs.FileInfo) {
	if !info.Mode().IsRegular() {
		return
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
		if _, seen := s.links[st.Ino]; seen {
			return
		}
		if s.links == nil {
			s.links = make(map[uint64]struct{})
		}
		s.links[st.Ino] = struct{}{}
	}
	s.total += info.Size()
}

// TreeSize adds up the regular files of a tree. Files that vanish meanwhile do
// not count.
func TreeSize(ctx context.Context, root string) (int64, error) {
	var s sizer
	err := filepath.WalkDir(root, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !e.Type().IsRegular() {
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			s.add(info)
		}
		return err
	})
	return s.total, err
}

// FilesSize adds up the named files below root.
func FilesSize(root string, names []string) (int64, error) {
	var s sizer
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		s.add(info)
	}
	return s.total, nil
}
