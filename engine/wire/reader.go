package wire

import (
	"errors"
	"io"
)

// What a stream reads at once when it does not know how much comes. After a
// large payload another one is likely, whose bytes are better read to their
// place than copied there.
const (
	readFirst  = 9 << 10 // the buffer of a stream that has little to say: a small frame fits
	readAhead  = 64 << 10
	readHeader = 1 << 10
	many       = 8 // small frames in a row
)

// reader cuts a byte stream into frames. Small ones lie in its buffer; the
// payload of a large one is read into a chunk of its own, which can be kept.
type reader struct {
	src  io.Reader
	buf  []byte
	r, w int
	few  int    // small frames since the last large one
	big  *chunk // payload of the last frame
}

func (in *reader) open(s *stream) {
	in.src = s.rw
	in.buf = make([]byte, readFirst)
	in.few = many
}

// Receive gives the next frame.
func (s *stream) Receive() (Frame, error) {
	f, err := s.in.next()
	if err == nil && f.Compressed {
		err = s.in.inflate(&f, s.codec)
	}
	return f, err
}

// keep makes the payload of the last frame the caller's. Nil: it is not in
// memory of its own and has to be copied.
func (s *stream) keep() *chunk {
	c := s.in.big
	if c == nil || c.w < len(c.b)/4 {
		return nil
	}
	s.in.big = nil
	return c
}

func (in *reader) next() (Frame, error) {
	if in.big != nil {
		in.big.release()
		in.big = nil
	}
	if err := in.fill(HeaderSize); err != nil {
		return Frame{}, err
	}
	f, n, err := ParseHeader(in.buf[in.r:in.w])
	if err != nil {
		return Frame{}, err
	}
	in.r += HeaderSize
	if n <= small {
		in.few++
		if err := in.fill(n); err != nil {
			return Frame{}, cutOff(err)
		}
		f.Payload = in.buf[in.r : in.r+n]
		in.r += n
		return f, nil
	}
	in.few = 0
	c := newChunk(n)
	c.w = copy(c.b[:n], in.buf[in.r:in.w])
	in.r += c.w
	if c.w < n {
		if err := in.readBig(c, n); err != nil {
			c.release()
			return Frame{}, cutOff(err)
		}
	}
	in.big, f.Payload = c, c.b[:n]
	return f, nil
}

// readBig reads the rest of a payload.
func (in *reader) readBig(c *chunk, n int) error {
	k, err := io.ReadFull(in.src, c.b[c.w:n])
	c.w += k
	return err
}

// fill makes sure that n bytes are in the buffer.
func (in *reader) fill(n int) error {
	if in.w == len(in.buf) && len(in.buf) < readAhead { // the last read had more to give
		grown := make([]byte, readAhead)
		in.w = copy(grown, in.buf[in.r:in.w])
		in.buf, in.r = grown, 0
	}
	if in.r == in.w {
		in.r, in.w = 0, 0
	} else if len(in.buf)-in.r < n {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	most := readAhead
	if in.few < many {
		most = max(readHeader, n)
	}
	for idle := 0; in.w-in.r < n; {
		k, err := in.src.Read(in.buf[in.w:min(len(in.buf), in.w+most)])
		in.w += k
		if err != nil && in.w-in.r < n {
			if in.w > in.r {
				err = cutOff(err)
			}
			return err
		}
		if k == 0 {
			if idle++; idle == 100 {
				return io.ErrNoProgress
			}
		}
	}
	return nil
}

// cutOff makes an end in the middle of a frame one that is not clean.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
