//go:build linux

package graph

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/tarsplit"
)

// recordFile is what is known of a layer's archive besides its files.
const recordFile = "tar-split.json.gz"

// pendingLayer is a layer that no image has yet: a directory in tmp that becomes
// the layer's and a layer of the driver.
type pendingLayer struct {
	store    *Store
	dir      string
	cacheID  string
	parent   string // chain id
	diffID   string // set by unpack
	size     int64  // of its files
	length   int64  // of its archive
	kept     bool
	flushes  *flusher // of the operation; nil for none
	detached bool     // it gets its parent when it is unpacked; the driver is a Detacher

	recordErr error // of the archive, found by record
}

// newPending makes an empty layer on parent, whose layer in the driver is below.
func (s *Store) newPending(parent, below string) (*pendingLayer, error) {
	p := &pendingLayer{store: s, cacheID: randomID(), parent: parent}
	p.dir = s.path("tmp", "layer-"+p.cacheID)
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making layer: %w", err)
	}
	if err := s.driver.Create(p.cacheID, below, false); err != nil {
		p.drop()
		return nil, err
	}
	return p, nil
}

// drop removes the layer unless it was kept.
func (p *pendingLayer) drop() {
	if p.kept {
		return
	}
	p.kept = true
	if err := errors.Join(p.store.driver.Remove(p.cacheID), os.RemoveAll(p.dir)); err != nil {
		p.store.logf("removing an unfinished layer: %v; the next start tries again", err)
	}
}

// unpackLayer makes a layer on parent of an archive. A failure leaves nothing.
func (s *Store) unpackLayer(ctx context.Context, parent string, r io.Reader) (*pendingLayer, error) {
	below := ""
	if parent != "" {
		s.mu.Lock()
		l, depth := s.layers[parent], 0
		for at := l; at != nil; at = s.layers[at.parent] {
			depth++
		}
		s.mu.Unlock()
		switch {
		case l == nil:
			return nil, errdefs.NotFound("no such layer: %s", parent)
		case depth >= maxLayers:
			return nil, errdefs.InvalidArgument("max depth exceeded: the image would have %d layers, the most are %d", depth+1, maxLayers)
		}
		below = l.cacheID
	}
	flushes, err := s.newFlusher()
	if err != nil {
		return nil, err
	}
	defer flushes.end()
	p, err := s.newPending(parent, below)
	if err != nil {
		return nil, err
	}
	p.flushes = flushes
	if err = p.unpack(ctx, r, nil, nil); err == nil && p.diffID != emptyLayer { // of which a commit keeps nothing
		err = flushes.flush()
	}
	if err != nil {
		p.drop()
		return nil, err
	}
	return p, nil
}

// unpack reads an archive once: it is decompressed, hashed, unpacked by the
// driver and recorded so that it can be put together again byte for byte, each
// in a goroutine of its own. parents, when not nil, waits until the layers below
// are unpacked; then the driver is a Stacker. tell, when not nil, is told how
// much of r has been read.
func (p *pendingLayer) unpack(ctx context.Context, r io.Reader, parents func(context.Context) error, tell func(int64)) error {
	raw := &rawReader{r: r, tell: tell}
	plain, _, err := archive.Decompress(raw)
	if err != nil {
		return raw.blame(ctx, err)
	}
	defer plain.Close()
	p.length, err = fanOut(ctx, &wholeReader{plain: plain, raw: raw, early: early{flushes: p.flushes}}, p.hash, p.record, func(ctx context.Context, r io.Reader) error {
		return p.apply(ctx, r, parents)
	})
	switch {
	case err != nil:
		return raw.blame(ctx, err)
	case p.length == 0:
		return errdefs.InvalidArgument("the archive is empty")
	}
	return p.recordErr
}

func (p *pendingLayer) hash(_ context.Context, r io.Reader) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return err
	}
	p.diffID = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	return nil
}

func (p *pendingLayer) apply(ctx context.Context, r io.Reader, parents func(context.Context) error) (err error) {
	if p.detached {
		return p.applyDetached(ctx, r)
	}
	if parents == nil {
		p.size, err = p.store.driver.ApplyDiff(ctx, p.cacheID, r)
		return err
	}
	stacker, ok := p.store.driver.(graphdriver.Stacker)
	if !ok {
		return fmt.Errorf("driver %s unpacks one layer of a stack after the other", p.store.driver.Name())
	}
	p.size, err = stacker.ApplyAhead(ctx, p.cacheID, r, func() error { return parents(ctx) })
	return err
}

// record writes what is needed besides the files to make the archive again.
func (p *pendingLayer) record(ctx context.Context, r io.Reader) error {
	f, err := os.OpenFile(filepath.Join(p.dir, recordFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("making layer: %w", err)
	}
	defer f.Close()
	buf := bufio.NewWriterSize(f, 64<<10)
	gz, err := gzip.NewWriterLevel(buf, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := tarsplit.Record(ctx, r, gz); onHost(err) {
		return fmt.Errorf("making layer: %w", err)
	} else if err != nil {
		p.recordErr = archiveFault(err) // the driver says it better if it finds it too
		return nil
	}
	if err := errors.Join(gz.Close(), buf.Flush()); err != nil {
		return fmt.Errorf("making layer: %w", err)
	}
	return nil
}

// describe writes what is known of the layer beside its record.
func (p *pendingLayer) describe() error {
	files := map[string]string{
		"diff": p.diffID, "cache-id": p.cacheID,
		"size": strconv.FormatInt(p.size, 10), lengthFile: strconv.FormatInt(p.length, 10),
	}
	if p.parent != "" {
		files["parent"] = p.parent
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o600); err != nil {
			return fmt.Errorf("keeping layer: %w", err)
		}
	}
	return nil
}

// flush brings layers to the disk, so that those that are kept are whole after a
// power failure too. It is one call for all of them.
func (s *Store) flush() error {
	d, err := os.Open(s.path("tmp"))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return fmt.Errorf("flushing layers: %w", err)
	}
	return nil
}

// rawReader is the stream that somebody gave us, before it is decompressed. It
// remembers its own error, which is not the archive's fault.
type rawReader struct {
	r    io.Reader
	n    int64
	tell func(int64)
	err  error
}

// Read passes on.
func (r *rawReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	if r.tell != nil && n > 0 {
		r.tell(r.n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// blame says whose fault an error is.
func (r *rawReader) blame(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.err != nil:
		return r.err
	}
	return err
}

// wholeReader reads the stream below to its end, which may come after that of
// what was packed in it: who verifies it does so there.
type wholeReader struct {
	plain io.Reader
	raw   io.Reader
	early early
}

// Read gives plain bytes.
func (w *wholeReader) Read(p []byte) (int, error) {
	n, err := w.plain.Read(p)
	w.early.add(n)
	if errors.Is(err, io.EOF) {
		if _, err := io.Copy(io.Discard, w.raw); err != nil {
			return n, err
		}
	} else if err != nil {
		err = archiveFault(err)
	}
	return n, err
}

// archiveFault is an error of a parser or decoder. One that has a kind already
// comes from somewhere else and keeps it.
func archiveFault(err error) error {
	if errdefs.KindOf(err) != errdefs.KindInternal {
		return err
	}
	return errdefs.InvalidArgument("reading archive: %w", err)
}

// onHost tells whether an error is one of this host's files.
func onHost(err error) bool {
	var p *os.PathError
	return errors.As(err, &p)
}
