// Package deflate is the compression that the protocol of package wire knows. It
// is apart so that a program whose connections never compress, as the exec
// engine, does not carry it. It owns pools of what is expensive to make; start
// reading at Codec. It imports nothing of this module.
package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"sync"
)

// Codec makes and reads raw deflate streams (RFC 1951). Its zero value is ready
// and safe for concurrent use.
type Codec struct{}

var (
	deflaters sync.Pool // *flate.Writer
	inflaters sync.Pool // io.ReadCloser that is a flate.Resetter
)

// limited is memory of a fixed size to write to.
type limited struct {
	b []byte
	n int
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > len(l.b)-l.n {
		return 0, io.ErrShortBuffer
	}
	l.n += copy(l.b[l.n:], p)
	return len(p), nil
}

// Deflate writes p, shortened, into to and returns the bytes that it has there.
// An error means that they do not fit.
func (Codec) Deflate(to, p []byte) (int, error) {
	dst := &limited{b: to}
	w, ok := deflaters.Get().(*flate.Writer)
	if ok {
		w.Reset(dst)
	} else {
		w, _ = flate.NewWriter(dst, flate.BestSpeed) // the level is a valid one
	}
	_, err := w.Write(p)
	if err == nil {
		err = w.Close()
	}
	deflaters.Put(w)
	return dst.n, err
}

// Inflate writes what p was before into to and returns the bytes that it has
// there. An error means that p is damaged or longer than that.
func (Codec) Inflate(to, p []byte) (int, error) {
	src := bytes.NewReader(p)
	r, ok := inflaters.Get().(io.ReadCloser)
	if !ok {
		r = flate.NewReader(src)
	} else if err := r.(flate.Resetter).Reset(src, nil); err != nil {
		return 0, err
	}
	defer inflaters.Put(r)
	n := 0
	for n < len(to) {
		k, err := r.Read(to[n:])
		n += k
		if errors.Is(err, io.EOF) {
			return n, behind(src)
		}
		if err != nil {
			return n, err
		}
	}
	// Full: is that all?
	var one [1]byte
	k, err := r.Read(one[:])
	if k > 0 || err == nil {
		return n, io.ErrShortBuffer
	}
	if errors.Is(err, io.EOF) {
		return n, behind(src)
	}
	return n, err
}

// behind finds bytes after the end of the stream.
func behind(src *bytes.Reader) error {
	if src.Len() > 0 {
		return errors.New("there is something behind the end of the stream")
	}
	return nil
}
