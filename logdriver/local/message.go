package local

import (
	"encoding/binary"
	"time"

	"github.com/enginejobs/docker/logdriver"
)

// field is one field of a message. b is its content, or n its number.
type field struct {
	tag uint64
	n   uint64
	b   []byte
}

// cut takes the first field off a message.
func cut(m []byte) (f field, rest []byte, ok bool) {
	var k int
	if f.tag, k = binary.Uvarint(m); k <= 0 {
		return f, nil, false
	}
	m = m[k:]
	switch f.tag & 7 {
	case 0:
		if f.n, k = binary.Uvarint(m); k <= 0 {
			return f, nil, false
		}
		return f, m[k:], true
	case 2:
		size, k := binary.Uvarint(m)
		if k <= 0 || size > uint64(len(m)-k) {
			return f, nil, false
		}
		f.b = m[k : k+int(size)]
		return f, m[k+int(size):], true
	}
	return f, nil, false // no field of ours has another type
}

// decode reads a message. The text of a line is copied, to put its newline back.
func (d *decoder) decode(m []byte, e *logdriver.Entry) bool {
	*e = logdriver.Entry{}
	ends := true
	for rest := m; len(rest) > 0; {
		f, after, ok := cut(rest)
		if !ok {
			return false
		}
		switch f.tag {
		case tagSource:
			e.Stderr = string(f.b) == "stderr"
		case tagTime:
			e.Time = time.Unix(0, int64(f.n)).UTC()
		case tagLine:
			e.Text = f.b
		case tagPartial:
			ends = ends && f.n == 0
		case tagPiece:
			ends = lastPiece(f.b)
		}
		rest = after
	}
	if ends {
		d.text = append(append(d.text[:0], e.Text...), '\n')
		e.Text = d.text
	}
	return true
}

func lastPiece(m []byte) bool {
	for len(m) > 0 {
		f, rest, ok := cut(m)
		if !ok {
			return false
		}
		if f.tag == tagLast {
			return f.n != 0
		}
		m = rest
	}
	return false
}
