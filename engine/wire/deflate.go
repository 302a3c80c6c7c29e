package wire

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// packFrom is the payload from which on it is worth trying.
const packFrom = 1 << 10

// A packer that gained nothing on a payload leaves the next ones as they are:
// one, then two, then four, up to restMax of them.
const restMax = 64

// packer deflates payloads, each by itself, as long as that makes them shorter.
type packer struct {
	rest   atomic.Int32 // payloads to leave alone
	misses atomic.Int32 // in a row
}

// deflaters and inflaters are expensive to make.
var (
	deflaters sync.Pool // *flate.Writer
	inflaters sync.Pool // io.ReadCloser that is a flate.Resetter
)

// limited is memory of a fixed size to write to.
type limited struct{ c *chunk }

func (l limited) Write(p []byte) (int, error) {
	if len(p) > len(l.c.b)-l.c.w {
		return 0, io.ErrShortBuffer
	}
	l.c.w += copy(l.c.b[l.c.w:], p)
	return len(p), nil
}

// deflate replaces the payload by a shorter one in the returned chunk. Nil: it
// stays.
func (p *packer) deflate(f *Frame) *chunk {
	if p.rest.Load() > 0 && p.rest.Add(-1) >= 0 {
		return nil
	}
	c := newChunk(len(f.Payload))
	to := limited{c}
	w, ok := deflaters.Get().(*flate.Writer)
	if ok {
		w.Reset(to)
	} else {
		w, _ = flate.NewWriter(to, flate.BestSpeed) // the level is a valid one
	}
	_, err := w.Write(f.Payload)
	if err == nil {
		err = w.Close()
	}
	deflaters.Put(w)
	if err != nil || c.w > len(f.Payload)-len(f.Payload)/8 {
		c.release()
		n := p.misses.Add(1)
		p.rest.Store(int32(min(1<<min(n, 10), restMax)))
		return nil
	}
	p.misses.Store(0)
	f.Payload, f.Compressed = c.b[:c.w], true
	return c
}

// inflate replaces a compressed payload. More than MaxPayload is refused.
func (in *reader) inflate(f *Frame) error {
	src := bytes.NewReader(f.Payload)
	r, ok := inflaters.Get().(io.ReadCloser)
	if ok {
		if err := r.(flate.Resetter).Reset(src, nil); err != nil {
			return err
		}
	} else {
		r = flate.NewReader(src)
	}
	c := newChunk(MaxPayload)
	err := error(nil)
	for err == nil && c.w < len(c.b) {
		var n int
		n, err = r.Read(c.b[c.w:])
		c.w += n
	}
	if err == nil { // full: is that all?
		var one [1]byte
		var n int
		if n, err = r.Read(one[:]); n > 0 {
			err = io.ErrShortBuffer
		}
	}
	inflaters.Put(r)
	if !errors.Is(err, io.EOF) || src.Len() > 0 {
		c.release()
		return Garbage("a compressed frame of type %d does not inflate to at most %d bytes", f.Type, MaxPayload)
	}
	if in.big != nil {
		in.big.release()
	}
	in.big = c
	f.Payload, f.Compressed = c.b[:c.w], false
	return nil
}
