package initproto

import (
	"encoding/binary"
	"errors"
)

// ErrShort is returned for a body that ends too early or has bytes left over.
var ErrShort = errors.New("message is damaged")

// message is anything whose fields one function visits in a fixed order.
type message interface{ code(*coder) }

// coder writes fields to b, or when reading takes them from b. After the first
// error it does nothing.
type coder struct {
	b       []byte
	reading bool
	err     error
}

func encode(m message) []byte {
	c := coder{b: make([]byte, 0, 1024)}
	m.code(&c)
	return c.b
}

func decode(b []byte, m message) error {
	c := coder{b: b, reading: true}
	m.code(&c)
	if c.err == nil && len(c.b) != 0 {
		return ErrShort
	}
	return c.err
}

func (c *coder) take(n int) []byte {
	if c.err != nil || n < 0 || n > len(c.b) {
		c.err = ErrShort
		return nil
	}
	p := c.b[:n]
	c.b = c.b[n:]
	return p
}

func (c *coder) u64(v *uint64) {
	if !c.reading {
		c.b = binary.LittleEndian.AppendUint64(c.b, *v)
	} else if p := c.take(8); p != nil {
		*v = binary.LittleEndian.Uint64(p)
	}
}

func (c *coder) u32(v *uint32) {
	if !c.reading {
		c.b = binary.LittleEndian.AppendUint32(c.b, *v)
	} else if p := c.take(4); p != nil {
		*v = binary.LittleEndian.Uint32(p)
	}
}

func (c *coder) u8(v *uint8) {
	if !c.reading {
		c.b = append(c.b, *v)
	} else if p := c.take(1); p != nil {
		*v = p[0]
	}
}

func (c *coder) i64(v *int64) {
	u := uint64(*v)
	c.u64(&u)
	*v = int64(u)
}

func (c *coder) i32(v *int32) {
	u := uint32(*v)
	c.u32(&u)
	*v = int32(u)
}

func (c *coder) flag(v *bool) {
	var u uint8
	if *v {
		u = 1
	}
	c.u8(&u)
	*v = u != 0
}

func (c *coder) bytes(v *[]byte) {
	n := uint32(len(*v))
	c.u32(&n)
	if !c.reading {
		c.b = append(c.b, *v...)
	} else if p := c.take(int(n)); len(p) > 0 {
		*v = p
	}
}

func (c *coder) str(v *string) {
	n := uint32(len(*v))
	c.u32(&n)
	if !c.reading {
		c.b = append(c.b, *v...)
	} else if p := c.take(int(n)); p != nil {
		*v = string(p)
	}
}

// size visits the length of a list. Each element takes at least one byte, which
// bounds what a damaged message can make us allocate.
func (c *coder) size(have int) int {
	n := uint32(have)
	c.u32(&n)
	if c.reading && int(n) > len(c.b) {
		c.err = ErrShort
		return 0
	}
	return int(n)
}

func list[T any](c *coder, v *[]T, elem func(*T)) {
	n := c.size(len(*v))
	if c.reading && n > 0 {
		*v = make([]T, n)
	}
	for i := range *v {
		if c.err != nil {
			return
		}
		elem(&(*v)[i])
	}
}

func (c *coder) strs(v *[]string) { list(c, v, c.str) }
