package nft

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Generation is a number of the kernel that every transaction of anybody makes
// one larger, and how many of them were made by this Conn.
type Generation struct{ id, own uint32 }

// Since tells whether nobody but this Conn has changed anything since before.
func (g Generation) Since(before Generation) bool { return g.id-before.id == g.own-before.own }

// Generation asks the kernel.
func (c *Conn) Generation() (g Generation, err error) {
	err = c.with(func(*nftables.Conn) error {
		answers, err := c.socket.Execute(request(unix.NFT_MSG_GETGEN, unix.NFPROTO_UNSPEC, 0, nil))
		if err != nil {
			return fmt.Errorf("reading the generation of nftables: %w", err)
		}
		for _, m := range answers {
			for _, a := range attributes(m) {
				if a.Type == unix.NFTA_GEN_ID && len(a.Data) == 4 {
					g = Generation{binary.BigEndian.Uint32(a.Data), c.commits}
					return nil
				}
			}
		}
		return errors.New("reading the generation of nftables: the kernel gave none")
	})
	return g, err
}

// Fingerprint is a short text that stands for the chains, rules and sets of a
// table, but not for the elements of sets. It is empty when there is no table.
// It is only good for comparing what one kernel says at different times.
func (c *Conn) Fingerprint(t Table) (string, error) {
	var parts [][]byte
	err := c.with(func(*nftables.Conn) error {
		for _, q := range []struct {
			message   int
			tableAttr uint16
			keep      []uint16 // what is the same each time we write the same
			sorted    bool
		}{
			{unix.NFT_MSG_GETCHAIN, unix.NFTA_CHAIN_TABLE, []uint16{unix.NFTA_CHAIN_NAME, unix.NFTA_CHAIN_HOOK, unix.NFTA_CHAIN_POLICY, unix.NFTA_CHAIN_TYPE}, true},
			{unix.NFT_MSG_GETSET, unix.NFTA_SET_TABLE, []uint16{unix.NFTA_SET_NAME, unix.NFTA_SET_FLAGS, unix.NFTA_SET_KEY_LEN, unix.NFTA_SET_DATA_LEN}, true},
			{unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, []uint16{unix.NFTA_RULE_CHAIN, unix.NFTA_RULE_EXPRESSIONS}, false},
		} {
			found, err := c.describe(t, q.message, q.tableAttr, q.keep)
			if err != nil {
				return err
			}
			if q.sorted {
				slices.SortFunc(found, bytes.Compare)
			}
			parts = append(parts, found...)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("reading nftables table %s: %w", t.Name, err)
	}
	if len(parts) == 0 {
		return "", nil
	}
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		sum.Write(p)
	}
	return string(sum.Sum(nil)), nil
}

// describe lists the objects of one sort in a table, each with the attributes
// to keep only.
func (c *Conn) describe(t Table, message int, tableAttr uint16, keep []uint16) ([][]byte, error) {
	name, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: tableAttr, Data: append([]byte(t.Name), 0)}})
	if err != nil {
		return nil, err
	}
	answers, err := c.socket.Execute(request(message, byte(t.Family), netlink.Dump, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list [][]byte
	for _, m := range answers {
		var kept []netlink.Attribute
		ours := false
		for _, a := range attributes(m) {
			a.Type &^= netlink.Nested | netlink.NetByteOrder
			if a.Type == tableAttr {
				ours = string(bytes.TrimRight(a.Data, "\x00")) == t.Name
			}
			if slices.Contains(keep, a.Type) {
				kept = append(kept, netlink.Attribute{Type: a.Type, Data: a.Data})
			}
		}
		if !ours {
			continue
		}
		text, err := netlink.MarshalAttributes(kept)
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, nil
}

// request is a message for the nftables part of nfnetlink.
func request(message int, family byte, flags netlink.HeaderFlags, attrs []byte) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | message), Flags: netlink.Request | flags},
		Data:   append([]byte{family, unix.NFNETLINK_V0, 0, 0}, attrs...),
	}
}

// attributes reads what comes behind the header of nfnetlink. What cannot be
// read is left out: then it differs from what was expected, and is written anew.
func attributes(m netlink.Message) []netlink.Attribute {
	if len(m.Data) < 4 {
		return nil
	}
	list, err := netlink.UnmarshalAttributes(m.Data[4:])
	if err != nil {
		return nil
	}
	return list
}
