// Package tarsplit owns the record of an archive: everything in it but the
// contents of its files, so that an archive whose files were unpacked can be put
// together again byte for byte. It keeps no state.
//
// The record is that of github.com/vbatts/tar-split, which Docker uses: JSON
// objects, one a line, in the order of the archive. Type 2 is a piece of the
// archive itself ("payload"); type 1 stands for the content of the file "name"
// of "size" bytes, whose CRC-64 (ISO, big endian) is its payload. Contents that
// cannot be found under their name later (sparse files are packed differently,
// whiteouts are no files) are pieces too.
//
// Start reading at Record, then at Reader. The package is domain-free and must
// not be imported by anything that knows nothing of layers.
package tarsplit

import (
	"archive/tar"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	typeFile    = 1
	typeSegment = 2

	maxSegment = 64 << 10 // bytes of one piece
	whiteout   = ".wh."
)

// entry is one line of a record.
type entry struct {
	Type     int    `json:"type"`
	Name     string `json:"name,omitempty"`
	NameRaw  []byte `json:"name_raw,omitempty"` // instead of Name, when that is no UTF-8
	Size     int64  `json:"size,omitempty"`
	Payload  []byte `json:"payload"`
	Position int    `json:"position"`
}

func (e *entry) name() string {
	if len(e.NameRaw) > 0 {
		return string(e.NameRaw)
	}
	return e.Name
}

// Record reads the uncompressed archive r to its end and writes its record to w.
// It returns the length of the archive in bytes. A fault of the archive is
// reported as tar.ErrHeader or io.ErrUnexpectedEOF with the name of the entry.
func Record(ctx context.Context, r io.Reader, w io.Writer) (int64, error) {
	out := bufio.NewWriterSize(w, 64<<10)
	rec := &recorder{r: r, out: json.NewEncoder(out), keep: true, buf: make([]byte, 128<<10), crc: crc64.New(crc64.MakeTable(crc64.ISO))}
	if err := rec.run(ctx); err != nil {
		return rec.size, err
	}
	return rec.size, out.Flush()
}

// recorder stands between the archive and the tar reader and sees every byte.
type recorder struct {
	r    io.Reader
	size int64
	keep bool // whether what is read belongs to a piece
	held []byte
	err  error // of writing the record

	out      *json.Encoder
	position int
	buf      []byte
	crc      interface {
		io.Writer
		Sum(b []byte) []byte
		Reset()
	}
}

// Read is called by the tar reader.
func (rec *recorder) Read(p []byte) (int, error) {
	if rec.err != nil {
		return 0, rec.err
	}
	n, err := rec.r.Read(p)
	rec.size += int64(n)
	if rec.keep {
		rec.held = append(rec.held, p[:n]...)
		if len(rec.held) >= maxSegment {
			if rec.err = rec.flush(); rec.err != nil {
				return 0, rec.err
			}
		}
	}
	return n, err
}

func (rec *recorder) flush() error {
	if len(rec.held) == 0 {
		return nil
	}
	err := rec.write(entry{Type: typeSegment, Payload: rec.held})
	rec.held = rec.held[:0]
	return err
}

func (rec *recorder) write(e entry) error {
	e.Position = rec.position
	rec.position++
	if err := rec.out.Encode(e); err != nil {
		return fmt.Errorf("writing the record of an archive: %w", err)
	}
	return nil
}

func (rec *recorder) run(ctx context.Context) error {
	tr := tar.NewReader(rec)
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return rec.rest()
		}
		if err != nil {
			return err
		}
		if hdr.Size == 0 || inPieces(hdr) {
			continue // the reader skips it, and it is kept with what follows
		}
		if err := rec.flush(); err != nil {
			return err
		}
		if err := rec.content(ctx, hdr, tr); err != nil {
			return fmt.Errorf("%q: %w", hdr.Name, err)
		}
	}
}

// rest keeps what follows the end marker.
func (rec *recorder) rest() error {
	for {
		_, err := rec.Read(rec.buf[:maxSegment/2])
		if errors.Is(err, io.EOF) {
			return rec.flush()
		}
		if err != nil {
			return err
		}
	}
}

// content sums up a file.
func (rec *recorder) content(ctx context.Context, hdr *tar.Header, tr io.Reader) error {
	rec.keep = false
	defer func() { rec.keep = true }()
	rec.crc.Reset()
	for left := hdr.Size; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(tr, rec.buf[:min(left, int64(len(rec.buf)))])
		_, _ = rec.crc.Write(rec.buf[:n]) // never fails
		left -= int64(n)
		if err != nil {
			return noEOF(err)
		}
	}
	e := entry{Type: typeFile, Size: hdr.Size, Payload: rec.crc.Sum(nil)}
	if utf8.ValidString(hdr.Name) {
		e.Name = hdr.Name
	} else {
		e.NameRaw = []byte(hdr.Name)
	}
	return rec.write(e)
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// inPieces tells whether the content of an entry cannot be read from the
// unpacked tree.
func inPieces(hdr *tar.Header) bool {
	if hdr.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range hdr.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	name := path.Clean("/" + hdr.Name)
	return strings.HasPrefix(path.Base(name), whiteout) || strings.HasPrefix(name, "/"+whiteout)
}
