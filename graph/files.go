//go:build linux

package graph

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/atomicfile"
)

// write puts content at path as a whole: aside, flushed, renamed.
func (s *Store) write(path string, content []byte) error {
	f, err := os.CreateTemp(s.path("tmp"), "file-")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// randomID is 64 hexadecimal digits.
func randomID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func unknownJob(err error) bool { return errdefs.Is(err, errdefs.KindUnknownJob) }
