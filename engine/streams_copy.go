package engine

import "io"

// WriteTo copies what is left of the input to w; io.Copy calls it. A source that
// can write itself, as that of a job which came over a connection, does so
// without a buffer in between.
func (i *Input) WriteTo(w io.Writer) (int64, error) {
	if src, ok := i.Source().(io.WriterTo); ok {
		n, err := src.WriteTo(w)
		i.Count(n)
		return n, err
	}
	return io.Copy(w, struct{ io.Reader }{i})
}
