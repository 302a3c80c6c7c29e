// Package stdcopy owns the framing that lets two byte streams share one
// connection: each frame is an 8 byte header (stream, 0, 0, 0, big endian
// length) and its payload.
//
// It has no state of its own. Start reading at NewWriter and Copy. It is used
// by the server that multiplexes and the client that takes apart, and must not
// import anything of this module.
package stdcopy

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// Stream is the first byte of a frame.
type Stream byte

// The streams of a frame. SystemErr carries a failure of the sender: the
// payload is its text and no frame follows.
const (
	Stdin Stream = iota
	Stdout
	Stderr
	SystemErr
)

const headerLen = 8

// maxPayload bounds one frame on the way out, so that a slow reader of one
// stream sees the other one soon.
const maxPayload = 1 << 20

// Writer frames what is written to it. Writers made from the same Mux may be
// used by several goroutines; their frames never mix.
type Writer struct {
	mux    *Mux
	stream Stream
}

// Mux serialises the frames of several streams on one connection.
type Mux struct {
	w io.Writer

	mu  sync.Mutex // guards buf and the order of frames on w
	buf []byte
}

// NewMux returns a Mux on w.
func NewMux(w io.Writer) *Mux { return &Mux{w: w} }

// Stream returns a writer of one stream.
func (m *Mux) Stream(s Stream) *Writer { return &Writer{mux: m, stream: s} }

// NewWriter returns a writer that frames for stream s on w. Writers for several
// streams on one connection that are used concurrently must come from one Mux.
func NewWriter(w io.Writer, s Stream) *Writer { return NewMux(w).Stream(s) }

// Write sends p as one frame (or several when it is large), each with a single
// call to the connection. The count returned is that of payload bytes.
func (w *Writer) Write(p []byte) (int, error) {
	m := w.mux
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for len(p) > 0 {
		part := p
		if len(part) > maxPayload {
			part = part[:maxPayload]
		}
		m.buf = append(m.buf[:0], byte(w.stream), 0, 0, 0, 0, 0, 0, 0)
		binary.BigEndian.PutUint32(m.buf[4:], uint32(len(part)))
		m.buf = append(m.buf, part...)
		wrote, err := m.w.Write(m.buf)
		if err != nil {
			return n + max(0, wrote-headerLen), err
		}
		n, p = n+len(part), p[len(part):]
	}
	return n, nil
}

// Copy takes frames from r apart until it ends, and returns the number of
// payload bytes delivered. Nil writers discard. An end inside of a frame is
// io.ErrUnexpectedEOF; a SystemErr frame is returned as an error with its text.
// What was received of an incomplete frame has been delivered.
func Copy(stdout, stderr io.Writer, r io.Reader) (int64, error) {
	if stdout == nil {
		stdout = io.Discard
	}
	if stderr == nil {
		stderr = io.Discard
	}
	var (
		total  int64
		header [headerLen]byte
		buf    = make([]byte, 32<<10)
	)
	for {
		if _, err := io.ReadFull(r, header[:]); err != nil {
			if err == io.EOF {
				return total, nil
			}
			return total, err
		}
		size := int64(binary.BigEndian.Uint32(header[4:]))
		var dst io.Writer
		switch Stream(header[0]) {
		case Stdin, Stdout: // both are output here, as clients always treated it
			dst = stdout
		case Stderr:
			dst = stderr
		case SystemErr:
			text, err := io.ReadAll(io.LimitReader(r, min(size, 64<<10)))
			if err != nil {
				return total, err
			}
			return total, fmt.Errorf("error from the daemon in the stream: %s", text)
		default:
			return total, fmt.Errorf("unrecognized stream %d in the frame header", header[0])
		}
		n, err := copyExactly(dst, r, size, buf)
		total += n
		if err != nil {
			return total, err
		}
	}
}

// copyExactly passes size bytes on as they arrive, without waiting for a whole
// frame.
func copyExactly(dst io.Writer, r io.Reader, size int64, buf []byte) (int64, error) {
	var done int64
	for done < size {
		n, err := r.Read(buf[:min(int64(len(buf)), size-done)])
		if n > 0 {
			wrote, werr := dst.Write(buf[:n])
			done += int64(wrote)
			if werr != nil {
				return done, werr
			}
			if wrote < n {
				return done, io.ErrShortWrite
			}
		}
		if err == io.EOF && done < size {
			return done, io.ErrUnexpectedEOF
		}
		if err != nil && err != io.EOF {
			return done, err
		}
	}
	return done, nil
}
