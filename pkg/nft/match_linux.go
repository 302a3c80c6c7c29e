package nft

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Match is a part of a rule: conditions, or what to do when they hold. It is a
// list of expressions as the kernel reads them.
type Match []byte

// The registers: sixteen words of four bytes. Single values and keys begin at
// the first, what a map answers at the ninth.
const (
	word0 = unix.NFT_REG32_00
	word8 = unix.NFT_REG32_08
)

// expression writes one.
func expression(name string, fill func(*writer)) Match {
	var w writer
	elem := w.nest(unix.NFTA_LIST_ELEM)
	w.text(unix.NFTA_EXPR_NAME, name)
	data := w.nest(unix.NFTA_EXPR_DATA)
	fill(&w)
	w.unnest(data)
	w.unnest(elem)
	return w.buf
}

// join puts expressions one behind the other.
func join(list ...Match) (m Match) {
	for _, e := range list {
		m = append(m, e...)
	}
	return m
}

// meta loads what the kernel knows of a packet besides its bytes.
func meta(key, reg uint32) Match {
	return expression("meta", func(w *writer) {
		w.number(unix.NFTA_META_KEY, key)
		w.number(unix.NFTA_META_DREG, reg)
	})
}

// compare ends the rule unless the first word and those behind it are (or are
// not) the value.
func compare(op uint32, value []byte) Match {
	return expression("cmp", func(w *writer) {
		w.number(unix.NFTA_CMP_SREG, word0)
		w.number(unix.NFTA_CMP_OP, op)
		w.data(unix.NFTA_CMP_DATA, value)
	})
}

// mask keeps some bits of the first word and those behind it.
func mask(bits []byte) Match {
	return expression("bitwise", func(w *writer) {
		w.number(unix.NFTA_BITWISE_SREG, word0)
		w.number(unix.NFTA_BITWISE_DREG, word0)
		w.number(unix.NFTA_BITWISE_LEN, uint32(len(bits)))
		w.data(unix.NFTA_BITWISE_MASK, bits)
		w.data(unix.NFTA_BITWISE_XOR, make([]byte, len(bits)))
	})
}

// FromInterface matches packets that came in by the interface, NotFromInterface
// those that came in by another or were made here.
func FromInterface(name string) Match { return ifname(unix.NFT_META_IIFNAME, unix.NFT_CMP_EQ, name) }

// NotFromInterface is the opposite of FromInterface.
func NotFromInterface(name string) Match {
	return ifname(unix.NFT_META_IIFNAME, unix.NFT_CMP_NEQ, name)
}

// NotToInterface and its sister match where packets leave.
func NotToInterface(name string) Match { return ifname(unix.NFT_META_OIFNAME, unix.NFT_CMP_NEQ, name) }

// ToInterface matches packets that leave by the interface.
func ToInterface(name string) Match { return ifname(unix.NFT_META_OIFNAME, unix.NFT_CMP_EQ, name) }

func ifname(key, op uint32, name string) Match {
	return join(meta(key, word0), compare(op, Tuple{}.Interface(name)))
}

// SourceIn matches packets from the network. Its family must be that of the
// table, here and below.
func SourceIn(p netip.Prefix) Match { return address(Source, p, unix.NFT_CMP_EQ) }

// DestIn matches packets to the network.
func DestIn(p netip.Prefix) Match { return address(Dest, p, unix.NFT_CMP_EQ) }

// DestNotIn matches packets to anywhere but the network.
func DestNotIn(p netip.Prefix) Match { return address(Dest, p, unix.NFT_CMP_NEQ) }

func address(side Field, p netip.Prefix, op uint32) Match {
	family := IPv4
	if p.Addr().Is6() {
		family = IPv6
	}
	bits := make([]byte, p.Addr().BitLen()/8)
	for bit := range p.Bits() {
		bits[bit/8] |= 0x80 >> (bit % 8)
	}
	return join(network(family, side, word0), mask(bits), compare(op, p.Masked().Addr().AsSlice()))
}

// DestIsLocal matches packets to an address of this host.
func DestIsLocal() Match {
	return join(expression("fib", func(w *writer) {
		w.number(unix.NFTA_FIB_DREG, word0)
		w.number(unix.NFTA_FIB_RESULT, unix.NFT_FIB_RESULT_ADDRTYPE)
		w.number(unix.NFTA_FIB_FLAGS, unix.NFTA_FIB_F_DADDR)
	}), compare(unix.NFT_CMP_EQ, binary.NativeEndian.AppendUint32(nil, unix.RTN_LOCAL)))
}

// Established matches packets of connections that were let through before, and
// errors about them.
func Established() Match {
	const established, related = 1 << 1, 1 << 2 // NF_CT_STATE_BIT of IP_CT_ESTABLISHED and IP_CT_RELATED
	return flag(unix.NFT_CT_STATE, established|related)
}

// Redirected matches packets of connections whose destination was rewritten.
func Redirected() Match {
	const dstNAT = 1 << 5 // IPS_DST_NAT
	return flag(unix.NFT_CT_STATUS, dstNAT)
}

func flag(key, bits uint32) Match {
	return join(expression("ct", func(w *writer) {
		w.number(unix.NFTA_CT_KEY, key)
		w.number(unix.NFTA_CT_DREG, word0)
	}), mask(binary.NativeEndian.AppendUint32(nil, bits)), compare(unix.NFT_CMP_NEQ, make([]byte, 4)))
}

// ICMPType matches messages of ICMP, or of ICMPv6 in tables of that family, of
// one type.
func (f Family) ICMPType(kind byte) Match {
	proto := byte(unix.IPPROTO_ICMP)
	if f == IPv6 {
		proto = unix.IPPROTO_ICMPV6
	}
	return join(meta(unix.NFT_META_L4PROTO, word0), compare(unix.NFT_CMP_EQ, []byte{proto}),
		payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, word0), compare(unix.NFT_CMP_EQ, []byte{kind}))
}

// Field is a part of a packet that keys are built from.
type Field int

// The fields.
const (
	Source Field = iota
	Dest
	L4Proto
	SourcePort
	DestPort
	FromName // of the interface a packet came in by
	ToName   // of the interface it leaves by
)

// load puts the fields into consecutive words, as a concatenated key has them.
func (f Family) load(fields []Field) (m Match) {
	reg := uint32(word0)
	for _, field := range fields {
		words := uint32(1)
		switch field {
		case Source, Dest:
			m = append(m, network(f, field, reg)...)
			words = f.Addr().words()
		case L4Proto:
			m = append(m, meta(unix.NFT_META_L4PROTO, reg)...)
		case SourcePort:
			m = append(m, payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, reg)...)
		case DestPort:
			m = append(m, payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg)...)
		case FromName:
			m = append(m, meta(unix.NFT_META_IIFNAME, reg)...)
			words = Interface.words()
		case ToName:
			m = append(m, meta(unix.NFT_META_OIFNAME, reg)...)
			words = Interface.words()
		}
		reg += words
	}
	return m
}

// network loads an address from the header, RFC 791 or RFC 8200.
func network(f Family, side Field, reg uint32) Match {
	offset, size := uint32(12), uint32(4)
	if f == IPv6 {
		offset, size = 8, 16
	}
	if side == Dest { // it follows the source
		offset += size
	}
	return payload(unix.NFT_PAYLOAD_NETWORK_HEADER, offset, size, reg)
}

func payload(base, offset, size, reg uint32) Match {
	return expression("payload", func(w *writer) {
		w.number(unix.NFTA_PAYLOAD_DREG, reg)
		w.number(unix.NFTA_PAYLOAD_BASE, base)
		w.number(unix.NFTA_PAYLOAD_OFFSET, offset)
		w.number(unix.NFTA_PAYLOAD_LEN, size)
	})
}

// lookup asks a set for the key in the first words. A map puts its answer into
// the ninth and those behind it.
func lookup(set string, isMap bool) Match {
	return expression("lookup", func(w *writer) {
		w.text(unix.NFTA_LOOKUP_SET, set)
		w.number(unix.NFTA_LOOKUP_SREG, word0)
		if isMap {
			w.number(unix.NFTA_LOOKUP_DREG, word8)
		}
	})
}

// nat rewrites an address, and a port with Dest, to what a map has answered.
func (f Family) nat(kind uint32, ports bool) Match {
	return expression("nat", func(w *writer) {
		w.number(unix.NFTA_NAT_TYPE, kind)
		w.number(unix.NFTA_NAT_FAMILY, uint32(f))
		w.number(unix.NFTA_NAT_REG_ADDR_MIN, word8)
		if ports {
			w.number(unix.NFTA_NAT_REG_PROTO_MIN, word8+f.Addr().words())
		}
	})
}

// verdict ends a rule; chain is where a jump leads.
func verdict(code int32, chain string) Match {
	return expression("immediate", func(w *writer) {
		w.number(unix.NFTA_IMMEDIATE_DREG, unix.NFT_REG_VERDICT)
		data := w.nest(unix.NFTA_IMMEDIATE_DATA)
		v := w.nest(unix.NFTA_DATA_VERDICT)
		w.number(unix.NFTA_VERDICT_CODE, uint32(code))
		if chain != "" {
			w.text(unix.NFTA_VERDICT_CHAIN, chain)
		}
		w.unnest(v)
		w.unnest(data)
	})
}

// InSet matches packets whose fields are in the set.
func (f Family) InSet(set string, fields ...Field) Match {
	return join(f.load(fields), lookup(set, false))
}

// RedirectByMap rewrites the destination to the address and port that the map
// has for the fields. Packets that the map does not know go on.
func (f Family) RedirectByMap(mapName string, fields ...Field) Match {
	return join(f.load(fields), lookup(mapName, true), f.nat(unix.NFT_NAT_DNAT, true))
}

// SourceByMap rewrites the source to the address that the map has for the
// fields. Packets that the map does not know go on.
func (f Family) SourceByMap(mapName string, fields ...Field) Match {
	return join(f.load(fields), lookup(mapName, true), f.nat(unix.NFT_NAT_SNAT, false))
}

// Masquerade rewrites the source to the address of the interface that the
// packet leaves by.
func Masquerade() Match { return expression("masq", func(*writer) {}) }

// Accept lets the packet through this table; other tables may still drop it.
func Accept() Match { return verdict(nfAccept, "") }

// Drop ends the packet.
func Drop() Match { return verdict(nfDrop, "") }

// Return goes on behind the jump that led to this chain.
func Return() Match { return verdict(unix.NFT_RETURN, "") }

// Jump goes on in another chain of the table, and then here.
func Jump(chain string) Match { return verdict(unix.NFT_JUMP, chain) }

// Goto goes on in another chain of the table, and not here.
func Goto(chain string) Match { return verdict(unix.NFT_GOTO, chain) }
