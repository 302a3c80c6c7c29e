// Package nft changes nftables in transactions: a Batch is collected and sent
// to the kernel at once, and takes effect as a whole or not at all. It speaks
// netlink itself (linux/netfilter/nf_tables.h), because callers wait for every
// microsecond. It owns a socket and no rules: whoever fills a batch knows what
// belongs to it. Start reading at Conn.Batch; match_linux.go has the words rules
// are made of, wire_linux.go how they are written. It is domain-free and imports
// nothing of this module.
package nft

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// nftables is what the kinds of all messages of nftables have in common.
const nftables = unix.NFNL_SUBSYS_NFTABLES << 8

// Conn is a netlink socket for nftables in the network namespace of the thread
// that dialled it.
type Conn struct {
	mu      sync.Mutex // guards what follows: one transaction at a time
	socket  *socket
	commits uint32 // transactions of ours that the kernel carried out
	room    []byte // of the last small batch, to be used again
}

// Dial opens the socket and asks the kernel for its tables, so that a kernel
// without nftables or a caller without the right is found out here.
func Dial() (*Conn, error) {
	s, err := openSocket()
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket for nftables: %w", err)
	}
	c := &Conn{socket: s}
	if _, err := c.Tables(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close gives the socket back. Rules stay. After it everything fails with
// os.ErrClosed.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket == nil {
		return nil
	}
	s := c.socket
	c.socket = nil
	return s.close()
}

// with runs f with the socket.
func (c *Conn) with(f func(*socket) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket == nil {
		return fmt.Errorf("netlink socket for nftables: %w", os.ErrClosed)
	}
	return f(c.socket)
}

// keep is how much room of a batch is kept for the next.
const keep = 16 << 10

// Batch runs fill and sends what it collected as one transaction. fill must
// not use the Conn.
func (c *Conn) Batch(fill func(*Batch)) error {
	return c.with(func(s *socket) error {
		b := &Batch{w: writer{c.room[:0]}, s: s}
		mark := b.w.begin(unix.NFNL_MSG_BATCH_BEGIN, 0, s.next(), unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
		b.w.end(mark)
		fill(b)
		if b.last == 0 {
			return nil // nothing to do
		}
		b.answerLast()
		last := s.seq
		b.w.end(b.w.begin(unix.NFNL_MSG_BATCH_END, 0, s.next(), unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES))
		if cap(b.w.buf) <= keep {
			c.room = b.w.buf
		}
		if err := s.commit(b.w.buf, last); err != nil {
			return fmt.Errorf("committing an nftables batch: %w", err)
		}
		c.commits++
		return nil
	})
}

// Table names a table of one family.
type Table struct {
	Family Family
	Name   string
}

// Family is what kind of packets a table sees.
type Family byte

// The families.
const (
	IPv4 Family = unix.NFPROTO_IPV4
	IPv6 Family = unix.NFPROTO_IPV6
	Inet Family = unix.NFPROTO_INET // both
)

// Tables lists the tables of all families we know. Those of others are left out.
func (c *Conn) Tables() (list []Table, err error) {
	err = c.with(func(s *socket) error {
		for _, f := range []Family{IPv4, IPv6, Inet} {
			var some []Table
			err := s.list(unix.NFT_MSG_GETTABLE, byte(f), func(*writer) {}, func() { some = nil }, func(attrs []byte) {
				some = append(some, Table{f, name(attribute(attrs, unix.NFTA_TABLE_NAME))})
			})
			if err != nil {
				return fmt.Errorf("listing nftables tables: %w", err)
			}
			list = append(list, some...)
		}
		return nil
	})
	return list, err
}

// Elements lists what is in a set or map. One that does not exist is empty.
func (c *Conn) Elements(t Table, set string) (list []Element, err error) {
	err = c.with(func(s *socket) error {
		return s.list(unix.NFT_MSG_GETSETELEM, byte(t.Family), func(w *writer) {
			w.text(unix.NFTA_SET_ELEM_LIST_TABLE, t.Name)
			w.text(unix.NFTA_SET_ELEM_LIST_SET, set)
		}, func() { list = nil }, func(attrs []byte) {
			for _, e := range attributes(attribute(attrs, unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
				list = append(list, parseElement(e))
			}
		})
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing elements of %s in nftables table %s: %w", set, t.Name, err)
	}
	return list, nil
}

func parseElement(attrs []byte) (e Element) {
	for kind, value := range attributes(attrs) {
		switch kind {
		case unix.NFTA_SET_ELEM_KEY:
			e.Key = slices.Clone(attribute(value, unix.NFTA_DATA_VALUE))
		case unix.NFTA_SET_ELEM_DATA:
			e.Value = slices.Clone(attribute(value, unix.NFTA_DATA_VALUE))
		case unix.NFTA_SET_ELEM_FLAGS:
			e.End = number32(value)&unix.NFT_SET_ELEM_INTERVAL_END != 0
		}
	}
	return e
}
