package logdriver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The files of a log are path, path.1, path.2… from the newest to the oldest,
// where .gz behind a number means that it is compressed. A rotation moves each
// one place up. It can be killed at any instruction, so every step leaves files
// from which the next one goes on:
//
//   - files move to the first free place only, the oldest of them first, so none
//     is ever overwritten, and a gap that a kill has left is used up;
//   - path itself is moved last, and a new one, made before under another name,
//     takes its place. When that is missing it is made at the next opening;
//   - a file moves up only, never down: who lists them from path upwards misses
//     none;
//   - the journal of the exec engine notes no write while files move.

const (
	gz    = ".gz"
	fresh = ".new" // behind the name of what is being made
)

func place(path string, n int, suffix string) string {
	return path + "." + strconv.Itoa(n) + suffix
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// Rotate begins a new file. When it fails the old one goes on.
func (w *Writer) Rotate() error {
	f, err := os.OpenFile(w.path+fresh, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return fmt.Errorf("rotating log: %w", err)
	}
	w.files.Lock()
	err = w.shift()
	if err == nil {
		err = os.Rename(w.path+fresh, w.path)
	}
	w.files.Unlock()
	if err != nil {
		_ = f.Close() // nothing was written
		return fmt.Errorf("rotating log: %w", err)
	}
	_ = w.f.Close() // writes were checked one by one
	w.f, w.size = f, 0
	w.startCompressing()
	return nil
}

// shift frees the name of the file that is written.
func (w *Writer) shift() error {
	if w.maxFile == 1 {
		return nil // the new one replaces it
	}
	gap := 1
	for gap < w.maxFile-1 && (exists(place(w.path, gap, "")) || exists(place(w.path, gap, gz))) {
		gap++
	}
	for _, suffix := range []string{"", gz} { // the oldest goes, if there was no gap
		if err := remove(place(w.path, gap, suffix)); err != nil {
			return err
		}
	}
	for n := gap - 1; n > 0; n-- {
		for _, suffix := range []string{"", gz} {
			err := os.Rename(place(w.path, n, suffix), place(w.path, n+1, suffix))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return os.Rename(w.path, place(w.path, 1, ""))
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// tidy removes what was being made when a kill came, and files beyond the
// limit, which may have become lower. Failures harm nobody.
func (w *Writer) tidy() {
	dir, base := filepath.Split(w.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), base)
		if !ours {
			continue
		}
		if strings.HasSuffix(rest, fresh) {
			_ = remove(dir + e.Name())
			continue
		}
		number, compressed := strings.CutSuffix(strings.TrimPrefix(rest, "."), gz)
		n, err := strconv.Atoi(number)
		switch {
		case err != nil:
		case n >= w.maxFile:
			_ = remove(dir + e.Name())
		case compressed:
			_ = remove(place(w.path, n, "")) // it was replaced, and not removed yet
		}
	}
}
