//go:build linux

package graph

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// flushEvery is how many bytes come between two flushes that are not waited for.
const flushEvery = 48 << 20

// flusher brings to the disk what an operation has written while more comes, so
// that little is left to wait for at the end. It is one operation's, from its
// beginning: what fails to reach the disk from then on is told to it, whoever
// else asks.
type flusher struct {
	dir     *os.File
	running sync.WaitGroup

	mu   sync.Mutex
	busy bool  // guarded by mu
	err  error // guarded by mu; the kernel tells a failure once
}

// newFlusher makes one; end must follow.
func (s *Store) newFlusher() (*flusher, error) {
	dir, err := os.Open(s.path("tmp"))
	if err != nil {
		return nil, fmt.Errorf("flushing layers: %w", err)
	}
	return &flusher{dir: dir}, nil
}

// begin starts a flush unless one is running.
func (f *flusher) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy {
		return
	}
	f.busy = true
	f.running.Go(func() {
		err := f.sync()
		f.mu.Lock()
		defer f.mu.Unlock()
		f.busy, f.err = false, errors.Join(f.err, err)
	})
}

func (f *flusher) sync() error {
	if err := unix.Syncfs(int(f.dir.Fd())); err != nil {
		return fmt.Errorf("flushing layers: %w", err)
	}
	return nil
}

// flush waits until everything that was written is on the disk.
func (f *flusher) flush() error {
	f.running.Wait()
	err := f.sync()
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.err, err)
}

// end waits for what is running.
func (f *flusher) end() {
	f.running.Wait()
	_ = f.dir.Close() // it was open to be flushed
}

// early calls begin now and then while something is read.
type early struct {
	flushes *flusher // nil for never
	n       int64
}

func (e *early) add(n int) {
	if e.flushes == nil {
		return
	}
	if e.n += int64(n); e.n >= flushEvery {
		e.n = 0
		e.flushes.begin()
	}
}
