//go:build linux

package resolver

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// redirectTable is the table in the namespace of the container.
const redirectTable = "enginejobs-resolver"

// Where a packet has what the rules look at (RFC 791, 768, 9293).
const (
	sourceAddress, destAddress = 12, 16
	sourcePort, destPort       = 0, 2
	checksumUDP, checksumTCP   = 6, 16
)

// The chains. Questions are rewritten before the kernel looks for their
// connection, answers after: should the container track connections, it sees one
// between the client and the real port, and its rules see nothing odd.
const (
	questions, beforeTracking = "questions", -300
	answersOut, behindAll     = "answers", 1000
)

// redirect leads port 53 of the address to another port, and back, by writing
// into the packets: there is no connection to be tracked. The caller is inside
// the namespace.
//
// A table is deleted only when there is one: whoever closes a netlink socket
// after that waits, some milliseconds, until no processor looks at it any more.
func redirect(real uint16) error {
	err := rules(real).commit()
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	var b batch
	b.dropTable()
	b.messages = append(b.messages, rules(real).messages...)
	return b.commit()
}

// unredirect takes the rules back, if there were any.
func (s *Server) unredirect() error {
	if at, ok := s.udp.LocalAddr().(*net.UDPAddr); ok && at.Port == namePort {
		return nil
	}
	var b batch
	b.dropTable()
	if err := s.inside(b.commit); !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil // somebody in the container did
}

func (b *batch) dropTable() {
	b.add(unix.NFT_MSG_DELTABLE, 0, attr(unix.NFTA_TABLE_NAME, text(redirectTable)))
}

// rules is the table with all that is in it.
func rules(real uint16) *batch {
	b := new(batch)
	b.add(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, attr(unix.NFTA_TABLE_NAME, text(redirectTable)))
	chain := func(name string, priority int32) {
		b.add(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE,
			attr(unix.NFTA_CHAIN_TABLE, text(redirectTable)),
			attr(unix.NFTA_CHAIN_NAME, text(name)),
			nest(unix.NFTA_CHAIN_HOOK,
				attr(unix.NFTA_HOOK_HOOKNUM, word(unix.NF_INET_LOCAL_OUT)),
				attr(unix.NFTA_HOOK_PRIORITY, word(uint32(priority)))),
			attr(unix.NFTA_CHAIN_TYPE, text("filter")))
	}
	chain(questions, beforeTracking)
	chain(answersOut, behindAll)
	for _, p := range []struct {
		proto    byte
		checksum uint32
	}{{unix.IPPROTO_UDP, checksumUDP}, {unix.IPPROTO_TCP, checksumTCP}} {
		b.rewrite(questions, p.proto, p.checksum, destAddress, destPort, namePort, real)
		b.rewrite(answersOut, p.proto, p.checksum, sourceAddress, sourcePort, real, namePort)
	}
	return b
}

// rewrite adds a rule that changes a port of packets from or to the address, and
// their checksum.
func (b *batch) rewrite(chain string, proto byte, checksum, address, port uint32, from, to uint16) {
	ip := netip.MustParseAddr(Address).As4()
	number := func(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
	b.add(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND,
		attr(unix.NFTA_RULE_TABLE, text(redirectTable)),
		attr(unix.NFTA_RULE_CHAIN, text(chain)),
		nest(unix.NFTA_RULE_EXPRESSIONS,
			expression("meta", attr(unix.NFTA_META_DREG, word(unix.NFT_REG_1)), attr(unix.NFTA_META_KEY, word(unix.NFT_META_L4PROTO))),
			equal([]byte{proto}),
			load(unix.NFT_PAYLOAD_NETWORK_HEADER, address, 4),
			equal(ip[:]),
			load(unix.NFT_PAYLOAD_TRANSPORT_HEADER, port, 2),
			equal(number(from)),
			expression("immediate", attr(unix.NFTA_IMMEDIATE_DREG, word(unix.NFT_REG_1)),
				nest(unix.NFTA_IMMEDIATE_DATA, attr(unix.NFTA_DATA_VALUE, number(to)))),
			expression("payload",
				attr(unix.NFTA_PAYLOAD_SREG, word(unix.NFT_REG_1)),
				attr(unix.NFTA_PAYLOAD_BASE, word(unix.NFT_PAYLOAD_TRANSPORT_HEADER)),
				attr(unix.NFTA_PAYLOAD_OFFSET, word(port)), attr(unix.NFTA_PAYLOAD_LEN, word(2)),
				attr(unix.NFTA_PAYLOAD_CSUM_TYPE, word(unix.NFT_PAYLOAD_CSUM_INET)),
				attr(unix.NFTA_PAYLOAD_CSUM_OFFSET, word(checksum)))))
}

// equal goes on if the register has the value.
func equal(value []byte) []byte {
	return expression("cmp", attr(unix.NFTA_CMP_SREG, word(unix.NFT_REG_1)), attr(unix.NFTA_CMP_OP, word(unix.NFT_CMP_EQ)),
		nest(unix.NFTA_CMP_DATA, attr(unix.NFTA_DATA_VALUE, value)))
}

// load reads a part of a header into the register.
func load(base, offset, size uint32) []byte {
	return expression("payload", attr(unix.NFTA_PAYLOAD_DREG, word(unix.NFT_REG_1)), attr(unix.NFTA_PAYLOAD_BASE, word(base)),
		attr(unix.NFTA_PAYLOAD_OFFSET, word(offset)), attr(unix.NFTA_PAYLOAD_LEN, word(size)))
}

func expression(name string, parts ...[]byte) []byte {
	return nest(unix.NFTA_LIST_ELEM, attr(unix.NFTA_EXPR_NAME, text(name)), nest(unix.NFTA_EXPR_DATA, parts...))
}
