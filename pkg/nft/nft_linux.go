// Package nft changes nftables in transactions: a Batch is collected and sent
// to the kernel at once, and takes effect as a whole or not at all. It owns a
// netlink socket and no rules: whoever fills a batch knows what belongs to it.
// Start reading at Conn.Batch; match_linux.go has the words rules are made of.
// It is domain-free and imports nothing of this module.
package nft

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// patience bounds how long an answer of the kernel is waited for. It answers
// before the request returns; after an aborted transaction some answers are
// missing, and the library would wait for them for ever.
const patience = 5 * time.Second

// roomForBatch is how many bytes a batch may have: it is sent as a whole.
const roomForBatch = 8 << 20

// Conn is a netlink socket for nftables in the network namespace of the thread
// that dialled it.
type Conn struct {
	ns *os.File // the namespace, for opening another socket in it

	mu      sync.Mutex // guards what follows: one transaction at a time
	rules   *nftables.Conn
	socket  *netlink.Conn
	commits uint32 // transactions of ours that the kernel carried out
}

// Dial opens the socket and asks the kernel for its tables, so that a kernel
// without nftables or a caller without the right is found out here.
func Dial() (*Conn, error) {
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket for nftables: %w", err)
	}
	c := &Conn{ns: ns}
	if _, err := c.Tables(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Conn) dial() error {
	keep := func(s *netlink.Conn) error { c.socket = s; return nil }
	rules, err := nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(int(c.ns.Fd())), nftables.WithSockOptions(keep))
	if err != nil {
		return fmt.Errorf("opening a netlink socket for nftables: %w", err)
	}
	c.rules = rules
	if err := c.socket.SetWriteBuffer(roomForBatch); err != nil {
		return errors.Join(fmt.Errorf("making room for nftables batches: %w", err), c.drop())
	}
	return nil
}

// Close gives the socket back. Rules stay.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.drop(), c.ns.Close())
}

func (c *Conn) drop() error {
	if c.rules == nil {
		return nil
	}
	rules := c.rules
	c.rules, c.socket = nil, nil
	return rules.CloseLasting()
}

// with runs f on a healthy socket. After any error the socket is thrown away,
// because answers to what failed may still be queued in it.
func (c *Conn) with(f func(*nftables.Conn) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rules == nil {
		if err := c.dial(); err != nil {
			return err
		}
	}
	if err := c.socket.SetDeadline(time.Now().Add(patience)); err != nil {
		return errors.Join(err, c.drop())
	}
	if err := f(c.rules); err != nil {
		return errors.Join(err, c.drop())
	}
	return nil
}

// Batch runs fill and sends what it collected as one transaction. fill must
// not use the Conn.
func (c *Conn) Batch(fill func(*Batch)) error {
	return c.with(func(rules *nftables.Conn) error {
		b := &Batch{rules: rules}
		fill(b)
		if b.err != nil {
			return fmt.Errorf("writing an nftables batch: %w", b.err)
		}
		if err := rules.Flush(); err != nil {
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
)

func (t Table) native() *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamily(t.Family), Name: t.Name}
}

// Tables lists the tables of all families.
func (c *Conn) Tables() ([]Table, error) {
	var list []Table
	err := c.with(func(rules *nftables.Conn) error {
		tables, err := rules.ListTables()
		if err != nil {
			return fmt.Errorf("listing nftables tables: %w", err)
		}
		for _, t := range tables {
			list = append(list, Table{Family(t.Family), t.Name})
		}
		return nil
	})
	return list, err
}

// Elements lists what is in a set or map. One that does not exist is empty.
func (c *Conn) Elements(t Table, set string) ([]Element, error) {
	var list []Element
	err := c.with(func(rules *nftables.Conn) error {
		s, err := rules.GetSetByName(t.native(), set)
		if err != nil {
			return err
		}
		found, err := rules.GetSetElements(s)
		for _, e := range found {
			list = append(list, Element{Key: e.Key, Value: e.Val, End: e.IntervalEnd})
		}
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing elements of %s in nftables table %s: %w", set, t.Name, err)
	}
	return list, nil
}
