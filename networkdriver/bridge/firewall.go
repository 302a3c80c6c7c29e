//go:build linux

package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/portmapper"
	"github.com/enginejobs/docker/pkg/nft"
)

// link is one way that is open although containers may not talk to each other.
type link struct {
	parent, child netip.Addr
	port          networkdriver.Port
}

// firewall owns our table and knows all that should be in them, so that it
// can write them anew when somebody has flushed them.
type firewall struct {
	conn   *nft.Conn // nil: no rules are written
	cfg    networkdriver.Config
	device device
	table  nft.Table

	mu    sync.Mutex // guards what follows, and keeps batches in their order
	ports map[portmapper.Mapping]struct{}
	links map[link]int // how often each was opened
	// legacy are the redirections of a predecessor that no restored container
	// has claimed yet.
	legacy map[legacyKey]nft.Element
}

var _ portmapper.Firewall = (*firewall)(nil)

// openFirewall writes the table. That of a predecessor is replaced, but for the
// redirections to containers that may be running still.
func openFirewall(cfg networkdriver.Config, dev device, warn func(string, ...any)) (*firewall, error) {
	f := &firewall{
		cfg: cfg, device: dev, table: nft.Table{Family: nft.IPv4, Name: "enginejobs-" + dev.name},
		ports: make(map[portmapper.Mapping]struct{}), links: make(map[link]int),
		legacy: make(map[legacyKey]nft.Element),
	}
	if !cfg.Firewall {
		return f, nil
	}
	var err error
	if f.conn, err = nft.Dial(); err != nil {
		return nil, err
	}
	if dev.inUse {
		f.readLegacy(warn)
	}
	if err := f.conn.Batch(f.write); err != nil {
		return nil, errors.Join(err, f.conn.Close())
	}
	f.warnOfOthers(warn)
	return f, nil
}

// warnOfOthers tells of chains that drop what we accept: a packet must pass
// the tables of everybody, and those of others are not ours to change.
func (f *firewall) warnOfOthers(warn func(string, ...any)) {
	chains, err := f.conn.Dropping(nft.IPv4, nft.Forward, f.table)
	if err != nil {
		warn("looking for chains that drop forwarded packets: %v", err)
	}
	for _, chain := range chains {
		warn("nftables chain %q of another program drops forwarded packets by default: containers on %s reach the outside "+
			"only if it lets them through, for example by: iptables -I FORWARD -i %s -j ACCEPT; iptables -I FORWARD -o %s -j ACCEPT",
			chain, f.device.name, f.device.name, f.device.name)
	}
}

// remove deletes the table; close gives the socket back.
func (f *firewall) remove() error {
	if f.conn == nil {
		return nil
	}
	return f.conn.Batch(func(b *nft.Batch) { b.Drop(f.table) })
}

func (f *firewall) close() error {
	if f.conn == nil {
		return nil
	}
	return f.conn.Close()
}

// AddPort redirects a published port.
func (f *firewall) AddPort(m portmapper.Mapping) error {
	if f.conn == nil || !f.redirected(m) {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ports[m] = struct{}{}
	set, e := portElement(m)
	old, inherited := f.legacy[legacyKey{set, string(e.Key)}]
	delete(f.legacy, legacyKey{set, string(e.Key)})
	err := f.change(func(b *nft.Batch) {
		if inherited && !bytes.Equal(old.Value, e.Value) {
			b.Delete(f.table, set, nft.Element{Key: old.Key})
		}
		b.Add(f.table, set, e)
	})
	if err != nil {
		delete(f.ports, m)
		return fmt.Errorf("redirecting %s/%s: %w", m.Host, m.Proto, err)
	}
	return nil
}

// RemovePorts undoes AddPort, for many ports in one batch.
func (f *firewall) RemovePorts(list []portmapper.Mapping) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var known []portmapper.Mapping
	for _, m := range list {
		if _, ok := f.ports[m]; ok {
			known = append(known, m)
			delete(f.ports, m)
		}
	}
	if len(known) == 0 {
		return nil
	}
	err := f.change(func(b *nft.Batch) {
		for _, m := range known {
			set, e := portElement(m)
			b.Delete(f.table, set, nft.Element{Key: e.Key})
		}
	})
	if err != nil {
		return fmt.Errorf("ending the redirection of %d port(s): %w", len(known), err)
	}
	return nil
}

// changeLinks opens or closes ways between containers.
func (f *firewall) changeLinks(open bool, list []link) error {
	if f.conn == nil || f.cfg.InterContainerCommunication {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before := maps.Clone(f.links)
	var changed []link
	for _, l := range list {
		switch n := f.links[l]; {
		case open:
			f.links[l] = n + 1
			if n == 0 {
				changed = append(changed, l)
			}
		case n > 1:
			f.links[l] = n - 1
		case n == 1:
			delete(f.links, l)
			changed = append(changed, l)
		}
	}
	if err := f.commitLinks(open, changed); err != nil {
		if open {
			f.links = before
		}
		return err
	}
	return nil
}

// dropLinks closes all ways from and to an address that is given back.
func (f *firewall) dropLinks(ip netip.Addr) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var gone []link
	for l := range f.links {
		if l.parent == ip || l.child == ip {
			gone = append(gone, l)
			delete(f.links, l)
		}
	}
	return f.commitLinks(false, gone)
}

// commitLinks sends changed links. The caller holds the lock.
func (f *firewall) commitLinks(open bool, changed []link) error {
	if len(changed) == 0 {
		return nil
	}
	elements := make([]nft.Element, 0, len(changed))
	for _, l := range changed {
		elements = append(elements, linkElement(l))
	}
	err := f.change(func(b *nft.Batch) {
		if open {
			b.Add(f.table, links, elements...)
		} else {
			b.Delete(f.table, links, elements...)
		}
	})
	if err != nil {
		return fmt.Errorf("changing %d link rule(s): %w", len(changed), err)
	}
	return nil
}

// change sends a batch. If the kernel refuses it, somebody may have flushed or
// changed our table: then it is written anew, as it should be now. The
// caller holds the lock and has noted the change.
func (f *firewall) change(fill func(*nft.Batch)) error {
	err := f.conn.Batch(fill)
	if err == nil {
		return nil
	}
	if again := f.conn.Batch(f.write); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

// redirected tells whether the kernel serves a mapping. Loopback addresses are
// left to the proxy, if there is one.
func (f *firewall) redirected(m portmapper.Mapping) bool {
	return !f.cfg.UserlandProxy || !m.Host.Addr().IsLoopback()
}

// number is the number of a protocol in an IP header.
func number(proto string) byte {
	switch proto {
	case "udp":
		return unix.IPPROTO_UDP
	case "sctp":
		return unix.IPPROTO_SCTP
	}
	return unix.IPPROTO_TCP
}
