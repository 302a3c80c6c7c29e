//go:build linux

package resolver

import (
	"encoding/binary"
	"errors"
	"net"
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

// Questions are rewritten before the kernel looks for their connection, answers
// after: should the container track connections, it sees one between the client
// and the real port, and its rules see nothing odd.
const beforeTracking, behindAll = -300, 1000

func table() *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyIPv4, Name: redirectTable}
}

// redirect leads port 53 of the address to another port, and back, by writing
// into the packets: there is no connection to be tracked. The caller is inside
// the namespace.
func redirect(real uint16) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	t := table()
	conn.AddTable(t) // so that there is one to delete
	conn.DelTable(t)
	conn.AddTable(t)
	chain := func(name string, priority nftables.ChainPriority) *nftables.Chain {
		return conn.AddChain(&nftables.Chain{
			Name: name, Table: t, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityRef(priority),
		})
	}
	questions, answers := chain("questions", beforeTracking), chain("answers", behindAll)
	for _, p := range []struct {
		proto    byte
		checksum uint32
	}{{unix.IPPROTO_UDP, checksumUDP}, {unix.IPPROTO_TCP, checksumTCP}} {
		conn.AddRule(&nftables.Rule{Table: t, Chain: questions, Exprs: rewrite(p.proto, p.checksum, destAddress, destPort, namePort, real)})
		conn.AddRule(&nftables.Rule{Table: t, Chain: answers, Exprs: rewrite(p.proto, p.checksum, sourceAddress, sourcePort, real, namePort)})
	}
	return conn.Flush()
}

// unredirect takes the rules back, if there were any.
func (s *Server) unredirect() error {
	if at, ok := s.udp.LocalAddr().(*net.UDPAddr); ok && at.Port == namePort {
		return nil
	}
	err := s.inside(func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		conn.DelTable(table())
		return conn.Flush()
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil // somebody in the container did
	}
	return err
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
