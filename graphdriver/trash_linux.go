package graphdriver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Trash removes trees in the background. A thrown tree vanishes from its place
// at once by a rename; a process that dies leaves it in the trash directory,
// which OpenTrash empties.
type Trash struct {
	dir  string
	logf func(format string, args ...any)

	mu     sync.Mutex
	queue  []string // guarded by mu: names in dir
	next   int      // guarded by mu
	closed bool     // guarded by mu

	wake chan struct{} // one token: the queue changed
	stop chan struct{} // closed: no more after the present tree
	done chan struct{}
}

// deepTree is where removal stops recursing and moves a sub-tree to the top.
const deepTree = 100

// OpenTrash makes dir if needed and begins to remove what is in it.
func OpenTrash(dir string, logf func(string, ...any)) (*Trash, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	t := &Trash{dir: dir, logf: logf, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	for _, e := range left {
		t.queue = append(t.queue, e.Name())
		if n, err := strconv.Atoi(e.Name()); err == nil && n >= t.next {
			t.next = n + 1
		}
	}
	t.wake <- struct{}{}
	go t.work()
	return t, nil
}

// Throw takes the tree at path away. A path that does not exist is fine.
func (t *Trash) Throw(path string) error {
	name := t.name()
	err := os.Rename(path, filepath.Join(t.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("removing %s: %w", path, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, name)
	if !t.closed {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

func (t *Trash) name() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	return strconv.Itoa(t.next)
}

// Close removes what is left for at most the given time and ends the worker.
// The rest waits for the next OpenTrash.
func (t *Trash) Close(patience time.Duration) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		<-t.done
		return
	}
	t.closed = true
	t.mu.Unlock()
	timer := time.AfterFunc(patience, func() { close(t.stop) })
	close(t.wake)
	<-t.done
	if timer.Stop() {
		close(t.stop)
	}
}

func (t *Trash) work() {
	defer close(t.done)
	for range t.wake {
		for name, ok := t.take(); ok; name, ok = t.take() {
			if err := t.empty(name); err != nil {
				t.logf("removing %s: %v; trying again at the next start", filepath.Join(t.dir, name), err)
			}
		}
	}
}

func (t *Trash) take() (string, bool) {
	select {
	case <-t.stop:
		return "", false
	default:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return "", false
	}
	name := t.queue[0]
	t.queue = t.queue[1:]
	return name, true
}

// empty removes one tree of the trash.
func (t *Trash) empty(name string) error {
	dir, err := unix.Open(t.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return t.remove(dir, dir, name, 0)
}

var errStopped = errors.New("stopped")

// remove deletes base in dir. Trees too deep to recurse into are moved to the
// top of the trash and taken later.
func (t *Trash) remove(top, dir int, base string, depth int) error {
	err := unix.Unlinkat(dir, base, 0)
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return ignoreMissing(err)
	}
	if unix.Unlinkat(dir, base, unix.AT_REMOVEDIR) == nil {
		return nil
	}
	if depth > deepTree {
		return t.moveUp(top, dir, base)
	}
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return ignoreMissing(err)
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	for range 3 { // a directory may show its names anew while it shrinks
		if err := t.removeNames(top, f, depth); err != nil {
			return err
		}
		err = unix.Unlinkat(dir, base, unix.AT_REMOVEDIR)
		if !errors.Is(err, unix.ENOTEMPTY) {
			break
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	return ignoreMissing(err)
}

// removeNames deletes what is in the open directory f.
func (t *Trash) removeNames(top int, f *os.File, depth int) error {
	for {
		names, err := f.Readdirnames(512)
		for _, n := range names {
			if err := t.remove(top, int(f.Fd()), n, depth+1); err != nil {
				return err
			}
		}
		if err != nil || len(names) == 0 {
			return nil //nolint:nilerr // the end of the list, or rmdir will tell
		}
		select {
		case <-t.stop:
			return errStopped
		default:
		}
	}
}

func (t *Trash) moveUp(top, dir int, base string) error {
	name := t.name()
	if err := unix.Renameat(dir, base, top, name); err != nil {
		return err
	}
	t.mu.Lock()
	t.queue = append(t.queue, name)
	t.mu.Unlock()
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}
