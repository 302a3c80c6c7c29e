package logdriver

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
)

// Writer is the file that a container's output is logged to, and the older ones
// behind it. Its methods but Close are called by one goroutine at a time.
type Writer struct {
	path     string
	maxSize  int64 // 0: no limit
	maxFile  int
	compress bool
	f        *os.File
	size     int64
	slots    chan struct{}

	files sync.Mutex // guards the names of the older files: rotation against compression
	jobs  compressing
}

// OpenWriter opens the log of a container and puts right what a kill in the
// middle of a rotation has left. slots bounds how many older files are being
// compressed at a time; all writers of a process share it.
func OpenWriter(spec *Spec, slots chan struct{}) (*Writer, error) {
	w := &Writer{
		path: spec.Path, maxSize: spec.MaxSize, maxFile: max(1, spec.MaxFile), slots: slots,
		compress: spec.Compress && spec.MaxFile > 1 && spec.MaxSize > 0,
	}
	err := w.open()
	if errors.Is(err, fs.ErrNotExist) && spec.Driver == Local {
		if err := os.Mkdir(filepath.Dir(w.path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		err = w.open()
	}
	if err != nil {
		return nil, err
	}
	if w.maxSize > 0 {
		w.tidy()
		w.startCompressing()
	}
	return w, nil
}

func (w *Writer) open() error {
	f, err := os.OpenFile(w.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	w.f = f
	if err := w.Measure(); err != nil {
		_ = f.Close() // nothing was written
		return err
	}
	return nil
}

// File is the file that is written. It changes with Rotate.
func (w *Writer) File() *os.File { return w.f }

// Size is how long that file is.
func (w *Writer) Size() int64 { return w.size }

// Measure reads the size of the file again, after somebody else has changed it.
func (w *Writer) Measure() error {
	info, err := w.f.Stat()
	if err == nil {
		w.size = info.Size()
	}
	return err
}

// Left is how many bytes the file takes before it is full. Records are whole: as
// with Docker, the one that passes the limit is the last one of its file.
func (w *Writer) Left() int64 {
	if w.maxSize <= 0 {
		return math.MaxInt64
	}
	return max(0, w.maxSize-w.size)
}

// Append writes all of b or nothing.
func (w *Writer) Append(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	n, err := w.f.Write(b)
	if err != nil {
		if n > 0 {
			err = errors.Join(err, w.f.Truncate(w.size))
		}
		return err
	}
	w.size += int64(n)
	return nil
}

// Close ends the writing. A compression that is under way is given up; it begins
// again with the next OpenWriter.
func (w *Writer) Close() {
	w.stopCompressing()
	_ = w.f.Close() // writes were checked one by one
}
