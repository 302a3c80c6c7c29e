package wire

import "sync/atomic"

// Codec shortens payloads: package deflate has the one that the protocol knows.
// It is given to a stream and not imported, because it is not small.
type Codec interface {
	Deflate(to, p []byte) (int, error) // the bytes that were written; an error: they do not fit
	Inflate(to, p []byte) (int, error) // an error: p is damaged, or they do not fit
}

// packFrom is the payload from which on it is worth trying.
const packFrom = 1 << 10

// A packer that gained nothing on a payload leaves the next ones as they are:
// one, then two, then four, up to restMax of them.
const restMax = 64

// packer deflates payloads, each by itself, as long as that makes them shorter.
type packer struct {
	codec  Codec
	rest   atomic.Int32 // payloads to leave alone
	misses atomic.Int32 // in a row
}

// deflate replaces the payload by a shorter one in the returned chunk. Nil: it
// stays.
func (p *packer) deflate(f *Frame) *chunk {
	if p.rest.Load() > 0 && p.rest.Add(-1) >= 0 {
		return nil
	}
	c := newChunk(len(f.Payload))
	var err error
	if c.w, err = p.codec.Deflate(c.b, f.Payload); err != nil || c.w > len(f.Payload)-len(f.Payload)/8 {
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
func (in *reader) inflate(f *Frame, codec Codec) error {
	if codec == nil {
		return Garbage("a compressed frame of type %d came, which was not asked for", f.Type)
	}
	c := newChunk(MaxPayload)
	var err error
	if c.w, err = codec.Inflate(c.b, f.Payload); err != nil {
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
