// Package pipe makes a reader of a function that writes. What is written in small
// pieces is read in large ones: a reader that is a connection would make a packet of
// every piece. It owns no state but that of its readers. Start reading at From. It is
// domain-free and imports nothing of this module.
package pipe

import (
	"bufio"
	"errors"
	"io"
)

// piece is how many bytes come at once: what io.Copy and net/http take.
const piece = 32 << 10

// Reader reads what its function writes. Its error, when it has one, comes after
// everything that was written before.
type Reader struct {
	*io.PipeReader
	done chan struct{}
	err  error // of write, after done
}

// From runs write beside the caller. Its writer fails with io.ErrClosedPipe when the
// reader was closed. Somebody must call Close.
func From(write func(w io.Writer) error) *Reader {
	pr, pw := io.Pipe()
	r := &Reader{PipeReader: pr, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		out := bufio.NewWriterSize(pw, piece)
		err := write(out)
		if ferr := out.Flush(); err == nil {
			err = ferr
		}
		r.err = err
		pw.CloseWithError(err)
	}()
	return r
}

// Close ends the reading, waits until write has returned, and gives its error. That
// it was cut off by the end of the reading is none.
func (r *Reader) Close() error {
	_ = r.PipeReader.Close() // never fails
	<-r.done
	if errors.Is(r.err, io.ErrClosedPipe) {
		return nil
	}
	return r.err
}
