package logdriver

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// ReadOptions choose what to read.
type ReadOptions struct {
	Tail   int       // number of lines at the end to begin with; negative: all
	Since  time.Time // leave out older entries; zero: none
	Until  time.Time // end at younger ones; zero: never
	Follow bool      // at the end wait for more
	// Done ends a follow once what is in the log has been read; nil never does.
	Done <-chan struct{}
	// Idle is called when there is nothing more to read for now, also at the end;
	// nil: not. Its error ends the reading.
	Idle func() error
}

// errUntil ends a reading at ReadOptions.Until.
var errUntil = errors.New("until")

// Read hands the entries of a log to fn in their order until the end, or while
// following until the context ends (which is an error) or Done is closed. Older
// files, compressed or not, come first; files that are rotated or removed while
// they are read lose no entry to this reader, unless it is slower than as many
// rotations as there are files. A log that does not exist yet is empty. Damage is
// left out. An error of fn ends the reading and is returned.
func Read(ctx context.Context, format Format, spec *Spec, opt ReadOptions, fn func(*Entry) error) error {
	r := &reader{spec: spec, opt: opt, fn: fn, decoder: format.Decoder()}
	defer func() { closeSources([]*source{r.now}); closeSources(r.later) }()
	var err error
	if opt.Follow {
		err = r.follow(ctx)
	} else {
		err = r.readAll(ctx)
	}
	if errors.Is(err, errUntil) {
		err = nil
	}
	if err == nil {
		err = r.idle()
	}
	return err
}

type reader struct {
	spec    *Spec
	opt     ReadOptions
	fn      func(*Entry) error
	decoder Decoder

	now   *source   // what is read
	later []*source // what is read then, the next one first
	buf   buffer
	begun bool // the options that choose the beginning have been used
}

func (r *reader) idle() error {
	if r.opt.Idle == nil {
		return nil
	}
	return r.opt.Idle()
}

// begin opens the files and finds where to begin.
func (r *reader) begin(ctx context.Context) error {
	list, err := scan(r.spec)
	if err != nil {
		return err
	}
	r.begun = true
	if r.opt.Tail >= 0 {
		list, err = r.cutTail(ctx, list)
	}
	for i := len(list) - 1; i >= 0; i-- {
		switch s := list[i]; {
		case s == nil:
		case i > 0 && r.tooOld(s):
			s.close()
		default:
			r.later = append(r.later, s)
		}
	}
	return err
}

// tooOld tells whether a file was finished before the first entry that is wanted.
func (r *reader) tooOld(s *source) bool {
	changed := s.identity().changed
	return !r.opt.Since.IsZero() && changed != 0 && time.Unix(0, int64(changed)).Before(r.opt.Since)
}

// cutTail leaves the files, from the newest, that have the last lines.
func (r *reader) cutTail(ctx context.Context, list []*source) ([]*source, error) {
	left, last := r.opt.Tail, true
	for i, s := range list {
		if s == nil {
			continue
		}
		if left == 0 && i > 0 {
			closeSources(list[i:])
			return list[:i], nil
		}
		n, err := s.cutTail(ctx, r.decoder, left, last)
		if err != nil {
			return list, err
		}
		left -= n
		last = last && n == 0
	}
	return list, nil
}

// next goes on to the next file, if there is one.
func (r *reader) next(ctx context.Context) (bool, error) {
	if len(r.later) == 0 {
		return false, nil
	}
	if r.now != nil {
		r.now.close()
	}
	r.now, r.later = r.later[0], r.later[1:]
	r.buf.reset()
	if r.now.gz == nil {
		_, err := r.now.f.Seek(r.now.from, io.SeekStart)
		r.buf.pos = r.now.from
		return true, err
	}
	if r.now.skip == 0 {
		return true, nil
	}
	lines := 0
	err := r.buf.drain(ctx, r.now.gz, r.decoder, func(e *Entry) error {
		if lines >= r.now.skip {
			return r.entry(e)
		}
		if endsLine(e) {
			lines++
		}
		return nil
	})
	return true, err
}

// readAll reads what there is when it begins.
func (r *reader) readAll(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	for {
		more, err := r.next(ctx)
		if err != nil || !more {
			return err
		}
		in := r.now.reader()
		if r.now.gz == nil && len(r.later) == 0 { // the one that is written may grow faster than it is read
			info, err := r.now.f.Stat()
			if err != nil {
				return err
			}
			in = io.LimitReader(in, info.Size()-r.now.from)
		}
		if err := r.buf.drain(ctx, in, r.decoder, r.entry); err != nil {
			return err
		}
	}
}

// entry hands out an entry, if it is wanted.
func (r *reader) entry(e *Entry) error {
	if !r.opt.Since.IsZero() && e.Time.Before(r.opt.Since) {
		return nil
	}
	if !r.opt.Until.IsZero() && e.Time.After(r.opt.Until) {
		return errUntil
	}
	return r.fn(e)
}

// catchUp reads what is new, through rotation, truncation and replacement.
func (r *reader) catchUp(ctx context.Context) error {
	if !r.begun {
		if err := r.begin(ctx); err != nil {
			return err
		}
	}
	for {
		if r.now == nil {
			if len(r.later) == 0 {
				if err := r.look(); err != nil {
					return err
				}
			}
			if more, err := r.next(ctx); err != nil || !more {
				return err
			}
		}
		if info, err := r.now.f.Stat(); err == nil && r.now.gz == nil && info.Size() < r.buf.pos {
			if _, err := r.now.f.Seek(0, io.SeekStart); err != nil { // it was truncated
				return err
			}
			r.buf.reset()
		}
		if err := r.buf.drain(ctx, r.now.reader(), r.decoder, r.entry); err != nil {
			return err
		}
		if len(r.later) == 0 {
			if rotated, err := r.rotated(); err != nil || !rotated {
				return err
			}
			// It was renamed after the last write to it: what is there now is all.
			if err := r.buf.drain(ctx, r.now.reader(), r.decoder, r.entry); err != nil {
				return err
			}
			if err := r.look(); err != nil {
				return err
			}
			if len(r.later) == 0 {
				return nil
			}
		}
		if _, err := r.next(ctx); err != nil {
			return err
		}
	}
}

// rotated tells whether the file that is read is not the one that is written.
func (r *reader) rotated() (bool, error) {
	have, err := r.now.f.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Stat(r.spec.Path)
	if err != nil {
		return false, nil // until there is a new one
	}
	return r.now.gz != nil || !os.SameFile(have, now), nil
}

// look finds the files that are newer than the one that is read.
func (r *reader) look() error {
	list, err := scan(r.spec)
	if err != nil {
		return err
	}
	newer := len(list)
	if r.now != nil {
		if i := find(list, r.now); i >= 0 {
			closeSources(list[i:])
			newer = i
		}
	}
	for i := newer - 1; i >= 0; i-- {
		if list[i] != nil {
			r.later = append(r.later, list[i])
		}
	}
	return nil
}
