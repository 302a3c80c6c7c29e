package logdriver

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
)

// block is how much is read at a time.
const block = 256 << 10

// buffer holds what was read and not decoded: mostly the beginning of a record.
type buffer struct {
	b          []byte
	start, end int
	pos        int64 // how far the file was read
}

func (b *buffer) reset() { b.start, b.end, b.pos = 0, 0, 0 }

// drain decodes until the end of in. The beginning of a record stays.
func (b *buffer) drain(ctx context.Context, in io.Reader, d Decoder, fn func(*Entry) error) error {
	var e Entry
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.room()
		n, err := in.Read(b.b[b.end:])
		b.end += n
		b.pos += int64(n)
		for b.start < b.end {
			n, ok := d.Next(b.b[b.start:b.end], &e)
			if n == 0 {
				break
			}
			b.start += n
			if !ok {
				continue
			}
			if err := fn(&e); err != nil {
				return err
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), damaged(err):
			return nil
		default:
			return err
		}
	}
}

// damaged tells whether the rest of a compressed file cannot be read.
func damaged(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) ||
		errors.Is(err, gzip.ErrHeader) || errors.As(err, &corrupt)
}

// room makes space behind what is there.
func (b *buffer) room() {
	if b.start == b.end {
		b.start, b.end = 0, 0
	}
	if b.b == nil {
		b.b = make([]byte, block)
	}
	if len(b.b)-b.end >= block/2 {
		return
	}
	if b.start > 0 {
		b.end = copy(b.b, b.b[b.start:b.end])
		b.start = 0
	}
	if len(b.b)-b.end < block/2 {
		b.b = append(b.b, make([]byte, len(b.b))...)
	}
}
