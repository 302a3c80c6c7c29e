package builder

import (
	"errors"
	"io"
	"os"
	"sync"
)

// keptInMemory is how many bytes of a stage's messages wait in memory; more go
// into a file.
const keptInMemory = 256 << 10

// holdback keeps the messages of a stage until those of the stages before it are
// out: what a client sees is in the order of the Dockerfile.
type holdback struct {
	to  io.Writer
	dir string // of the file

	mu   sync.Mutex // held while the client takes messages: they stay in order
	live bool
	kept []byte
	file *os.File
	err  error
}

// Write passes on, or keeps.
func (h *holdback) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.err != nil:
		return 0, h.err
	case h.live:
		return h.to.Write(b)
	case h.file == nil && len(h.kept)+len(b) <= keptInMemory:
		h.kept = append(h.kept, b...)
		return len(b), nil
	case h.file == nil:
		f, err := os.CreateTemp(h.dir, "messages-")
		if err == nil {
			h.file, err = f, os.Remove(f.Name())
		}
		if err != nil {
			h.err = err
			return 0, err
		}
	}
	return h.file.Write(b)
}

// open lets everything out, and what comes.
func (h *holdback) open() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.live {
		return nil
	}
	h.live = true
	_, err := h.to.Write(h.kept)
	h.kept = nil
	if h.file != nil {
		_, serr := h.file.Seek(0, io.SeekStart)
		_, cerr := io.Copy(h.to, h.file)
		err = errors.Join(err, serr, cerr, h.file.Close())
		h.file = nil
	}
	return err
}

// drop forgets what nobody will see.
func (h *holdback) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = nil
	if h.file != nil {
		_ = h.file.Close()
		h.file = nil
	}
}
