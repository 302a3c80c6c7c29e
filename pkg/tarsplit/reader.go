package tarsplit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
)

// Files opens the files of an unpacked archive by the name that the archive
// gives them.
type Files interface {
	Open(name string) (io.ReadCloser, error)
}

// FileError is a file whose content is not what the archive had.
type FileError struct {
	Name string // as in the archive
	Err  error
}

// Error names the file.
func (e *FileError) Error() string { return fmt.Sprintf("file %q: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

var errContent = errors.New("its content has changed")

// Reader is an archive put together from its record and its files.
type Reader struct {
	ctx    context.Context //nolint:containedctx // a Reader lives as long as one call
	record *json.Decoder
	files  Files
	bad    func(*FileError) // nil: the first one ends the stream

	piece []byte        // what is left of a piece
	file  io.ReadCloser // open file
	cur   entry
	left  int64 // bytes of the file that are to come
	crc   hash.Hash64
	err   error // sticky
}

// NewReader begins to put an archive together. It ends with ctx. A file that has
// changed ends the stream with a *FileError that names it. Close must be called.
func NewReader(ctx context.Context, record io.Reader, files Files) *Reader {
	return &Reader{ctx: ctx, record: json.NewDecoder(record), files: files, crc: crc64.New(crc64.MakeTable(crc64.ISO))}
}

// NewCheck is NewReader for somebody who wants to know all files that have
// changed: each is reported to bad, and the stream goes on with zeros for what
// cannot be read.
func NewCheck(ctx context.Context, record io.Reader, files Files, bad func(*FileError)) *Reader {
	r := NewReader(ctx, record, files)
	r.bad = bad
	return r
}

// Read gives the next bytes of the archive.
func (r *Reader) Read(p []byte) (int, error) {
	for {
		switch {
		case r.err != nil:
			return 0, r.err
		case len(p) == 0:
			return 0, nil
		case len(r.piece) > 0:
			n := copy(p, r.piece)
			r.piece = r.piece[n:]
			return n, nil
		case r.left > 0:
			return r.readFile(p)
		}
		if r.err = r.next(); r.err != nil {
			return 0, r.err
		}
	}
}

// next takes the next line of the record.
func (r *Reader) next() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	r.cur = entry{Payload: r.cur.Payload[:0]}
	if err := r.record.Decode(&r.cur); errors.Is(err, io.EOF) {
		return io.EOF
	} else if err != nil {
		return fmt.Errorf("reading the record of an archive: %w", err)
	}
	switch {
	case r.cur.Type == typeSegment:
		r.piece = r.cur.Payload
	case r.cur.Type == typeFile && r.cur.Size > 0:
		return r.begin()
	case r.cur.Type == typeFile && r.cur.Size == 0: // upstream lists empty files too
	default:
		return fmt.Errorf("reading the record of an archive: an entry of type %d and size %d", r.cur.Type, r.cur.Size)
	}
	return nil
}

func (r *Reader) begin() error {
	r.left = r.cur.Size
	r.crc.Reset()
	f, err := r.files.Open(r.cur.name())
	if err != nil {
		return r.blame(err)
	}
	r.file = f
	return nil
}

// blame reports a file. What is left of it becomes zeros when the stream goes on.
func (r *Reader) blame(err error) error {
	e := &FileError{Name: r.cur.name(), Err: err}
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
	if r.bad == nil || r.ctx.Err() != nil {
		return errors.Join(r.ctx.Err(), e)
	}
	r.bad(e)
	return nil
}

func (r *Reader) readFile(p []byte) (int, error) {
	p = p[:min(int64(len(p)), r.left)]
	if err := r.ctx.Err(); err != nil {
		r.err = err
		return 0, err
	}
	if r.file == nil { // it was blamed
		clear(p)
		r.left -= int64(len(p))
		return len(p), nil
	}
	n, err := r.file.Read(p)
	_, _ = r.crc.Write(p[:n]) // never fails
	r.left -= int64(n)
	switch {
	case r.left == 0:
		r.err = r.end()
	case err != nil:
		r.err = r.blame(noEOF(err))
	}
	return n, nil
}

// end compares the sum of a file that was read.
func (r *Reader) end() error {
	var sum [8]byte
	if !bytes.Equal(r.crc.Sum(sum[:0]), r.cur.Payload) {
		return r.blame(errContent)
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// Close ends the stream.
func (r *Reader) Close() error {
	if r.err == nil {
		r.err = errors.New("the archive was closed")
	}
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// Size adds up the length of the archive that a record describes, in bytes.
func Size(record io.Reader) (int64, error) {
	var size int64
	dec := json.NewDecoder(record)
	for {
		var e entry
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return size, nil
		} else if err != nil {
			return 0, fmt.Errorf("reading the record of an archive: %w", err)
		}
		switch e.Type {
		case typeSegment:
			size += int64(len(e.Payload))
		case typeFile:
			size += max(e.Size, 0)
		}
	}
}
