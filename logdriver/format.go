package logdriver

import "time"

// Format is how a driver puts entries into a file. It has no state.
type Format interface {
	// Encoder is for one output of one container.
	Encoder(stderr bool, attrs map[string]string) Encoder
	// Decoder is for one reader.
	Decoder() Decoder
}

// Encoder makes records. It is used by one goroutine.
type Encoder interface {
	// At sets the time of the records that follow.
	At(t time.Time)
	// Append appends the record of text: a line with its newline, or a piece of
	// one. dst and text do not overlap.
	Append(dst, text []byte) []byte
}

// Decoder reads records. It is used by one goroutine.
type Decoder interface {
	// Next decodes the record that b begins with and tells its length, which is 0
	// when b does not hold all of it. ok is false for damage, which is left out:
	// n bytes on the next record may begin. What e refers to is valid until the
	// next call.
	Next(b []byte, e *Entry) (n int, ok bool)
	// Last measures the record that b ends with: 0 when its beginning may be
	// before b, which is the whole beginning of the file if first is set. ends
	// tells whether its text ends a line; ok is false for damage.
	Last(b []byte, first bool) (n int, ends, ok bool)
}

// MaxRecord bounds a record. What is longer is damage.
const MaxRecord = 1 << 20
