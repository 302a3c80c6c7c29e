package logdriver

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
)

// Older files are compressed beside the writing, which waits for nothing but
// the renaming of files. A compressed file appears by a rename once it is on
// the disk, then the plain one is removed; a kill in between leaves both, and
// tidy removes the plain one.
//
// When files are rotated faster than they can be compressed they are removed
// uncompressed when it is their turn, so the limit on their number holds.

// compressing is the one goroutine of a writer that compresses.
type compressing struct {
	mu      sync.Mutex // guards the three flags
	running bool
	again   bool // there may be more to do
	closed  bool
	done    sync.WaitGroup
}

func (w *Writer) startCompressing() {
	if !w.compress {
		return
	}
	w.jobs.mu.Lock()
	defer w.jobs.mu.Unlock()
	w.jobs.again = true
	if w.jobs.running || w.jobs.closed {
		return
	}
	w.jobs.running = true
	w.jobs.done.Go(w.compressAll)
}

func (w *Writer) stopCompressing() {
	w.jobs.mu.Lock()
	w.jobs.closed = true
	w.jobs.mu.Unlock()
	w.jobs.done.Wait()
}

func (w *Writer) stopped() bool {
	w.jobs.mu.Lock()
	defer w.jobs.mu.Unlock()
	return w.jobs.closed
}

// more tells whether compressAll has to look again.
func (w *Writer) more() bool {
	w.jobs.mu.Lock()
	defer w.jobs.mu.Unlock()
	more := w.jobs.again && !w.jobs.closed
	w.jobs.again, w.jobs.running = false, more
	return more
}

// compressAll compresses all older files that are plain, the newest first: it
// lives longest. A failure leaves a file as it is.
func (w *Writer) compressAll() {
	for w.more() {
		for n := 1; n < w.maxFile && !w.stopped(); n++ {
			f, err := os.Open(place(w.path, n, ""))
			if err != nil {
				continue
			}
			w.slots <- struct{}{}
			err = w.compressOne(f)
			<-w.slots
			_ = f.Close() // it was read only
			if err == nil {
				n = 0 // files have moved meanwhile, perhaps
			}
		}
	}
}

var errStopped = errors.New("stopped")

// compressOne replaces a file by its compressed form, wherever it is by then.
func (w *Writer) compressOne(f *os.File) error {
	name := w.path + gz + fresh
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	err = errors.Join(w.pack(out, f), out.Close())
	if err == nil {
		err = w.replace(f, name)
	}
	if err != nil {
		_ = remove(name) // tidy does, if this fails
	}
	return err
}

func (w *Writer) pack(out, in *os.File) error {
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	info, err := in.Stat()
	if err != nil {
		return err
	}
	z.Extra = identify(info).extra()
	for {
		if w.stopped() {
			return errStopped
		}
		_, err := io.CopyN(z, in, 64<<10)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return out.Sync()
}

func (w *Writer) replace(f *os.File, name string) error {
	w.files.Lock()
	defer w.files.Unlock()
	have, err := f.Stat()
	if err != nil {
		return err
	}
	for n := 1; n < w.maxFile; n++ {
		now, err := os.Stat(place(w.path, n, ""))
		if err != nil || !os.SameFile(have, now) {
			continue
		}
		if err := os.Rename(name, place(w.path, n, gz)); err != nil {
			return err
		}
		return os.Remove(place(w.path, n, ""))
	}
	return errStopped // it was removed
}

// A compressed file says which plain one it was in an extra field "DL" of its
// header: a reader knows from it that it has read this one.

// identity tells one plain file from all others, once it is not written any
// more: inodes are used again, but not with the same last change.
type identity struct{ inode, changed uint64 }

func identify(info os.FileInfo) identity {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}
	}
	return identity{st.Ino, uint64(info.ModTime().UnixNano())}
}

func (id identity) extra() []byte {
	b := []byte{'D', 'L', 16, 0}
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, id.inode), id.changed)
}

func parseIdentity(extra []byte) identity {
	if len(extra) != 20 || extra[0] != 'D' || extra[1] != 'L' {
		return identity{} // somebody else has compressed it
	}
	return identity{binary.LittleEndian.Uint64(extra[4:]), binary.LittleEndian.Uint64(extra[12:])}
}
