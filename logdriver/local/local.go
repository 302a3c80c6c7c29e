// Package local is the format of the local driver, as Docker writes it to
// local-logs/container.log: each record is its length, a protobuf message and
// the length again (4 bytes, big endian), so that a file can be read from both
// ends. The message:
//
//	1 source   "stdout" or "stderr"
//	2 time     nanoseconds since 1970, varint
//	3 line     without its newline
//	4 partial  true for a piece of a line that goes on
//	5 piece    1 last, 2 id, 3 ordinal: which piece of which line
//
// A line that the output ended in without a newline is a piece that is not the
// last one. It owns no state. Start reading at Format. It must import nothing of
// this module but logdriver and pkg.
package local

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/enginejobs/docker/logdriver"
)

// Format is the format of local.
type Format struct{}

// Tags of the message: number<<3 | wire type.
const (
	tagSource  = 1<<3 | 2
	tagTime    = 2 << 3
	tagLine    = 3<<3 | 2
	tagPartial = 4 << 3
	tagPiece   = 5<<3 | 2

	tagLast    = 1 << 3
	tagID      = 2<<3 | 2
	tagOrdinal = 3 << 3
)

const frame = 4 // bytes of a length

// Encoder implements logdriver.Format. The format has no place for attrs.
func (Format) Encoder(stderr bool, _ map[string]string) logdriver.Encoder {
	e := &encoder{source: "stdout"}
	if stderr {
		e.source = "stderr"
	}
	return e
}

// Decoder implements logdriver.Format.
func (Format) Decoder() logdriver.Decoder { return &decoder{} }

type encoder struct {
	source  string
	head    []byte // source and time, the same for all of one time
	nanos   int64
	id      string // of the line whose pieces are being written; "" for none
	ordinal uint64
	piece   []byte
}

func (e *encoder) At(t time.Time) {
	e.nanos = t.UnixNano()
	e.head = append(e.head[:0], tagSource, byte(len(e.source)))
	e.head = append(e.head, e.source...)
	e.head = binary.AppendUvarint(append(e.head, tagTime), uint64(e.nanos))
}

func (e *encoder) Append(dst, text []byte) []byte {
	whole := len(text) > 0 && text[len(text)-1] == '\n'
	if whole {
		text = text[:len(text)-1]
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(dst, e.head...)
	dst = binary.AppendUvarint(append(dst, tagLine), uint64(len(text)))
	dst = append(dst, text...)
	if !whole || e.id != "" {
		dst = e.appendPiece(dst, whole)
	}
	size := uint32(len(dst) - at - frame)
	binary.BigEndian.PutUint32(dst[at:], size)
	return binary.BigEndian.AppendUint32(dst, size)
}

// appendPiece says which piece of which line this is.
func (e *encoder) appendPiece(dst []byte, last bool) []byte {
	if e.id == "" {
		e.id, e.ordinal = strconv.FormatInt(e.nanos, 16), 0
	}
	e.ordinal++
	e.piece = e.piece[:0]
	if last {
		e.piece = append(e.piece, tagLast, 1)
	}
	e.piece = append(append(e.piece, tagID, byte(len(e.id))), e.id...)
	e.piece = binary.AppendUvarint(append(e.piece, tagOrdinal), e.ordinal)
	if last {
		e.id = ""
	}
	dst = append(dst, tagPartial, 1, tagPiece, byte(len(e.piece)))
	return append(dst, e.piece...)
}

// decoder reuses the memory of a line.
type decoder struct{ text []byte }

// Next implements logdriver.Decoder.
func (d *decoder) Next(b []byte, e *logdriver.Entry) (n int, ok bool) {
	if len(b) < frame {
		return 0, false
	}
	size := int(binary.BigEndian.Uint32(b))
	n = size + 2*frame
	if size > logdriver.MaxRecord {
		return next(b), false
	}
	if len(b) < n {
		return 0, false
	}
	if binary.BigEndian.Uint32(b[n-frame:]) != uint32(size) {
		return next(b), false
	}
	return n, d.decode(b[frame:n-frame], e)
}

// next finds where the record behind damage begins: where there is a length and
// that length again behind it, or else where there may be one that b does not
// hold all of.
func next(b []byte) int {
	maybe := max(1, len(b)-frame+1)
	for i := 1; i+frame <= len(b); i++ {
		size := int(binary.BigEndian.Uint32(b[i:]))
		if size == 0 || size > logdriver.MaxRecord {
			continue
		}
		end := i + frame + size
		if end+frame > len(b) {
			maybe = min(maybe, i)
		} else if int(binary.BigEndian.Uint32(b[end:])) == size {
			return i
		}
	}
	return maybe
}

// Last implements logdriver.Decoder.
func (d *decoder) Last(b []byte, first bool) (n int, ends, ok bool) {
	if n, e, ok := d.last(b); n > 0 {
		return n, ok && len(e.Text) > 0 && e.Text[len(e.Text)-1] == '\n', ok
	}
	if len(b) < 2*frame || !first && len(b) <= logdriver.MaxRecord+2*frame && d.reaches(b) {
		if first {
			return len(b), false, false
		}
		return 0, false, false
	}
	for skip := 1; skip+2*frame <= len(b); skip++ { // over what was cut off in the middle
		if n, _, _ := d.last(b[:len(b)-skip]); n > 0 {
			return skip, false, false
		}
	}
	if first {
		return len(b), false, false
	}
	return 0, false, false
}

// last finds a whole record at the end of b.
func (d *decoder) last(b []byte) (n int, e logdriver.Entry, ok bool) {
	size := trailer(b)
	start := len(b) - size - 2*frame
	if size == 0 || start < 0 || int(binary.BigEndian.Uint32(b[start:])) != size {
		return 0, e, false
	}
	ok = d.decode(b[start+frame:len(b)-frame], &e)
	return len(b) - start, e, ok
}

// reaches tells whether b ends with what may be a record that began before b.
func (d *decoder) reaches(b []byte) bool {
	size := trailer(b)
	return size > 0 && size+2*frame > len(b)
}

// trailer is the length that b ends with, 0 for none.
func trailer(b []byte) int {
	if len(b) < 2*frame {
		return 0
	}
	size := int(binary.BigEndian.Uint32(b[len(b)-frame:]))
	if size > logdriver.MaxRecord {
		return 0
	}
	return size
}
