//go:build linux

package firewall

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/nft"
)

// nftables is the backend that writes one table for each family, by netlink.
type nftables struct {
	conn   *nft.Conn
	tables []nft.Table // one for each family in use

	// written is what the kernel said of our tables right after they were
	// written, seen when that was. Without written they must be compared.
	written []string
	seen    nft.Generation
}

// openNFTables asks the kernel whether it has nftables at all.
func openNFTables(name string, ipv6 bool) (*nftables, error) {
	conn, err := nft.Dial()
	if err != nil {
		return nil, errdefs.Unavailable("nftables cannot be used: %w", err)
	}
	b := &nftables{conn: conn, tables: []nft.Table{{Family: nft.IPv4, Name: name}}}
	if ipv6 {
		b.tables = append(b.tables, nft.Table{Family: nft.IPv6, Name: name})
	}
	return b, nil
}

func (b *nftables) name() string { return NFTables }

func (b *nftables) close() error { return b.conn.Close() }

// inherited reads the redirections in our maps.
func (b *nftables) inherited() ([]Port, error) {
	var list []Port
	var errs []error
	for _, t := range b.tables {
		for _, set := range []string{published, publishedAt} {
			found, err := b.conn.Elements(t, set)
			errs = append(errs, err)
			for _, e := range found {
				if p, ok := parsePort(t.Family, set, e); ok {
					list = append(list, p)
				}
			}
		}
	}
	return list, errors.Join(errs...)
}

// write replaces the tables, so that the kernel goes from the old rules to the
// new ones in one step.
func (b *nftables) write(s *state) error {
	b.written = nil
	before, err := b.conn.Generation()
	if err != nil {
		return err
	}
	strays, err := b.strays()
	if err != nil {
		return err
	}
	err = b.conn.Batch(func(batch *nft.Batch) {
		for _, t := range strays {
			batch.Drop(t)
		}
		for _, t := range b.tables {
			ruleset{batch, t}.write()
			for set, list := range elements(t.Family, s) {
				batch.Add(t, set, list...)
			}
		}
	})
	if err != nil {
		return err
	}
	// What is written here stays until the next write: only elements change.
	// When somebody else was at work meanwhile, Check writes again.
	var written []string
	for _, t := range b.tables {
		text, err := b.conn.Fingerprint(t)
		if err != nil {
			return nil //nolint:nilerr // the rules are there; Check compares when it can
		}
		written = append(written, text)
	}
	after, err := b.conn.Generation()
	if err == nil && after.Since(before) {
		b.written, b.seen = written, after
	}
	return nil
}

// strays lists tables under our name of families that are not in use.
func (b *nftables) strays() ([]nft.Table, error) {
	all, err := b.conn.Tables()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(t nft.Table) bool {
		return t.Name != b.tables[0].Name || slices.Contains(b.tables, t) || t.Family != nft.IPv4 && t.Family != nft.IPv6
	}), nil
}

// apply adds and deletes elements; rules never change.
func (b *nftables) apply(c *change, s *state) error {
	if overlapping(c, s) {
		return b.write(s)
	}
	return b.conn.Batch(func(batch *nft.Batch) {
		for _, t := range b.tables {
			gone, come := delta(t.Family, c, s)
			for set, list := range gone {
				batch.Delete(t, set, list...)
			}
			for set, list := range come {
				batch.Add(t, set, list...)
			}
		}
	})
}

// delta gives the elements that a change takes out of sets and puts into them.
func delta(family nft.Family, c *change, s *state) (gone, come map[string][]nft.Element) {
	before, after := newState(), newState()
	before.note(c.dropNetworks, c.dropPorts, c.dropLinks)
	after.note(c.addNetworks, c.addPorts, c.addLinks)
	network := func(name string) (Network, bool) { return lookUp(name, c, s) }
	return elementsOf(family, &before, network), elementsOf(family, &after, network)
}

// lookUp finds a network of a change.
func lookUp(bridge string, c *change, s *state) (Network, bool) {
	if n, ok := s.networks[bridge]; ok {
		return n, true
	}
	for _, n := range c.dropNetworks {
		if n.Bridge == bridge {
			return n, true
		}
	}
	return Network{}, false
}

// overlapping tells whether a network comes or goes that shares addresses with
// another: ranges in sets must not overlap, so that they are put together anew.
func overlapping(c *change, s *state) bool {
	for _, n := range slices.Concat(c.addNetworks, c.dropNetworks) {
		for _, p := range n.Subnets {
			for _, other := range s.networks {
				if other.Bridge == n.Bridge {
					continue
				}
				if slices.ContainsFunc(other.Subnets, p.Overlaps) {
					return true
				}
			}
		}
	}
	return false
}

// verify first asks whether anybody else has changed anything in nftables
// since we last looked: mostly nobody has.
func (b *nftables) verify(s *state) (bool, error) {
	now, err := b.conn.Generation()
	if err != nil {
		return false, err
	}
	if b.written == nil {
		return false, nil
	}
	if now.Since(b.seen) {
		return true, nil
	}
	for i, t := range b.tables {
		text, err := b.conn.Fingerprint(t)
		if err != nil || text != b.written[i] {
			return false, err
		}
		want := elements(t.Family, s)
		for _, set := range sets {
			found, err := b.conn.Elements(t, set)
			if err != nil || !same(want[set], found) {
				return false, err
			}
		}
	}
	b.seen = now
	return true, nil
}

// same compares elements in any order.
func same(want, found []nft.Element) bool {
	if len(want) != len(found) {
		return false
	}
	type id struct {
		key string
		end bool
	}
	values := make(map[id][]byte, len(want))
	for _, e := range want {
		values[id{string(e.Key), e.End}] = e.Value
	}
	for _, e := range found {
		value, ok := values[id{string(e.Key), e.End}]
		if !ok || !bytes.Equal(value, e.Value) {
			return false
		}
	}
	return true
}

func (b *nftables) remove() error {
	b.written = nil
	strays, err := b.strays()
	if err != nil {
		return err
	}
	all, err := b.conn.Tables()
	if err != nil {
		return err
	}
	return b.conn.Batch(func(batch *nft.Batch) {
		for _, t := range slices.Concat(b.tables, strays) {
			if slices.Contains(all, t) {
				batch.Drop(t)
			}
		}
	})
}

// parsePort reads an element of one of our maps, so that a successor knows
// where published ports lead.
func parsePort(family nft.Family, set string, e nft.Element) (p Port, ok bool) {
	size := len(unspecified(family).AsSlice())
	key, host := e.Key, unspecified(family)
	if set == publishedAt {
		if len(key) < size {
			return p, false
		}
		host, _ = netip.AddrFromSlice(key[:size])
		key = key[size:]
	}
	if len(key) != 8 || len(e.Value) != size+4 {
		return p, false
	}
	container, _ := netip.AddrFromSlice(e.Value[:size])
	p = Port{
		Proto:     protoName(key[0]),
		Host:      netip.AddrPortFrom(host, uint16(key[4])<<8|uint16(key[5])),
		Container: netip.AddrPortFrom(container, uint16(e.Value[size])<<8|uint16(e.Value[size+1])),
	}
	return p, p.Proto != ""
}

func unspecified(family nft.Family) netip.Addr {
	if family == nft.IPv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}
