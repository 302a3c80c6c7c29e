//go:build linux

package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/tarsplit"
)

// openLayer gives the archive of a layer as it was received, byte for byte
// (uncompressed), and its length in bytes. The layer cannot be removed until the
// reader is closed. Reading fails with NotFound, or with a *tarsplit.FileError
// when a file has changed on the disk.
func (s *Store) openLayer(ctx context.Context, chainID string) (rc io.ReadCloser, length int64, err error) {
	l := s.hold(chainID)
	if l == nil {
		return nil, 0, errdefs.NotFound("no such layer: %s", chainID)
	}
	if length, err = s.archiveLength(l); err == nil {
		rc, err = s.assembled(ctx, l, nil)
	}
	if err != nil {
		s.unhold(chainID)
		return nil, 0, fmt.Errorf("reading layer %s: %w", chainID, err)
	}
	return &heldReader{ReadCloser: rc, release: func() { s.unhold(chainID) }}, length, nil
}

type heldReader struct {
	io.ReadCloser
	release func() // nil when it was called
}

// Close ends the stream and lets go of the layer.
func (h *heldReader) Close() error {
	err := h.ReadCloser.Close()
	if h.release != nil {
		h.release()
		h.release = nil
	}
	return err
}

// archiveLength is the length of a layer's archive, counted when it was not
// written down.
func (s *Store) archiveLength(l *layer) (int64, error) {
	if l.length > 0 {
		return l.length, nil
	}
	record, err := s.openRecord(l)
	if err != nil {
		return 0, err
	}
	defer record.Close()
	return tarsplit.Size(record)
}

// openRecord opens the record of a layer's archive.
func (s *Store) openRecord(l *layer) (io.ReadCloser, error) { return openRecord(s.layerDir(l.chainID)) }

func openRecord(dir string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(dir, recordFile))
	if err != nil {
		return nil, err
	}
	gz, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", f.Name(), err), f.Close())
	}
	return &recordReader{gz, f}, nil
}

type recordReader struct {
	*gzip.Reader
	file *os.File
}

// Close closes the file.
func (r *recordReader) Close() error { return errors.Join(r.Reader.Close(), r.file.Close()) }

// assembled gives the archive of a layer, which the caller holds. bad, when not
// nil, is told of every file that has changed, and the stream goes on.
func (s *Store) assembled(ctx context.Context, l *layer, bad func(*tarsplit.FileError)) (io.ReadCloser, error) {
	record, err := s.openRecord(l)
	if err != nil {
		return nil, err
	}
	return s.assembledFrom(ctx, l.cacheID, record, bad)
}

// assembledFrom puts the archive of a layer of the driver together by its
// record, which it closes.
func (s *Store) assembledFrom(ctx context.Context, cacheID string, record io.ReadCloser, bad func(*tarsplit.FileError)) (io.ReadCloser, error) {
	root, err := s.driver.Get(cacheID)
	if err != nil {
		return nil, errors.Join(err, record.Close())
	}
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Join(&os.PathError{Op: "open", Path: root, Err: err}, s.driver.Put(cacheID), record.Close())
	}
	a := &assembly{release: func() error {
		return errors.Join(unix.Close(dir), s.driver.Put(cacheID), record.Close())
	}}
	if a.Reader = tarsplit.NewReader(ctx, record, filesIn(dir)); bad != nil {
		a.Reader = tarsplit.NewCheck(ctx, record, filesIn(dir), bad)
	}
	return a, nil
}

type assembly struct {
	*tarsplit.Reader
	release func() error // nil when it was called
}

// Close ends the stream and lets go of the layer's files.
func (a *assembly) Close() error {
	err := a.Reader.Close()
	if a.release != nil {
		err = errors.Join(err, a.release())
		a.release = nil
	}
	return err
}

// filesIn opens files inside a directory only, whatever links it has.
type filesIn int

// Open opens one file. What is no file is not touched.
func (d filesIn) Open(name string) (io.ReadCloser, error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOATIME | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	name = filepath.Clean("/" + name)
	for {
		fd, err := unix.Openat2(int(d), name, &how)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue // a rename elsewhere made the kernel unsure
		}
		if err != nil {
			return nil, fmt.Errorf("opening it: %w", err)
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}
