//go:build linux

package resolver

import (
	"encoding/binary"
	"net/netip"
	"os"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
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

// redirect leads port 53 of the address to other ports, and back, by writing into
// the packets: there is no connection to be tracked.
func redirect(ns *os.File, udp, tcp uint16) error {
	conn, err := nftables.New(nftables.WithNetNSFd(int(ns.Fd())))
	if err != nil {
		return err
	}
	table := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: redirectTable}
	conn.AddTable(table) // so that there is one to delete
	conn.DelTable(table)
	conn.AddTable(table)
	chain := conn.AddChain(&nftables.Chain{
		Name: "output", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityRaw,
	})
	for _, p := range []struct {
		proto    byte
		checksum uint32
		real     uint16
	}{{unix.IPPROTO_UDP, checksumUDP, udp}, {unix.IPPROTO_TCP, checksumTCP, tcp}} {
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: rewrite(p.proto, p.checksum, destAddress, destPort, 53, p.real)})
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: rewrite(p.proto, p.checksum, sourceAddress, sourcePort, p.real, 53)})
	}
	return conn.Flush()
}

// rewrite changes a port of packets from or to the address.
func rewrite(proto byte, checksum, address, port uint32, from, to uint16) []expr.Any {
	ip := netip.MustParseAddr(Address).As4()
	old, new := binary.BigEndian.AppendUint16(nil, from), binary.BigEndian.AppendUint16(nil, to)
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{proto}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: address, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: ip[:]},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: port, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: old},
		&expr.Immediate{Register: 1, Data: new},
		&expr.Payload{
			OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: port, Len: 2,
			CsumType: expr.CsumTypeInet, CsumOffset: checksum,
		},
	}
}
