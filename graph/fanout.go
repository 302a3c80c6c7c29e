//go:build linux

package graph

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// Memory of one stream on its way through fanOut.
const (
	chunkSize  = 256 << 10
	chunkCount = 6
)

// fanOut reads a stream once and gives the same bytes to several readers, each
// in a goroutine of its own. A reader that returns early without an error is
// spared the rest. The first error ends all of them and is returned; so does the
// end of ctx. When fanOut returns nobody reads any more.
func fanOut(ctx context.Context, source io.Reader, readers ...func(ctx context.Context, r io.Reader) error) (n int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f := &fan{free: make(chan *chunk, chunkCount)}
	for range chunkCount {
		f.free <- &chunk{data: make([]byte, chunkSize)}
	}
	var running sync.WaitGroup
	for _, read := range readers {
		t := &tap{fan: f, in: make(chan *chunk, chunkCount)}
		f.taps = append(f.taps, t)
		running.Go(func() {
			if err := read(ctx, t); err != nil {
				cancel(err)
			}
			t.drain()
		})
	}
	n, f.err = f.pump(ctx, source)
	if f.err != nil {
		cancel(f.err)
	}
	for _, t := range f.taps {
		close(t.in)
	}
	running.Wait()
	return n, context.Cause(ctx)
}

type fan struct {
	free chan *chunk
	taps []*tap
	err  error // set before the taps are closed
}

// chunk is a piece of the stream, free again when all taps are done with it.
type chunk struct {
	data  []byte // of chunkSize
	n     int
	users atomic.Int32
}

// pump reads the source until its end.
func (f *fan) pump(ctx context.Context, source io.Reader) (total int64, err error) {
	for {
		var c *chunk
		select {
		case <-ctx.Done():
			return total, context.Cause(ctx)
		case c = <-f.free:
		}
		for c.n = 0; c.n < len(c.data) && err == nil; {
			var n int
			n, err = source.Read(c.data[c.n:])
			c.n += n
			if err == nil {
				err = context.Cause(ctx)
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return total, err
		}
		total += int64(c.n)
		c.users.Store(int32(len(f.taps)))
		for _, t := range f.taps {
			t.in <- c // has room for all chunks
		}
		if err != nil {
			return total, nil
		}
	}
}

func (f *fan) done(c *chunk) {
	if c.users.Add(-1) == 0 {
		f.free <- c // has room for all chunks
	}
}

// tap is the stream as one reader sees it.
type tap struct {
	fan *fan
	in  chan *chunk
	cur *chunk
	at  int
}

// more makes sure that there is something to read.
func (t *tap) more() error {
	for t.cur == nil || t.at == t.cur.n {
		if t.cur != nil {
			t.fan.done(t.cur)
			t.cur = nil
		}
		c, ok := <-t.in
		if !ok && t.fan.err != nil {
			return t.fan.err
		}
		if !ok {
			return io.EOF
		}
		t.cur, t.at = c, 0
	}
	return nil
}

// Read gives the next bytes.
func (t *tap) Read(p []byte) (int, error) {
	if err := t.more(); err != nil {
		return 0, err
	}
	n := copy(p, t.cur.data[t.at:t.cur.n])
	t.at += n
	return n, nil
}

// WriteTo passes whole chunks on without copying them.
func (t *tap) WriteTo(w io.Writer) (total int64, err error) {
	for {
		if err := t.more(); errors.Is(err, io.EOF) {
			return total, nil
		} else if err != nil {
			return total, err
		}
		n, err := w.Write(t.cur.data[t.at:t.cur.n])
		t.at += n
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

// drain lets go of what the reader did not want.
func (t *tap) drain() {
	if t.cur != nil {
		t.fan.done(t.cur)
		t.cur = nil
	}
	for c := range t.in {
		t.fan.done(c)
	}
}
