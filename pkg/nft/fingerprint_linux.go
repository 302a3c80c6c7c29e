package nft

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Generation is a number of the kernel that every transaction of anybody makes
// one larger, and how many of them were made by this Conn.
type Generation struct{ id, own uint32 }

// Since tells whether nobody but this Conn has changed anything since before.
func (g Generation) Since(before Generation) bool { return g.id-before.id == g.own-before.own }

// Generation asks the kernel.
func (c *Conn) Generation() (g Generation, err error) {
	err = c.with(func(s *socket) error {
		attrs, err := s.one(unix.NFT_MSG_GETGEN)
		if err != nil {
			return fmt.Errorf("reading the generation of nftables: %w", err)
		}
		g = Generation{number32(attribute(attrs, unix.NFTA_GEN_ID)), c.commits}
		return nil
	})
	return g, err
}

// sort is a sort of objects in tables.
type sort struct {
	message, table uint16   // the request, and the attribute that names the table
	keep           []uint16 // attributes that are the same each time the same is written
}

func chainSort() sort {
	return sort{unix.NFT_MSG_GETCHAIN, unix.NFTA_CHAIN_TABLE, []uint16{unix.NFTA_CHAIN_NAME, unix.NFTA_CHAIN_HOOK, unix.NFTA_CHAIN_POLICY, unix.NFTA_CHAIN_TYPE}}
}

func setSort() sort {
	return sort{unix.NFT_MSG_GETSET, unix.NFTA_SET_TABLE, []uint16{unix.NFTA_SET_NAME, unix.NFTA_SET_FLAGS, unix.NFTA_SET_KEY_LEN, unix.NFTA_SET_DATA_LEN}}
}

func ruleSort() sort {
	return sort{unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, []uint16{unix.NFTA_RULE_CHAIN, unix.NFTA_RULE_EXPRESSIONS}}
}

// Fingerprint is a short text that stands for the chains, rules and sets of a
// table, but not for the elements of sets. It is empty when there is no table.
// It is only good for comparing what one kernel says at different times.
func (c *Conn) Fingerprint(t Table) (string, error) {
	var parts [][]byte
	err := c.with(func(s *socket) error {
		for _, kind := range []sort{chainSort(), setSort(), ruleSort()} {
			found, err := s.objects(t, kind)
			if err != nil {
				return err
			}
			if kind.message != unix.NFT_MSG_GETRULE { // the order of rules matters
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

// objects lists those of one sort in a table, each as the attributes to keep.
func (s *socket) objects(t Table, kind sort) (list [][]byte, err error) {
	err = s.list(kind.message, byte(t.Family), func(w *writer) { w.text(kind.table, t.Name) }, func() { list = nil }, func(attrs []byte) {
		if name(attribute(attrs, kind.table)) != t.Name {
			return // kernels give all chains, whatever they are asked for
		}
		var w writer
		for k, v := range attributes(attrs) {
			if slices.Contains(kind.keep, k) {
				w.bytes(k, v)
			}
		}
		list = append(list, w.buf)
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return list, err
}
