package nft

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Tuple writes values as a concatenated key has them: each padded to words.
type Tuple []byte

// Addr appends an address.
func (t Tuple) Addr(ip netip.Addr) Tuple { return append(t, ip.AsSlice()...) }

// Proto appends a protocol number.
func (t Tuple) Proto(n byte) Tuple { return append(t, n, 0, 0, 0) }

// Port appends a port.
func (t Tuple) Port(n uint16) Tuple { return append(binary.BigEndian.AppendUint16(t, n), 0, 0) }

// Interface appends the name of an interface.
func (t Tuple) Interface(name string) Tuple {
	var padded [unix.IFNAMSIZ]byte
	copy(padded[:], name)
	return append(t, padded[:]...)
}

// Prefix gives the elements that stand for a network in ranges: where it begins,
// with the value, and where what follows it begins.
func Prefix(p netip.Prefix, value []byte) []Element {
	first := p.Masked().Addr().AsSlice()
	list := []Element{{Key: first, Value: value}}
	next := append([]byte(nil), first...)
	for bit := p.Bits() - 1; bit >= 0; bit-- { // adds one to the bits of the network
		next[bit/8] ^= 0x80 >> (bit % 8)
		if next[bit/8]&(0x80>>(bit%8)) != 0 {
			return append(list, Element{Key: next, End: true})
		}
	}
	return list // nothing follows it
}
