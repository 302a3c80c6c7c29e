package nft

import (
	"bytes"
	"encoding/binary"
	"iter"

	"golang.org/x/sys/unix"
)

// writer builds netlink messages: headers of linux/netlink.h, attributes with
// numbers in network byte order, as nfnetlink has them.
type writer struct{ buf []byte }

// begin opens a message of the nftables part of nfnetlink; end closes it.
func (w *writer) begin(kind, flags uint16, seq uint32, family byte, resource uint16) (mark int) {
	mark = len(w.buf)
	w.buf = binary.NativeEndian.AppendUint32(w.buf, 0) // its length, see end
	w.buf = binary.NativeEndian.AppendUint16(w.buf, kind)
	w.buf = binary.NativeEndian.AppendUint16(w.buf, unix.NLM_F_REQUEST|flags)
	w.buf = binary.NativeEndian.AppendUint32(w.buf, seq)
	w.buf = binary.NativeEndian.AppendUint32(w.buf, 0)
	w.buf = append(w.buf, family, unix.NFNETLINK_V0)
	w.buf = binary.BigEndian.AppendUint16(w.buf, resource)
	return mark
}

func (w *writer) end(mark int) {
	binary.NativeEndian.PutUint32(w.buf[mark:], uint32(len(w.buf)-mark))
}

// nest opens an attribute that holds attributes; unnest closes it.
func (w *writer) nest(kind uint16) (mark int) {
	mark = len(w.buf)
	w.buf = binary.NativeEndian.AppendUint16(w.buf, 0)
	w.buf = binary.NativeEndian.AppendUint16(w.buf, kind|unix.NLA_F_NESTED)
	return mark
}

func (w *writer) unnest(mark int) {
	binary.NativeEndian.PutUint16(w.buf[mark:], uint16(len(w.buf)-mark))
}

// bytes appends an attribute, padded to four bytes.
func (w *writer) bytes(kind uint16, value []byte) {
	w.buf = binary.NativeEndian.AppendUint16(w.buf, uint16(unix.SizeofNlAttr+len(value)))
	w.buf = binary.NativeEndian.AppendUint16(w.buf, kind)
	w.buf = append(w.buf, value...)
	for len(w.buf)%unix.NLA_ALIGNTO != 0 {
		w.buf = append(w.buf, 0)
	}
}

func (w *writer) text(kind uint16, value string) { w.bytes(kind, append([]byte(value), 0)) }

func (w *writer) number(kind uint16, value uint32) {
	w.bytes(kind, binary.BigEndian.AppendUint32(nil, value))
}

// data appends an attribute that holds one value.
func (w *writer) data(kind uint16, value []byte) {
	mark := w.nest(kind)
	w.bytes(unix.NFTA_DATA_VALUE, value)
	w.unnest(mark)
}

// attributes reads attributes: their kinds without flags, and their values.
// What is cut off ends the list.
func attributes(data []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(data) >= unix.SizeofNlAttr {
			size := int(binary.NativeEndian.Uint16(data))
			kind := binary.NativeEndian.Uint16(data[2:])
			if size < unix.SizeofNlAttr || size > len(data) {
				return
			}
			if !yield(kind&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), data[unix.SizeofNlAttr:size]) {
				return
			}
			data = data[min(len(data), align(size)):]
		}
	}
}

// attribute gives the value of one; nil when there is none.
func attribute(data []byte, kind uint16) []byte {
	for k, v := range attributes(data) {
		if k == kind {
			return v
		}
	}
	return nil
}

// name reads a text that ends in a zero byte.
func name(value []byte) string { return string(bytes.TrimRight(value, "\x00")) }

// number32 reads a number; 0 when there is none.
func number32(value []byte) uint32 {
	if len(value) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(value)
}

func align(n int) int { return (n + unix.NLA_ALIGNTO - 1) &^ (unix.NLA_ALIGNTO - 1) }

// message is one of the kernel's.
type message struct {
	kind, flags uint16
	seq         uint32
	body        []byte // behind the header of netlink
}

// attrs is what lies behind the header of nfnetlink.
func (m message) attrs() []byte {
	if len(m.body) < 4 {
		return nil
	}
	return m.body[4:]
}

// messages reads what one datagram holds.
func messages(data []byte) iter.Seq[message] {
	return func(yield func(message) bool) {
		for len(data) >= unix.SizeofNlMsghdr {
			size := int(binary.NativeEndian.Uint32(data))
			if size < unix.SizeofNlMsghdr || size > len(data) {
				return
			}
			m := message{
				kind: binary.NativeEndian.Uint16(data[4:]), flags: binary.NativeEndian.Uint16(data[6:]),
				seq: binary.NativeEndian.Uint32(data[8:]), body: data[unix.SizeofNlMsghdr:size],
			}
			if !yield(m) {
				return
			}
			data = data[min(len(data), align(size)):]
		}
	}
}

// errno is the answer that a message of kind NLMSG_ERROR holds; 0 is success.
func (m message) errno() unix.Errno {
	if len(m.body) < 4 {
		return unix.EBADMSG
	}
	return unix.Errno(-int32(binary.NativeEndian.Uint32(m.body)))
}
