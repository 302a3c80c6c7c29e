package nft

import (
	"encoding/binary"
	"net/netip"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Match is a part of a rule: conditions, or what to do when they hold.
type Match []expr.Any

// The registers: a 16 byte one for single values and keys, which the four byte
// ones from word0 on share, and a second one for what a map answers.
const (
	reg1  = unix.NFT_REG_1
	reg2  = unix.NFT_REG_2
	word0 = unix.NFT_REG32_00
	word5 = unix.NFT_REG32_05
)

// FromInterface matches packets that came in by the interface, NotFromInterface
// those that came in by another or were made here.
func FromInterface(name string) Match { return ifname(expr.MetaKeyIIFNAME, expr.CmpOpEq, name) }

// NotFromInterface is the opposite of FromInterface.
func NotFromInterface(name string) Match { return ifname(expr.MetaKeyIIFNAME, expr.CmpOpNeq, name) }

// NotToInterface and its sister match where packets leave.
func NotToInterface(name string) Match { return ifname(expr.MetaKeyOIFNAME, expr.CmpOpNeq, name) }

// ToInterface matches packets that leave by the interface.
func ToInterface(name string) Match { return ifname(expr.MetaKeyOIFNAME, expr.CmpOpEq, name) }

func ifname(key expr.MetaKey, op expr.CmpOp, name string) Match {
	padded := make([]byte, unix.IFNAMSIZ)
	copy(padded, name)
	return Match{&expr.Meta{Key: key, Register: reg1}, &expr.Cmp{Op: op, Register: reg1, Data: padded}}
}

// Offsets of the addresses in an IPv4 header.
const (
	sourceOffset = 12
	destOffset   = 16
)

// SourceIn matches packets from the network.
func SourceIn(p netip.Prefix) Match { return address(sourceOffset, p, expr.CmpOpEq) }

// DestIn matches packets to the network.
func DestIn(p netip.Prefix) Match { return address(destOffset, p, expr.CmpOpEq) }

// DestNotIn matches packets to anywhere but the network.
func DestNotIn(p netip.Prefix) Match { return address(destOffset, p, expr.CmpOpNeq) }

func address(offset uint32, p netip.Prefix, op expr.CmpOp) Match {
	mask := binary.BigEndian.AppendUint32(nil, uint32(uint64(0xffffffff)<<(32-p.Bits())))
	return Match{
		network(offset, reg1),
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: op, Register: reg1, Data: p.Masked().Addr().AsSlice()},
	}
}

// DestIsLocal matches packets to an address of this host.
func DestIsLocal() Match {
	return Match{
		&expr.Fib{Register: reg1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
	}
}

// Established matches packets of connections that were let through before, and
// errors about them.
func Established() Match {
	return flag(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)
}

// Redirected matches packets of connections whose destination was rewritten.
func Redirected() Match {
	const dstNAT = 1 << 5 // IPS_DST_NAT
	return flag(expr.CtKeySTATUS, dstNAT)
}

func flag(key expr.CtKey, bits uint32) Match {
	return Match{
		&expr.Ct{Key: key, Register: reg1},
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg1, Data: make([]byte, 4)},
	}
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
)

// load puts the fields into consecutive words, as a concatenated key has them.
func load(fields []Field) Match {
	var m Match
	for i, f := range fields {
		reg := uint32(word0 + i)
		switch f {
		case Source:
			m = append(m, network(sourceOffset, reg))
		case Dest:
			m = append(m, network(destOffset, reg))
		case L4Proto:
			m = append(m, &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg})
		case SourcePort:
			m = append(m, transport(0, reg))
		case DestPort:
			m = append(m, transport(2, reg))
		}
	}
	return m
}

func network(offset, reg uint32) expr.Any {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4}
}

func transport(offset, reg uint32) expr.Any {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2}
}

// InSet matches packets whose fields are in the set.
func InSet(set string, fields ...Field) Match {
	return append(load(fields), &expr.Lookup{SourceRegister: reg1, SetName: set})
}

// RedirectByMap rewrites the destination to the address and port that the map
// has for the fields. Packets that the map does not know go on.
func RedirectByMap(mapName string, fields ...Field) Match {
	return append(load(fields),
		&expr.Lookup{SourceRegister: reg1, DestRegister: reg2, IsDestRegSet: true, SetName: mapName},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg2, RegProtoMin: word5, Specified: true})
}

// Masquerade, Accept, Drop and Jump end a rule.
func Masquerade() Match { return Match{&expr.Masq{}} }

// Accept lets the packet through this table; other tables may still drop it.
func Accept() Match { return Match{&expr.Verdict{Kind: expr.VerdictAccept}} }

// Drop ends the packet.
func Drop() Match { return Match{&expr.Verdict{Kind: expr.VerdictDrop}} }

// Jump goes on in another chain of the table.
func Jump(chain string) Match { return Match{&expr.Verdict{Kind: expr.VerdictJump, Chain: chain}} }

// Tuple writes values as a concatenated key has them: each padded to words.
type Tuple []byte

// Addr appends an address.
func (t Tuple) Addr(ip netip.Addr) Tuple { b := ip.As4(); return append(t, b[:]...) }

// Proto appends a protocol number.
func (t Tuple) Proto(n byte) Tuple { return append(t, n, 0, 0, 0) }

// Port appends a port.
func (t Tuple) Port(n uint16) Tuple { return append(binary.BigEndian.AppendUint16(t, n), 0, 0) }
