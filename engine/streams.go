package engine

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Output is a stream that a job writes: what is written goes to every
// destination, in order. Without a destination it is discarded.
//
// Writers take turns, so the chunks of concurrent writers are not mixed and a
// slow destination slows all writers down. Nothing else waits for it: Add, Used
// and Close answer at once even while a Write hangs.
type Output struct {
	turn  sync.Mutex   // held by the one Write that runs
	count atomic.Int64 // bytes written

	mu      sync.Mutex // guards the fields below; nothing blocks while it is held
	dests   []dest     // never changed in place, so Write may use it unlocked
	tasks   *decoders  // nil: there never was one
	used    bool
	stopped bool // cut off: writes fail
}

// decoders are the goroutines that read what is written.
type decoders struct {
	running sync.WaitGroup
	err     error // the first failure; guarded by Output.mu
}

// dest is one destination. closer is set only when the Output owns it.
type dest struct {
	w      io.Writer
	closer io.Closer
}

// NewOutput makes an Output that belongs to no job.
func NewOutput() *Output { return &Output{} }

// Add appends a destination; it sees what is written from now on. It stays the
// caller's: Close does not close it.
func (o *Output) Add(w io.Writer) { o.add(dest{w: w}) }

// AddCloser appends a destination that Close closes.
func (o *Output) AddCloser(w io.WriteCloser) { o.add(dest{w, w}) }

func (o *Output) add(d dest) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dests = append(slices.Clip(o.dests), d)
}

// Set makes w the only destination, after a Close of what was there before.
func (o *Output) Set(w io.Writer) error {
	err := o.Close()
	o.Add(w)
	return err
}

// AddPipe returns a reader of what is written from now on. There is no buffer:
// a write waits until the reader took it or was closed. Close ends it.
func (o *Output) AddPipe() io.ReadCloser {
	r, w := io.Pipe()
	o.AddCloser(w)
	return r
}

// AddEnv returns an Env that holds, after Close, the last JSON object written.
func (o *Output) AddEnv() *Env {
	env := &Env{}
	o.decode(func(r io.Reader) error {
		for dec := NewDecoder(r); ; {
			next, err := dec.Decode()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			env.Init(next)
		}
	})
	return env
}

// AddTable returns a table that has, after Close, a row for each JSON object
// written one after the other.
func (o *Output) AddTable() *Table {
	t := NewTable("", 0)
	o.decode(func(r io.Reader) error {
		_, err := t.ReadFrom(&bounded{r, MaxDocument})
		return err
	})
	return t
}

// AddListTable returns a table that has, after Close, a row for each object of
// the one JSON array written.
func (o *Output) AddListTable() *Table {
	t := NewTable("", 0)
	o.decode(func(r io.Reader) error { return t.readList(&bounded{r, MaxDocument}) })
	return t
}

// decode runs f on all that is written from now on. When f stops early the rest
// is read and dropped, so that a writer never waits for a decoder that gave up.
func (o *Output) decode(f func(io.Reader) error) {
	r := o.AddPipe()
	o.mu.Lock()
	if o.tasks == nil {
		o.tasks = &decoders{}
	}
	tasks := o.tasks
	tasks.running.Add(1)
	o.mu.Unlock()
	go func() {
		defer tasks.running.Done()
		err := f(r)
		_, _ = io.Copy(io.Discard, r)
		if err == nil {
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if tasks.err == nil {
			tasks.err = err
		}
	}()
}

// Write sends p to every destination. A destination that fails does not keep it
// from the others; the first failure is returned. Writing nothing (zero bytes)
// marks the stream as used and reaches the destinations too.
func (o *Output) Write(p []byte) (int, error) {
	if o == nil {
		return len(p), nil
	}
	o.turn.Lock()
	defer o.turn.Unlock()
	o.mu.Lock()
	o.used = true
	dests, stopped := o.dests, o.stopped
	o.mu.Unlock()
	if stopped {
		return 0, io.ErrClosedPipe
	}
	o.count.Add(int64(len(p)))
	var first error
	for _, d := range dests {
		if n, err := d.w.Write(p); first == nil {
			if err == nil && n < len(p) {
				err = io.ErrShortWrite
			}
			first = err
		}
	}
	return len(p), first
}

// Used tells whether anything was written, be it zero bytes.
func (o *Output) Used() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.used
}

// Close closes the destinations that the Output owns, forgets all of them, and
// waits for the decoders. It returns the first failure. Later writes succeed
// and are discarded.
func (o *Output) Close() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	dests, tasks := o.dests, o.tasks
	o.dests = nil
	o.mu.Unlock()
	if len(dests) == 0 && tasks == nil {
		return nil // the usual case of a nested job
	}
	var first error
	for _, d := range dests {
		if d.closer == nil {
			continue
		}
		if err := d.closer.Close(); first == nil {
			first = err
		}
	}
	if tasks == nil {
		return first
	}
	tasks.running.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	if first == nil {
		first = tasks.err
	}
	tasks.err = nil
	return first
}

// attached tells whether a write could wait for somebody.
func (o *Output) attached() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.dests) > 0
}

// cut makes this and every later write fail, and wakes one that hangs where the
// destination allows it.
func (o *Output) cut() {
	if o == nil {
		return
	}
	o.mu.Lock()
	dests := o.dests
	o.stopped = true
	o.mu.Unlock()
	for _, d := range dests {
		switch w := d.w.(type) {
		case *io.PipeWriter:
			_ = w.CloseWithError(io.ErrClosedPipe)
		case interface{ SetWriteDeadline(time.Time) error }:
			_ = w.SetWriteDeadline(time.Unix(1, 0))
		}
	}
}

// Input is the stream that a job reads. It has one source at most; without one
// it is at its end.
type Input struct {
	count atomic.Int64 // bytes read

	mu     sync.Mutex
	src    io.Reader
	closer io.Closer // set only when the Input owns its source
	closed bool
}

// NewInput makes an Input that belongs to no job.
func NewInput() *Input { return &Input{} }

// Add sets the source. It stays the caller's: Close does not close it.
func (i *Input) Add(r io.Reader) error { return i.add(r, nil) }

// AddCloser sets a source that Close closes.
func (i *Input) AddCloser(r io.ReadCloser) error { return i.add(r, r) }

// AddPipe returns a writer whose bytes the job reads. Close it to end the input.
func (i *Input) AddPipe() (io.WriteCloser, error) {
	r, w := io.Pipe()
	if err := i.AddCloser(r); err != nil {
		return nil, err
	}
	return w, nil
}

func (i *Input) add(r io.Reader, c io.Closer) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.src != nil {
		return errors.New("Maximum number of sources reached: 1") //nolint:staticcheck // classic text
	}
	i.src, i.closer = r, c
	return nil
}

// Read reads from the source. No lock is held meanwhile.
func (i *Input) Read(p []byte) (int, error) {
	src := i.Source()
	if src == nil {
		return 0, io.EOF
	}
	n, err := src.Read(p)
	i.count.Add(int64(n))
	return n, err
}

// Source returns what Add was given, for handlers that can do more with it than
// read (half-close, a descriptor). What is read from it is not counted in the
// record of the job unless Count says so. Nil: there is none, or it was closed.
func (i *Input) Source() io.Reader {
	if i == nil {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil
	}
	return i.src
}

// Count adds n bytes to those that the job has read, for a handler that reads
// from Source.
func (i *Input) Count(n int64) { i.count.Add(n) }

// Close ends the input; a source that the Input owns is closed, also under a
// Read that hangs.
func (i *Input) Close() error {
	if i == nil {
		return nil
	}
	i.mu.Lock()
	c := i.closer
	i.closed, i.closer = true, nil
	i.mu.Unlock()
	if c == nil {
		return nil
	}
	return c.Close()
}

func (i *Input) attached() bool { return i.Source() != nil }

// cut is Close, and wakes a Read that hangs in a source of the caller where the
// source allows it.
func (i *Input) cut() {
	src := i.Source()
	_ = i.Close()
	if d, ok := src.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = d.SetReadDeadline(time.Unix(1, 0))
	}
}

// Tail returns the last n lines of a buffer without the final newline.
func Tail(b *bytes.Buffer, n int) string {
	if n <= 0 {
		return ""
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] != '\n' {
			continue
		}
		if n--; n == 0 {
			return string(text[i+1:])
		}
	}
	return string(text)
}
