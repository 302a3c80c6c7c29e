package volumes

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
)

// Size is the sum of the sizes of the files of a volume, in bytes. Files that
// vanish meanwhile do not count. -1, without error, is the size of a volume whose
// content is mounted from elsewhere: looking there could take for ever.
func (s *Store) Size(ctx context.Context, name string) (int64, error) {
	v, err := s.Get(name)
	if err != nil {
		return 0, err
	}
	if v.foreign() {
		return -1, nil
	}
	var size int64
	err = filepath.WalkDir(s.Path(name), func(_ string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || e.IsDir() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size, err
}
