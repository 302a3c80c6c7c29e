package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Compression is a way in which a stream is packed.
type Compression int

// The compressions that are recognised.
const (
	None Compression = iota
	Gzip
	Bzip2
	Xz
	Zstd
)

// maxWindow bounds the memory that a zstd frame may ask for.
const maxWindow = 128 << 20

// What a packed stream may become before it is taken for a bomb, which is made
// to fill a disk: so much in any case, and so many times its own size. gzip
// cannot do more than 1032 times; what the others can is only zeros.
const (
	freePlain = 1 << 30
	maxRatio  = 2000
)

var magics = [...]struct {
	kind  Compression
	bytes []byte
}{
	{Gzip, []byte{0x1f, 0x8b, 0x08}},
	{Bzip2, []byte("BZh")},
	{Xz, []byte{0xfd, '7', 'z', 'X', 'Z', 0}},
	{Zstd, []byte{0x28, 0xb5, 0x2f, 0xfd}},
}

// String gives the usual name.
func (c Compression) String() string {
	return [...]string{"none", "gzip", "bzip2", "xz", "zstd"}[c]
}

// Detect recognises a compression by the first bytes of a stream. Too few
// bytes are not compressed.
func Detect(head []byte) Compression {
	for _, m := range magics {
		if bytes.HasPrefix(head, m.bytes) {
			return m.kind
		}
	}
	return None
}

// Decompress gives the plain bytes of r, whatever its compression. Close frees
// the decoder and leaves r alone. An empty r is an empty stream. A stream that
// becomes more than a gigabyte and 2000 times its own size is refused.
func Decompress(r io.Reader) (io.ReadCloser, Compression, error) {
	packed := &counter{r: r}
	buf := bufio.NewReaderSize(packed, 64<<10)
	head, err := buf.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, None, fmt.Errorf("reading archive: %w", err)
	}
	kind := Detect(head)
	plain, err := decoder(buf, kind)
	if err != nil {
		return nil, kind, &Error{Err: fmt.Errorf("%s: %w", kind, err)}
	}
	if kind != None {
		plain = &bounded{ReadCloser: plain, packed: packed, kind: kind, free: freePlain}
	}
	return plain, kind, nil
}

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n atomic.Int64 // a decoder may read ahead in a goroutine of its own
}

// Read passes on.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// bounded ends a stream that grows beyond measure.
type bounded struct {
	io.ReadCloser
	packed *counter
	kind   Compression
	free   int64
	n      int64
}

// Read passes on as long as the stream is within its bounds.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	if read := b.packed.n.Load(); b.n > b.free && b.n/maxRatio > read {
		return 0, invalid("", "%s: %d bytes become more than %d; it looks like a bomb", b.kind, read, b.n)
	}
	return n, err
}

func decoder(r *bufio.Reader, kind Compression) (io.ReadCloser, error) {
	switch kind {
	case Gzip:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		return blaming{z, kind, z.Close}, nil
	case Bzip2:
		return blaming{bzip2.NewReader(r), kind, nil}, nil
	case Xz:
		z, err := xz.NewReader(r)
		if err != nil {
			return nil, err
		}
		return blaming{z, kind, nil}, nil
	case Zstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return blaming{z, kind, func() error { z.Close(); return nil }}, nil
	}
	return io.NopCloser(r), nil
}

// blaming says which decoder failed, so that a broken stream is told from a
// broken archive.
type blaming struct {
	io.Reader
	kind  Compression
	close func() error
}

// Read passes errors on with the decoder's name.
func (b blaming) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // io.EOF is never wrapped by contract
		err = fmt.Errorf("%s: %w", b.kind, err)
	}
	return n, err
}

// Close frees the decoder.
func (b blaming) Close() error {
	if b.close == nil {
		return nil
	}
	return b.close()
}
