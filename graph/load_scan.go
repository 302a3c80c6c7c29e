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
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/archive"
)

// loader is one run of load. The entries of an archive come in any order.
// Documents are kept in memory. Layers are unpacked while they are read, before
// it is known on which others they lie, where the driver can; else they wait in
// nameless files for the documents that tell where they belong.
type loader struct {
	store    *Store
	progress *loadProgress // nil when nobody wants it, and after scan
	contents *loadContents
	releases []func() // of layers that are held
	spools   []*os.File
	flushes  *flusher
}

// loadedLayer is the archive of a layer that came.
type loadedLayer struct {
	name    string
	size    int64         // bytes as they came
	digest  string        // of these
	diffID  string        // "" when it waits
	spool   *os.File      // has them; nil when it was unpacked or is known
	pending *pendingLayer // unpacked; nil when it waits or is known
	chainID string        // a layer of the store, which is held, that is the same; "" for none
	again   bool          // it fits nowhere as it was unpacked
	fault   error         // of its archive, for an image that wants it
}

// close lets go of everything. Layers that no image has got go.
func (l *loader) close() error {
	var errs []error
	l.endProgress()
	l.flushes.end()
	for _, f := range l.spools {
		errs = append(errs, f.Close())
	}
	for _, layer := range l.contents.layers { // they may lie on those below
		if layer.pending != nil {
			layer.pending.drop()
		}
	}
	for _, release := range slices.Backward(l.releases) {
		release()
	}
	return errors.Join(errs...)
}

func (l *loader) endProgress() {
	if l.progress != nil {
		l.progress.end()
		l.progress = nil
	}
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
		return l.layer(ctx, name, size, body)
	}
	l.contents.others[name] = struct{}{}
	return nil
}

// layer takes a layer in: unpacked or kept in a file.
func (l *loader) layer(ctx context.Context, name string, size int64, body *bufio.Reader) error {
	in := io.Reader(&loadReader{r: body, ctx: ctx})
	if l.progress != nil {
		in = l.progress.reader(in, image.ShortID(layerName(name)), size)
	}
	layer := &loadedLayer{name: name, size: size}
	l.contents.layers[name] = layer
	head, _ := body.Peek(6) // it was there
	packed := archive.Detect(head) != archive.None
	if known := l.store.holdAny(layer.claims()); known != nil && !packed {
		l.hold(known)
		return layer.recognise(known, in)
	} else if known != nil {
		l.store.unhold(known.chainID)
	}
	if _, ok := l.store.driver.(graphdriver.Detacher); ok {
		return layer.unpackOrBlame(ctx, l.store, l.flushes, in, packed)
	}
	return l.spool(layer, in)
}

// hold keeps until close what the caller holds.
func (l *loader) hold(held *layer) {
	l.releases = append(l.releases, func() { l.store.unhold(held.chainID) })
}

// claims is the digest that the name of the entry says, "" for none.
func (layer *loadedLayer) claims() string {
	digits := strings.TrimSuffix(layerName(layer.name), ".tar")
	if len(digits) != 64 || !image.IsHex(digits) {
		return ""
	}
	return "sha256:" + digits
}

// recognise takes a layer that is there already, if that is what it is: nothing
// is unpacked.
func (layer *loadedLayer) recognise(known *layer, in io.Reader) error {
	hash := sha256.New()
	if _, err := io.CopyBuffer(struct{ io.Writer }{hash}, in, make([]byte, 256<<10)); err != nil {
		return fmt.Errorf("reading layer %s: %w", layer.name, err)
	}
	layer.digest = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	if layer.digest != known.diffID {
		return errdefs.InvalidArgument("the layer %q in the archive of images has the digest %s", layer.name, layer.digest)
	}
	layer.diffID, layer.chainID = known.diffID, known.chainID
	return nil
}

// spool keeps a layer in a file without a name.
func (l *loader) spool(layer *loadedLayer, in io.Reader) error {
	fd, err := unix.Open(l.store.path("tmp"), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("making a file for layer %s: %w", layer.name, err)
	}
	f := os.NewFile(uintptr(fd), "layer")
	l.spools = append(l.spools, f)
	hash := sha256.New()
	if _, err := io.CopyBuffer(struct{ io.Writer }{f}, io.TeeReader(in, hash), make([]byte, 256<<10)); err != nil {
		return fmt.Errorf("reading layer %s: %w", layer.name, err)
	}
	layer.digest, layer.spool = "sha256:"+hex.EncodeToString(hash.Sum(nil)), f
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
