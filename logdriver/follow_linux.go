package logdriver

import (
	"context"
	"errors"
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
	w := newWatch(r.spec.Path)
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
			if err := r.idle(); err != nil {
				return err
			}
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

// watch waits for changes in the directory of a log. Where the kernel has no
// more watches to give, or there is no directory yet, it looks now and then.
type watch struct {
	f   *os.File // inotify; nil: none
	buf [4096]byte

	mu    sync.Mutex // guards over
	over  bool
	woken chan struct{}
}

// lookEvery is how often it looks without a watch.
const lookEvery = 100 * time.Millisecond

func newWatch(path string) *watch {
	w := &watch{woken: make(chan struct{})}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return w
	}
	mask := uint32(unix.IN_MODIFY | unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_DELETE_SELF)
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), mask); err != nil {
		unix.Close(fd)
		return w
	}
	w.f = os.NewFile(uintptr(fd), "inotify")
	return w
}

// wait blocks until something happened in the directory or wake was called.
func (w *watch) wait() error {
	if w.f == nil {
		select {
		case <-w.woken:
		case <-time.After(lookEvery):
		}
		return nil
	}
	select {
	case <-w.woken:
		return nil
	default:
	}
	if _, err := w.f.Read(w.buf[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// wake ends the present and all later waits.
func (w *watch) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	w.over = true
	close(w.woken)
	if w.f != nil {
		_ = w.f.SetReadDeadline(time.Unix(1, 0)) // fails only on a closed file, where nobody waits
	}
}

func (w *watch) close() {
	if w.f != nil {
		_ = w.f.Close() // it was read only
	}
}
