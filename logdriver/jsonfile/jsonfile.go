// Package jsonfile is the format of the json-file driver, as Docker writes it:
//
//	{"log":"text\n","stream":"stdout","attrs":{"name":"value"},"time":"RFC 3339 with nanoseconds"}
//
// one object per line; attrs is left out where there are none. It owns no
// state. Start reading at Format; escape.go is the fast part of writing,
// decode.go that of reading. It must import nothing of this module but
// logdriver and pkg.
package jsonfile

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/enginejobs/docker/logdriver"
)

// Format is the format of json-file.
type Format struct{}

// Encoder implements logdriver.Format.
func (Format) Encoder(stderr bool, attrs map[string]string) logdriver.Encoder {
	e := &encoder{}
	e.tail = append(e.tail, `","stream":"`...)
	e.tail = append(e.tail, streamName(stderr)...)
	e.tail = append(e.tail, '"', ',')
	if len(attrs) > 0 {
		e.tail = append(e.tail, `"attrs":{`...)
		for i, name := range slices.Sorted(maps.Keys(attrs)) {
			if i > 0 {
				e.tail = append(e.tail, ',')
			}
			e.tail = append(appendEscaped(append(e.tail, '"'), []byte(name)), `":"`...)
			e.tail = append(appendEscaped(e.tail, []byte(attrs[name])), '"')
		}
		e.tail = append(e.tail, `},`...)
	}
	e.tail = append(e.tail, `"time":"`...)
	e.fixed = len(e.tail)
	return e
}

// Decoder implements logdriver.Format.
func (Format) Decoder() logdriver.Decoder { return &decoder{} }

func streamName(stderr bool) string {
	if stderr {
		return "stderr"
	}
	return "stdout"
}

// encoder keeps what stands behind the text of a record, which is the same for
// all that are made at one time.
type encoder struct {
	tail  []byte
	fixed int // length of its part before the time
}

func (e *encoder) At(t time.Time) {
	e.tail = t.UTC().AppendFormat(e.tail[:e.fixed], time.RFC3339Nano)
	e.tail = append(e.tail, "\"}\n"...)
}

func (e *encoder) Append(dst, text []byte) []byte {
	dst = append(dst, `{"log":"`...)
	if n := len(text) - 1; n >= 0 && text[n] == '\n' { // nearly always, and then the rest is nearly always plain
		dst = append(appendEscaped(dst, text[:n]), '\\', 'n')
	} else {
		dst = appendEscaped(dst, text)
	}
	return append(dst, e.tail...)
}

// Last implements logdriver.Decoder.
func (*decoder) Last(b []byte, first bool) (n int, ends, ok bool) {
	body := bytes.TrimSuffix(b, []byte("\n"))
	i := bytes.LastIndexByte(body, '\n')
	if i < 0 && !first && len(b) <= logdriver.MaxRecord {
		return 0, false, false
	}
	record := b[i+1:]
	return len(record), endsLine(record), len(body) < len(b) && len(body) > 0
}

// endsLine tells whether the text of a record ends in a newline.
func endsLine(record []byte) bool {
	i := bytes.LastIndex(record, streamKey)
	if i < 2 || record[i-1] != 'n' {
		return false
	}
	slashes := 0
	for j := i - 2; j >= 0 && record[j] == '\\'; j-- {
		slashes++
	}
	return slashes%2 == 1
}
