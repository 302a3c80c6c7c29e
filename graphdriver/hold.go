package graphdriver

import (
	"io"
	"sync"
)

// Hold keeps a layer from being removed until the returned function is called
// (once or more).
func (t *Table) Hold(id string) (release func(), err error) {
	r, err := t.pin(id)
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { t.unpin(r) }), nil
}

// Releasing calls release after rc is closed.
func Releasing(rc io.ReadCloser, release func()) io.ReadCloser { return releasing{rc, release} }

type releasing struct {
	io.ReadCloser
	release func()
}

// Close closes the stream and releases what it held.
func (r releasing) Close() error {
	defer r.release()
	return r.ReadCloser.Close()
}
