// Package jsonlog reads the log of a container: a file with one JSON object per
// record, {"log":"text\n","stream":"stdout","time":"RFC 3339"}.
//
// It owns no state: the file is written by the exec engine, and any number of
// readers read it by themselves. A line of output longer than the writer's
// limit is several records, of which only the last one ends in a newline. Start
// reading at Read; tail.go finds where the last lines begin, follow.go waits
// for more. The package is domain-free and imports nothing of this module.
package jsonlog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// Entry is one record. Log is valid until the callback returns.
type Entry struct {
	Log    []byte
	Stream string
	Time   time.Time
}

// Options choose what to read.
type Options struct {
	Tail   int       // number of lines at the end to begin with; negative: all
	Since  time.Time // drop older records; zero: none
	Until  time.Time // end at younger ones; zero: never
	Follow bool      // at the end wait for more
	// Done ends a follow once what is in the file has been read; nil never does.
	Done <-chan struct{}
}

// maxRecord bounds one record; longer ones are damage and are left out.
const maxRecord = 1 << 20

// errUntil ends a reading at Options.Until.
var errUntil = errors.New("until")

// Read hands the records of the file to fn in their order until the end, or
// while following until the context ends (which is an error) or Options.Done is
// closed. A file that does not exist yet is empty. Damaged records are left
// out. An error of fn ends the reading and is returned.
func Read(ctx context.Context, path string, opt Options, fn func(*Entry) error) error {
	r := &reader{path: path, opt: opt, fn: fn}
	defer r.close()
	err := r.run(ctx)
	if errors.Is(err, errUntil) {
		return nil
	}
	return err
}

type reader struct {
	path string
	opt  Options
	fn   func(*Entry) error

	f     *os.File
	buf   *bufio.Reader
	part  []byte // beginning of a record whose end is not there yet
	skip  bool   // inside of a record that is too long
	pos   int64  // how far the file was read
	entry Entry
	text  []byte // unescaped Log, reused
}

func (r *reader) run(ctx context.Context) error {
	if !r.opt.Follow {
		if err := r.open(); err != nil || r.f == nil {
			return err
		}
		return r.drain(ctx)
	}
	return r.follow(ctx)
}

// open opens the file if it exists and goes to where reading begins.
func (r *reader) open() error {
	f, err := os.Open(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r.f, r.pos = f, 0
	if r.opt.Tail >= 0 {
		if r.pos, err = tailOffset(f, r.opt.Tail); err != nil {
			return err
		}
		if _, err := f.Seek(r.pos, io.SeekStart); err != nil {
			return err
		}
	}
	r.buf = bufio.NewReaderSize(f, 64<<10)
	return nil
}

func (r *reader) close() {
	if r.f != nil {
		r.f.Close()
		r.f = nil
	}
}

// drain hands out the complete records up to the present end of the file.
func (r *reader) drain(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := r.buf.ReadSlice('\n')
		r.pos += int64(len(line))
		switch {
		case err == nil:
			if err := r.record(line); err != nil {
				return err
			}
		case errors.Is(err, bufio.ErrBufferFull):
			r.keep(line)
		case errors.Is(err, io.EOF):
			r.keep(line)
			return nil
		default:
			return err
		}
	}
}

// keep stores the beginning of a record.
func (r *reader) keep(line []byte) {
	if r.skip = r.skip || len(r.part)+len(line) > maxRecord; r.skip {
		r.part = r.part[:0]
		return
	}
	r.part = append(r.part, line...)
}

// record hands out one complete record.
func (r *reader) record(line []byte) error {
	if len(r.part) > 0 || r.skip {
		r.keep(line)
		line = r.part
		r.part = r.part[:0]
		if r.skip {
			r.skip = false
			return nil
		}
	}
	if !r.decode(line) {
		return nil
	}
	if !r.opt.Since.IsZero() && r.entry.Time.Before(r.opt.Since) {
		return nil
	}
	if !r.opt.Until.IsZero() && r.entry.Time.After(r.opt.Until) {
		return errUntil
	}
	return r.fn(&r.entry)
}

var (
	logKey    = []byte(`{"log":"`)
	streamKey = []byte(`","stream":"`)
	timeKey   = []byte(`","time":"`)
)

// decode fills r.entry from a record and tells whether it could.
func (r *reader) decode(line []byte) bool {
	line = bytes.TrimRight(line, "\x00\r\n ")
	if r.decodeFast(line) {
		return true
	}
	var slow struct {
		Log    string    `json:"log"`
		Stream string    `json:"stream"`
		Time   time.Time `json:"time"`
	}
	if len(line) == 0 || json.Unmarshal(line, &slow) != nil {
		return false
	}
	r.text = append(r.text[:0], slow.Log...)
	r.entry = Entry{Log: r.text, Stream: slow.Stream, Time: slow.Time}
	return true
}

// decodeFast understands the order of members and the escapes that our writer
// uses for ordinary text.
func (r *reader) decodeFast(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, logKey)
	if !ok {
		return false
	}
	text := r.text[:0]
	for {
		i := bytes.IndexAny(rest, `"\`)
		if i < 0 {
			return false
		}
		text = append(text, rest[:i]...)
		if rest[i] == '"' {
			rest = rest[i:]
			break
		}
		if i+1 >= len(rest) {
			return false
		}
		switch rest[i+1] {
		case 'n':
			text = append(text, '\n')
		case 't':
			text = append(text, '\t')
		case 'r':
			text = append(text, '\r')
		case '"', '\\', '/':
			text = append(text, rest[i+1])
		default:
			return false
		}
		rest = rest[i+2:]
	}
	r.text = text
	rest, ok = bytes.CutPrefix(rest, streamKey)
	if !ok {
		return false
	}
	stream, rest, ok := bytes.Cut(rest, timeKey)
	if !ok || bytes.IndexByte(stream, '\\') >= 0 {
		return false
	}
	stamp, ok := bytes.CutSuffix(rest, []byte(`"}`))
	if !ok {
		return false
	}
	t, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return false
	}
	r.entry = Entry{Log: text, Stream: streamName(stream), Time: t}
	return true
}

// streamName avoids an allocation for the two usual names.
func streamName(b []byte) string {
	switch string(b) {
	case "stdout":
		return "stdout"
	case "stderr":
		return "stderr"
	}
	return string(b)
}
