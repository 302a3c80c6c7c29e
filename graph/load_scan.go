//go:build linux

package graph

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/jsonstream"
)

// loader is one run of load. Its entries come in any order: documents are kept
// in memory, layers wait in nameless files for the documents that tell where
// they belong.
type loader struct {
	store    *Store
	out      *jsonstream.Writer
	quiet    bool
	contents *loadContents
	held     []*heldLayers
	spools   []*os.File
}

// loadedLayer is the archive of a layer as it came.
type loadedLayer struct {
	name   string
	size   int64    // bytes as they came
	digest string   // of these
	spool  *os.File // has them
}

// close lets go of everything. Layers that no image has got go.
func (l *loader) close() error {
	var errs []error
	for _, f := range l.spools {
		errs = append(errs, f.Close())
	}
	for _, h := range l.held {
		h.release()
	}
	return errors.Join(errs...)
}

// scan reads the archive to its end.
func (l *loader) scan(ctx context.Context, stdin io.Reader) error {
	source := &loadReader{r: stdin, ctx: ctx}
	plain, _, err := archive.Decompress(source)
	if err != nil {
		return graphdriver.ArchiveError(err)
	}
	defer plain.Close()
	tr := tar.NewReader(plain)
	body := bufio.NewReaderSize(nil, 256<<10)
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return scanError(ctx, source.n, err)
		}
		body.Reset(tr)
		if err := l.entry(ctx, hdr, body); err != nil {
			return err
		}
	}
	if source.n == 0 {
		return errdefs.InvalidArgument("the archive is empty")
	}
	// What comes after the end mark is of no use to anybody, but who sends it
	// may wait until it is read.
	_, err = io.Copy(io.Discard, plain)
	if err != nil {
		return scanError(ctx, source.n, err)
	}
	return nil
}

func scanError(ctx context.Context, at int64, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errdefs.InvalidArgument("the archive of images ends in the middle, after %d bytes: %w", at, err)
	}
	return errdefs.InvalidArgument("reading the archive of images: %w", err)
}

func (l *loader) entry(ctx context.Context, hdr *tar.Header, body *bufio.Reader) error {
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := loadName(hdr.Name)
	if err != nil {
		return err
	}
	if hdr.Typeflag == tar.TypeDir {
		return nil
	}
	if err := l.contents.enter(name); err != nil {
		return err
	}
	switch hdr.Typeflag {
	case tar.TypeReg, '\x00':
		if isSparseEntry(hdr) {
			return errdefs.InvalidArgument("%q in the archive of images is sparse", name)
		}
		return l.file(ctx, name, hdr.Size, body)
	case tar.TypeSymlink:
		return l.contents.link(name, hdr.Linkname, true)
	case tar.TypeLink:
		return l.contents.link(name, hdr.Linkname, false)
	}
	return errdefs.InvalidArgument("%q in the archive of images is neither a file nor a directory nor a link", name)
}

func isSparseEntry(hdr *tar.Header) bool {
	for key := range hdr.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// entryKind is what the content of a file looks like.
type entryKind int

const (
	entryOther entryKind = iota
	entryDocument
	entryLayer
)

// sniff tells layers from documents by how they begin.
func sniff(head []byte, size int64) entryKind {
	const magicAt = 257 // of a tar header
	switch {
	case archive.Detect(head) != archive.None:
		return entryLayer
	case len(head) == 512 && (string(head[magicAt:magicAt+5]) == "ustar" || isOldHeader(head)):
		return entryLayer
	case len(head) == 512 && size%512 == 0 && len(bytes.Trim(head, "\x00")) == 0:
		return entryLayer // an archive of nothing
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	if size <= image.MaxConfigSize && len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return entryDocument
	}
	return entryOther
}

// isOldHeader recognises the header of an archive from before POSIX by its
// checksum.
func isOldHeader(head []byte) bool {
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return err == nil
}

func (l *loader) file(ctx context.Context, name string, size int64, body *bufio.Reader) error {
	head, err := body.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return scanError(ctx, 0, err)
	}
	switch sniff(head, size) {
	case entryDocument:
		raw, err := io.ReadAll(body)
		if err != nil {
			return scanError(ctx, 0, err)
		}
		return l.contents.keep(name, raw)
	case entryLayer:
		return l.spool(ctx, name, size, body)
	}
	l.contents.others[name] = struct{}{}
	return nil
}

// spool keeps a layer in a file without a name.
func (l *loader) spool(ctx context.Context, name string, size int64, body io.Reader) error {
	fd, err := unix.Open(l.store.path("tmp"), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("making a file for layer %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), "layer")
	l.spools = append(l.spools, f)
	hash := sha256.New()
	source := &loadReader{r: body, ctx: ctx}
	in := io.Reader(source)
	if !l.quiet {
		in = l.out.NewReader(source, size, image.ShortID(layerName(name)), "Loading layer")
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{f}, io.TeeReader(in, hash), make([]byte, 256<<10)); err != nil {
		if _, broken := errors.AsType[*os.PathError](err); broken {
			return fmt.Errorf("keeping layer %s: %w", name, err)
		}
		return scanError(ctx, 0, err)
	}
	l.contents.layers[name] = &loadedLayer{name: name, size: size, digest: "sha256:" + hex.EncodeToString(hash.Sum(nil)), spool: f}
	return nil
}

// layerName is what of the name of an entry tells one layer from others.
func layerName(name string) string {
	name = strings.TrimSuffix(name, "/layer.tar")
	return name[strings.LastIndexByte(name, '/')+1:]
}

// loadReader counts and ends with its context.
type loadReader struct {
	r   io.Reader
	ctx context.Context //nolint:containedctx // lives as long as one call
	n   int64
}

// Read passes on until the context ends.
func (c *loadReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
