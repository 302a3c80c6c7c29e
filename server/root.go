package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/enginejobs/docker/errdefs"
)

// OpenRoot makes the root directory, and locks it: two daemons on one root
// would ruin it, whatever their pidfiles say. Temporary work of earlier daemons
// is removed in the background.
func (s *Server) OpenRoot(context.Context) error {
	if s.cfg.Euid() != 0 && s.cfg.Exec == nil {
		return errdefs.Forbidden("The Docker daemon needs to be run as root")
	}
	if err := os.MkdirAll(s.cfg.Root, 0o700); err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(s.cfg.Root)
	if err != nil {
		return err
	}
	if real, err = filepath.Abs(real); err != nil {
		return err
	}
	s.cfg.Root = real
	if s.cfg.ExecRoot == "" {
		s.cfg.ExecRoot = filepath.Join(real, "run")
	}
	if s.cfg.TrustKey == "" {
		s.cfg.TrustKey = filepath.Join(real, "key.json")
	}
	dir, err := os.Open(real)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = dir.Close() // was only for the lock
		return errdefs.Conflict("another daemon uses the directory %s: stop it, or choose another one with --graph", real)
	}
	s.eng.OnShutdown("root directory", func(context.Context) error { return dir.Close() })
	return s.freshTemp()
}

// freshTemp empties Root/tmp. What was there is moved away at once and removed
// in the background: it may be gigabytes.
func (s *Server) freshTemp() error {
	tmp := filepath.Join(s.cfg.Root, "tmp")
	stale, err := filepath.Glob(tmp + ".stale-*")
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(tmp); err == nil && len(entries) > 0 {
		aside, err := os.MkdirTemp(s.cfg.Root, "tmp.stale-")
		if err != nil {
			return err
		}
		if err := os.Rename(tmp, filepath.Join(aside, "tmp")); err != nil {
			return err
		}
		stale = append(stale, aside)
	}
	for _, dir := range stale {
		s.background.Go(func() {
			if err := os.RemoveAll(dir); err != nil {
				s.log.Warnf("removing temporary files of an earlier daemon: %v", err)
			}
		})
	}
	if err := os.Mkdir(tmp, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making %s: %w", tmp, err)
	}
	return nil
}
