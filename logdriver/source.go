package logdriver

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
)

// source is one file of a log that is being read. It is held open, so that it
// can be read to its end wherever it is moved meanwhile, or removed.
type source struct {
	f    *os.File
	gz   *gzip.Reader // nil: plain
	id   identity     // of a compressed one
	from int64        // where to begin, in a plain one
	skip int          // how many lines to leave out, in a compressed one
}

// openSource opens a file of a log; nil when there is none.
func openSource(name string, compressed bool) (*source, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &source{f: f}
	if !compressed {
		return s, nil
	}
	if s.gz, err = gzip.NewReader(f); err != nil {
		_ = f.Close()   // it was read only
		return nil, nil // damaged: as if it was not there
	}
	s.id = parseIdentity(s.gz.Extra)
	return s, nil
}

func (s *source) close() { _ = s.f.Close() } // it was read only

// identity tells which file this is. That of the file that is being written
// changes until it has been rotated.
func (s *source) identity() identity {
	if s.gz != nil {
		return s.id
	}
	info, err := s.f.Stat()
	if err != nil {
		return identity{}
	}
	return identify(info)
}

// rewind goes back to the beginning of what a compressed source holds.
func (s *source) rewind() error {
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return s.gz.Reset(s.f)
}

func (s *source) reader() io.Reader {
	if s.gz != nil {
		return s.gz
	}
	return s.f
}

// scan opens the files of a log, the newest first; the first one is the one that
// is written, or nil while there is none. Files only move up while it looks at
// them from below, so none is missed, and one that is seen twice is left out.
// When one rotation is over and the next one begins meanwhile their order could
// be wrong; then it looks again.
func scan(spec *Spec) ([]*source, error) {
	for tries := 0; ; tries++ {
		list, err := scanOnce(spec)
		if err != nil || tries == scanTries || written(spec.Path, list[0]) {
			return list, err
		}
		closeSources(list)
	}
}

// scanTries bounds how often scan looks again. Nobody rotates so fast that it
// is reached.
const scanTries = 1000

// written tells whether s is still the file that is written; nil: that there is
// still none.
func written(path string, s *source) bool {
	now, err := os.Stat(path)
	if err != nil || s == nil {
		return err != nil && s == nil
	}
	have, err := s.f.Stat()
	return err == nil && os.SameFile(have, now)
}

func scanOnce(spec *Spec) (list []*source, err error) {
	defer func() {
		if err != nil {
			closeSources(list)
			list = nil
		}
	}()
	s, err := openSource(spec.Path, false)
	if err != nil {
		return list, err
	}
	list = append(list, s)
	for n := 1; n < spec.MaxFile; n++ {
		if s, err = openSource(place(spec.Path, n, ""), false); err != nil {
			return list, err
		}
		if s == nil {
			if s, err = openSource(place(spec.Path, n, gz), true); err != nil {
				return list, err
			}
		}
		if s == nil {
			continue
		}
		if find(list, s) >= 0 {
			s.close()
			continue
		}
		list = append(list, s)
	}
	return list, nil
}

// find looks for the same file.
func find(list []*source, s *source) int {
	id := s.identity()
	for i, other := range list {
		if other != nil && other.identity() == id && id != (identity{}) {
			return i
		}
	}
	return -1
}

func closeSources(list []*source) {
	for _, s := range list {
		if s != nil {
			s.close()
		}
	}
}

// tailBlock is how much is read at a time from the end.
const tailBlock = 64 << 10

// cutTail finds where the last n lines of a source begin, and tells how many it
// has of them. The records of one long line count as one. last says that there
// is nothing behind: the very last record needs no newline to be a line.
func (s *source) cutTail(ctx context.Context, d Decoder, n int, last bool) (int, error) {
	if s.gz != nil {
		return s.cutCompressed(ctx, d, n)
	}
	info, err := s.f.Stat()
	if err != nil {
		return 0, err
	}
	at := info.Size() // what is behind is in carry, or counted
	s.from = at
	lines := 0
	var block []byte
	for at > 0 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		size := min(tailBlock, at)
		at -= size
		next := make([]byte, int(size)+len(block))
		if _, err := s.f.ReadAt(next[:size], at); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		copy(next[size:], block)
		block = next
		for len(block) > 0 {
			k, ends, ok := d.Last(block, at == 0)
			if k == 0 {
				break
			}
			if ok && (ends || last) {
				if lines == n {
					return lines, nil
				}
				lines++
			}
			last = last && !ok
			block = block[:len(block)-k]
			s.from = at + int64(len(block))
		}
	}
	return lines, nil
}

// cutCompressed counts all lines, which is the only way.
func (s *source) cutCompressed(ctx context.Context, d Decoder, n int) (int, error) {
	lines := 0
	b := buffer{}
	err := b.drain(ctx, s.gz, d, func(e *Entry) error {
		if endsLine(e) {
			lines++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	s.skip = max(0, lines-n)
	return lines - s.skip, s.rewind()
}

func endsLine(e *Entry) bool { return len(e.Text) > 0 && e.Text[len(e.Text)-1] == '\n' }
