package jsonlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// follow reads to the end again whenever the kernel tells that the file has
// grown. The watch is set before the first reading, so nothing is missed; the
// directory is watched too, for a file that appears later or is replaced.
func (r *reader) follow(ctx context.Context) error {
	if !r.opt.Until.IsZero() {
		var cancel context.CancelFunc
		parent := ctx
		ctx, cancel = context.WithDeadline(ctx, r.opt.Until)
		defer cancel()
		err := r.followUntil(ctx)
		if parent.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		return err
	}
	return r.followUntil(ctx)
}

func (r *reader) followUntil(ctx context.Context) error {
	w, err := newWatch(r.path)
	if err != nil {
		return err
	}
	defer w.close()
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := context.AfterFunc(ctx, w.wake)
	defer stop()
	if r.opt.Done != nil {
		over := make(chan struct{})
		defer close(over)
		wg.Add(1)
		go func() {
			defer wg.Done()
			select {
			case <-r.opt.Done:
				w.wake()
			case <-over:
			}
		}()
	}
	for {
		done := r.isDone()
		if err := r.catchUp(ctx); err != nil {
			return err
		}
		if done {
			return nil
		}
		if ctx.Err() == nil && !r.isDone() {
			if err := w.wait(); err != nil {
				return err
			}
		}
	}
}

func (r *reader) isDone() bool {
	select {
	case <-r.opt.Done:
		return true
	default:
		return false
	}
}

// catchUp reads what is new, through truncation and replacement of the file.
func (r *reader) catchUp(ctx context.Context) error {
	if r.f == nil {
		if err := r.open(); err != nil || r.f == nil {
			return errors.Join(err, ctx.Err())
		}
		r.opt.Tail = -1 // only the first file has a past that may be unwanted
	}
	if info, err := r.f.Stat(); err == nil && info.Size() < r.pos {
		r.close()
		r.part = r.part[:0]
		return r.catchUp(ctx)
	}
	if err := r.drain(ctx); err != nil {
		return err
	}
	now, err := os.Stat(r.path)
	if err != nil {
		return nil // renamed away: go on with what is open until a new one is there
	}
	if have, err := r.f.Stat(); err == nil && !os.SameFile(have, now) {
		r.close()
		r.part = r.part[:0]
		return r.catchUp(ctx)
	}
	return nil
}

// watch is an inotify descriptor on a file's directory and, by it, the file.
type watch struct {
	f   *os.File
	buf [4096]byte

	mu    sync.Mutex // guards woken
	woken bool
}

func newWatch(path string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", path, err)
	}
	w := &watch{f: os.NewFile(uintptr(fd), "inotify")}
	mask := uint32(unix.IN_MODIFY | unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_DELETE_SELF)
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), mask); err != nil {
		w.f.Close()
		return nil, fmt.Errorf("watching %s: %w", filepath.Dir(path), err)
	}
	return w, nil
}

// wait blocks until something happened in the directory or wake was called.
func (w *watch) wait() error {
	w.mu.Lock()
	woken := w.woken
	w.mu.Unlock()
	if woken {
		return nil
	}
	if _, err := w.f.Read(w.buf[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// wake ends the present and all later waits.
func (w *watch) wake() {
	w.mu.Lock()
	w.woken = true
	w.mu.Unlock()
	_ = w.f.SetReadDeadline(time.Unix(1, 0)) // fails only on a closed file, where nobody waits
}

func (w *watch) close() { w.f.Close() }
