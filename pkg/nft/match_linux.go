package nft

import (
	"net/netip"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Match is a part of a rule: conditions, or what to do when they hold.
type Match []expr.Any

// The registers: sixteen words of four bytes. Single values and keys begin at
// the first (reg1 is its older name), what a map answers at the ninth.
const (
	reg1  = unix.NFT_REG_1
	word0 = unix.NFT_REG32_00
	word8 = unix.NFT_REG32_08
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
	return Match{&expr.Meta{Key: key, Register: reg1}, &expr.Cmp{Op: op, Register: reg1, Data: Tuple{}.Interface(name)}}
}

// SourceIn matches packets from the network. Its family must be that of the
// table, here and below.
func SourceIn(p netip.Prefix) Match { return address(Source, p, expr.CmpOpEq) }

// DestIn matches packets to the network.
func DestIn(p netip.Prefix) Match { return address(Dest, p, expr.CmpOpEq) }

// DestNotIn matches packets to anywhere but the network.
func DestNotIn(p netip.Prefix) Match { return address(Dest, p, expr.CmpOpNeq) }

func address(side Field, p netip.Prefix, op expr.CmpOp) Match {
	family := IPv4
	if p.Addr().Is6() {
		family = IPv6
	}
	size := p.Addr().BitLen() / 8
	mask := make([]byte, size)
	for bit := range p.Bits() {
		mask[bit/8] |= 0x80 >> (bit % 8)
	}
	return Match{
		network(family, side, reg1),
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: uint32(size), Mask: mask, Xor: make([]byte, size)},
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
	FromName // of the interface a packet came in by
	ToName   // of the interface it leaves by
)

// load puts the fields into consecutive words, as a concatenated key has them.
func (f Family) load(fields []Field) Match {
	var m Match
	reg := uint32(word0)
	for _, field := range fields {
		words := uint32(1)
		switch field {
		case Source, Dest:
			m = append(m, network(f, field, reg))
			words = f.Addr().words()
		case L4Proto:
			m = append(m, &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg})
		case SourcePort:
			m = append(m, transport(0, reg))
		case DestPort:
			m = append(m, transport(2, reg))
		case FromName:
			m = append(m, &expr.Meta{Key: expr.MetaKeyIIFNAME, Register: reg})
			words = Interface.words()
		case ToName:
			m = append(m, &expr.Meta{Key: expr.MetaKeyOIFNAME, Register: reg})
			words = Interface.words()
		}
		reg += words
	}
	return m
}

// words is how many words a value takes.
func (t Type) words() uint32 {
	if t == Addr6 || t == Interface {
		return 4
	}
	return 1
}

// network loads an address from the header, RFC 791 or RFC 8200.
func network(f Family, side Field, reg uint32) expr.Any {
	offsets, size := map[Field]uint32{Source: 12, Dest: 16}, uint32(4)
	if f == IPv6 {
		offsets, size = map[Field]uint32{Source: 8, Dest: 24}, 16
	}
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offsets[side], Len: size}
}

func transport(offset, reg uint32) expr.Any {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2}
}

// InSet matches packets whose fields are in the set.
func (f Family) InSet(set string, fields ...Field) Match {
	return append(f.load(fields), &expr.Lookup{SourceRegister: word0, SetName: set})
}

// InSet is Family.InSet for IPv4.
func InSet(set string, fields ...Field) Match { return IPv4.InSet(set, fields...) }

// NotInSet matches packets whose fields are not in the set.
func (f Family) NotInSet(set string, fields ...Field) Match {
	return append(f.load(fields), &expr.Lookup{SourceRegister: word0, SetName: set, Invert: true})
}

// InMap matches packets whose fields the map knows.
func (f Family) InMap(mapName string, fields ...Field) Match {
	return append(f.load(fields), &expr.Lookup{SourceRegister: word0, DestRegister: word8, IsDestRegSet: true, SetName: mapName})
}

// RedirectByMap rewrites the destination to the address and port that the map
// has for the fields. Packets that the map does not know go on.
func (f Family) RedirectByMap(mapName string, fields ...Field) Match {
	return append(f.InMap(mapName, fields...), &expr.NAT{
		Type: expr.NATTypeDestNAT, Family: uint32(f), RegAddrMin: word8, RegProtoMin: word8 + f.Addr().words(), Specified: true,
	})
}

// RedirectByMap is Family.RedirectByMap for IPv4.
func RedirectByMap(mapName string, fields ...Field) Match {
	return IPv4.RedirectByMap(mapName, fields...)
}

// SourceByMap rewrites the source to the address that the map has for the
// fields. Packets that the map does not know go on.
func (f Family) SourceByMap(mapName string, fields ...Field) Match {
	return append(f.InMap(mapName, fields...), &expr.NAT{Type: expr.NATTypeSourceNAT, Family: uint32(f), RegAddrMin: word8})
}

// Masquerade, Accept, Drop, Return, Jump and Goto end a rule.
func Masquerade() Match { return Match{&expr.Masq{}} }

// Accept lets the packet through this table; other tables may still drop it.
func Accept() Match { return Match{&expr.Verdict{Kind: expr.VerdictAccept}} }

// Drop ends the packet.
func Drop() Match { return Match{&expr.Verdict{Kind: expr.VerdictDrop}} }

// Return goes on behind the jump that led to this chain.
func Return() Match { return Match{&expr.Verdict{Kind: expr.VerdictReturn}} }

// Jump goes on in another chain of the table, and then here.
func Jump(chain string) Match { return Match{&expr.Verdict{Kind: expr.VerdictJump, Chain: chain}} }

// Goto goes on in another chain of the table, and not here.
func Goto(chain string) Match { return Match{&expr.Verdict{Kind: expr.VerdictGoto, Chain: chain}} }
