//go:build linux

package graph

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"os"
	"path/filepath"

	"github.com/vbatts/tar-split/tar/asm"
	"github.com/vbatts/tar-split/tar/storage"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/archive"
)

// pendingLayer is an unpacked layer that no image has yet.
type pendingLayer struct {
	store   *Store
	dir     string // in tmp; becomes the layer's directory
	cacheID string
	parent  string // chain id
	diffID  string
	size    int64
	kept    bool
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

// unpackLayer reads an archive once: it is decompressed, hashed, unpacked by
// the driver and recorded so that it can be put together again byte for byte.
// A failure leaves nothing.
func (s *Store) unpackLayer(ctx context.Context, parent string, r io.Reader) (*pendingLayer, error) {
	p := &pendingLayer{store: s, cacheID: randomID(), parent: parent}
	p.dir = s.path("tmp", "layer-"+p.cacheID)
	below := ""
	if parent != "" {
		s.mu.Lock()
		l := s.layers[parent]
		s.mu.Unlock()
		if l == nil {
			return nil, errdefs.NotFound("no such layer: %s", parent)
		}
		below = l.cacheID
	}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making layer: %w", err)
	}
	if err := s.driver.Create(p.cacheID, below, false); err != nil {
		p.drop()
		return nil, err
	}
	if err := p.unpack(ctx, r); err != nil {
		p.drop()
		return nil, err
	}
	return p, nil
}

func (p *pendingLayer) unpack(ctx context.Context, r io.Reader) error {
	plain, _, err := archive.Decompress(r)
	if err != nil {
		return graphdriver.ArchiveError(err)
	}
	defer plain.Close()
	record, err := newRecord(filepath.Join(p.dir, "tar-split.json.gz"))
	if err != nil {
		return fmt.Errorf("making layer: %w", err)
	}
	defer record.close()
	hash := sha256.New()
	source := &countingReader{r: io.TeeReader(plain, hash), ctx: ctx}
	recording, abort := context.WithCancel(ctx)
	defer abort()
	split, done, err := asm.NewInputTarStreamWithDone(source, record.packer, &checksum{ctx: recording, buf: make([]byte, 128<<10)})
	if err != nil {
		return err
	}
	p.size, err = p.store.driver.ApplyDiff(ctx, p.cacheID, bufio.NewReaderSize(split, 256<<10))
	if err == nil {
		_, err = io.Copy(io.Discard, split) // padding counts for the digest
	}
	// The recorder has seen the end now, or is to give up.
	abort()
	err = errors.Join(err, split.Close())
	splitErr := <-done
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	case splitErr != nil:
		return errdefs.InvalidArgument("reading archive: %w", splitErr)
	case source.n == 0:
		return errdefs.InvalidArgument("the archive is empty")
	}
	p.diffID = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	if err := record.finish(); err != nil {
		return fmt.Errorf("making layer: %w", err)
	}
	return p.flush()
}

// flush brings the files of the layer to the disk, so that a layer that is
// kept is whole after a power failure too.
func (p *pendingLayer) flush() error {
	d, err := os.Open(p.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return fmt.Errorf("flushing layer: %w", err)
	}
	return nil
}

// countingReader counts and ends with its context.
type countingReader struct {
	r   io.Reader
	ctx context.Context //nolint:containedctx // lives as long as one call
	n   int64
}

// Read passes on until the context ends.
func (c *countingReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// checksum sums up the contents of files for the recorder. It ends with its
// context: the zeros of a sparse file can go on for ever without a read.
type checksum struct {
	ctx context.Context //nolint:containedctx // lives as long as one call
	buf []byte
}

// Put reads one file. The recorder calls it for one at a time.
func (c *checksum) Put(_ string, input io.Reader) (int64, []byte, error) {
	sum := crc64.New(storage.CRCTable)
	n, err := io.CopyBuffer(sum, &countingReader{r: input, ctx: c.ctx}, c.buf)
	return n, sum.Sum(nil), err
}

// splitRecord is the file that tar-split's entries go to.
type splitRecord struct {
	file   *os.File
	buf    *bufio.Writer
	gz     *gzip.Writer
	packer storage.Packer
}

func newRecord(path string) (*splitRecord, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	r := &splitRecord{file: f, buf: bufio.NewWriterSize(f, 64<<10)}
	if r.gz, err = gzip.NewWriterLevel(r.buf, gzip.BestSpeed); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.packer = storage.NewJSONPacker(r.gz)
	return r, nil
}

func (r *splitRecord) finish() error {
	return errors.Join(r.gz.Close(), r.buf.Flush(), r.file.Sync())
}

func (r *splitRecord) close() { _ = r.file.Close() }

// assembled gives the archive of a layer as it was received.
func (s *Store) assembled(l *layer) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(s.layerDir(l.chainID), "tar-split.json.gz"))
	if err != nil {
		return nil, err
	}
	gz, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	root, err := s.driver.Get(l.cacheID)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	tree, err := os.OpenRoot(root)
	if err != nil {
		return nil, errors.Join(err, s.driver.Put(l.cacheID), f.Close())
	}
	out := asm.NewOutputTarStream(rootGetter{tree}, storage.NewJSONUnpacker(gz))
	return &assembly{ReadCloser: out, release: func() error {
		return errors.Join(tree.Close(), s.driver.Put(l.cacheID), f.Close())
	}}, nil
}

// rootGetter opens files inside a layer only, whatever links it has.
type rootGetter struct{ root *os.Root }

// Get opens one file.
func (g rootGetter) Get(name string) (io.ReadCloser, error) {
	name = filepath.Clean("/" + name)[1:]
	return g.root.Open(name)
}

type assembly struct {
	io.ReadCloser
	release func() error
}

// Close ends the stream and lets go of the layer.
func (a *assembly) Close() error { return errors.Join(a.ReadCloser.Close(), a.release()) }
