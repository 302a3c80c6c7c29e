package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/enginejobs/docker/errdefs"
)

// ClaimPidfile makes this process the one that the pidfile names. The file is
// locked as long as the daemon lives, so that a stale one is known for sure,
// whatever process has its number now; a live one without a lock is respected
// when its process looks like a daemon.
func (s *Server) ClaimPidfile(context.Context) error {
	if s.cfg.Pidfile == "" {
		return nil
	}
	f, err := claimPidfile(s.cfg.Pidfile, os.Getpid())
	if err != nil {
		return err
	}
	s.eng.OnShutdown("pidfile", func(context.Context) error {
		return errors.Join(os.Remove(s.cfg.Pidfile), f.Close())
	})
	return nil
}

func claimPidfile(path string, pid int) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("claiming the pidfile: %w", err)
	}
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC|syscall.O_NOFOLLOW, 0o644)
		if err != nil {
			return nil, fmt.Errorf("claiming the pidfile: %w", err)
		}
		err = lockPidfile(f, path, pid)
		if err == nil {
			return f, nil
		}
		_ = f.Close() // nothing was written
		if !errors.Is(err, errReplaced) {
			return nil, err
		}
	}
}

// errReplaced: between open and lock somebody removed the file.
var errReplaced = errors.New("pidfile was replaced")

func lockPidfile(f *os.File, path string, pid int) error {
	inUse := errdefs.Conflict("pid file found, ensure docker is not running or delete %s", path)
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return inUse
	}
	ours, err := f.Stat()
	if err != nil {
		return fmt.Errorf("claiming the pidfile: %w", err)
	}
	if there, err := os.Stat(path); err != nil || !os.SameFile(ours, there) {
		return errReplaced
	}
	old, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return fmt.Errorf("reading the pidfile %s: %w", path, err)
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(old))); err == nil && n != pid && looksLikeDaemon(n) {
		return inUse
	}
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("writing the pidfile %s: %w", path, err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(pid)), 0); err != nil {
		return fmt.Errorf("writing the pidfile %s: %w", path, err)
	}
	return nil
}

// looksLikeDaemon tells whether a process lives and is called docker, dockerd…
// One that has died and waits for its parent to notice is not alive: it has let
// go of everything. The form of the line is that of proc_pid_stat(5).
func looksLikeDaemon(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, line, _ := strings.Cut(string(stat), "(")
	end := strings.LastIndexByte(line, ')')
	if end < 0 {
		return false
	}
	dead := strings.HasPrefix(line[end+1:], " Z") || strings.HasPrefix(line[end+1:], " X")
	return strings.HasPrefix(line, "docker") && !dead
}
