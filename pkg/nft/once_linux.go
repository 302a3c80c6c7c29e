package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Once carries out one transaction in the network namespace of the calling
// thread, by a socket of its own. When it deletes something it waits for some
// milliseconds, as whoever closes a netlink socket after that does, until no
// processor looks at it any more.
func Once(fill func(*Batch)) error {
	s, err := openSocket()
	if err != nil {
		return fmt.Errorf("opening a netlink socket for nftables: %w", err)
	}
	c := &Conn{socket: s}
	return errors.Join(c.Batch(fill), c.Close())
}

// Create makes a table. One that is there already fails the batch with
// os.ErrExist.
func (b *Batch) Create(t Table) {
	b.message(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, t, func(w *writer) { w.text(unix.NFTA_TABLE_NAME, t.Name) })
}

// Remove removes a table. One that is not there fails the batch with
// os.ErrNotExist.
func (b *Batch) Remove(t Table) {
	b.message(unix.NFT_MSG_DELTABLE, 0, t, func(w *writer) { w.text(unix.NFTA_TABLE_NAME, t.Name) })
}

// RewritePort gives packets of a protocol (unix.IPPROTO_UDP or TCP) from (side
// Source) or to (Dest) an address and port another port, and changes their
// checksum accordingly. No connection is tracked: what leads there and what leads
// back are two rules.
func RewritePort(proto byte, side Field, at netip.AddrPort, port uint16) Match {
	family, offset, checksum := IPv4, uint32(0), uint32(6) // RFC 768
	if at.Addr().Is6() {
		family = IPv6
	}
	if side == Dest {
		offset = 2
	}
	if proto == unix.IPPROTO_TCP {
		checksum = 16 // RFC 9293
	}
	number := func(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
	return join(
		meta(unix.NFT_META_L4PROTO, word0), compare(unix.NFT_CMP_EQ, []byte{proto}),
		network(family, side, word0), compare(unix.NFT_CMP_EQ, at.Addr().AsSlice()),
		payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2, word0), compare(unix.NFT_CMP_EQ, number(at.Port())),
		expression("immediate", func(w *writer) {
			w.number(unix.NFTA_IMMEDIATE_DREG, word0)
			w.data(unix.NFTA_IMMEDIATE_DATA, number(port))
		}),
		expression("payload", func(w *writer) {
			w.number(unix.NFTA_PAYLOAD_SREG, word0)
			w.number(unix.NFTA_PAYLOAD_BASE, unix.NFT_PAYLOAD_TRANSPORT_HEADER)
			w.number(unix.NFTA_PAYLOAD_OFFSET, offset)
			w.number(unix.NFTA_PAYLOAD_LEN, 2)
			w.number(unix.NFTA_PAYLOAD_CSUM_TYPE, unix.NFT_PAYLOAD_CSUM_INET)
			w.number(unix.NFTA_PAYLOAD_CSUM_OFFSET, checksum)
		}))
}
