//go:build linux

package resolver

import (
	"errors"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/nft"
)

// table is the one in the namespace of the container.
func table() nft.Table { return nft.Table{Family: nft.IPv4, Name: "enginejobs-resolver"} }

// The priorities. Questions are rewritten before the kernel looks for their
// connection, answers after: should the container track connections, it sees one
// between the client and the real port, and its rules see nothing odd.
const beforeTracking, behindAll = nft.PriorityRaw, 1000

// redirect leads port 53 of the address to another port, and back, by writing
// into the packets: there is no connection to be tracked. The caller is inside
// the namespace. A table is removed only when there is one, because that takes
// longer than all the rest.
func redirect(real uint16) error {
	err := nft.Once(func(b *nft.Batch) { addRules(b, real) })
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	return nft.Once(func(b *nft.Batch) {
		b.Remove(table())
		addRules(b, real)
	})
}

func addRules(b *nft.Batch, real uint16) {
	t := table()
	b.Create(t)
	b.Chain(t, "questions", nft.Filter, nft.Output, beforeTracking)
	b.Chain(t, "answers", nft.Filter, nft.Output, behindAll)
	ip := netip.MustParseAddr(Address)
	for _, proto := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
		b.Rule(t, "questions", nft.RewritePort(proto, nft.Dest, netip.AddrPortFrom(ip, namePort), real))
		b.Rule(t, "answers", nft.RewritePort(proto, nft.Source, netip.AddrPortFrom(ip, real), namePort))
	}
}

// unredirect takes the rules back, if there were any.
func (s *Server) unredirect() error {
	if at, ok := s.udp.LocalAddr().(*net.UDPAddr); ok && at.Port == namePort {
		return nil
	}
	err := s.inside(func() error {
		return nft.Once(func(b *nft.Batch) { b.Remove(table()) })
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil // somebody in the container did
	}
	return err
}
