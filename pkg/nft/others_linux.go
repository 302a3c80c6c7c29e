package nft

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// inet tables see the packets of both families.
const inet Family = unix.NFPROTO_INET

// BaseChain is a chain that a hook calls.
type BaseChain struct {
	Table Table
	Name  string
}

// Refusing lists the base chains that packets of a family meet at one hook and
// that drop what no rule of theirs accepts: by their policy, or by a rule at
// their end that matches everything.
func (c *Conn) Refusing(family Family, hook Hook) ([]BaseChain, error) {
	var list []BaseChain
	err := c.with(func(rules *nftables.Conn) error {
		for _, f := range []Family{family, inet} {
			chains, err := rules.ListChainsOfTableFamily(nftables.TableFamily(f))
			if err != nil {
				return fmt.Errorf("listing nftables chains: %w", err)
			}
			for _, ch := range chains {
				if ch.Hooknum == nil || Hook(*ch.Hooknum) != hook || ch.Type != nftables.ChainTypeFilter {
					continue
				}
				found := BaseChain{Table{Family(ch.Table.Family), ch.Table.Name}, ch.Name}
				drops := ch.Policy != nil && *ch.Policy == nftables.ChainPolicyDrop
				if !drops {
					if drops, err = c.endsInDrop(found); err != nil {
						return err
					}
				}
				if drops {
					list = append(list, found)
				}
			}
		}
		return nil
	})
	return list, err
}

// Dropping is Refusing for one family only, as "table chain".
func (c *Conn) Dropping(family Family, hook Hook, except ...Table) (list []string, err error) {
	chains, err := c.Refusing(family, hook)
	for _, ch := range chains {
		if !slices.ContainsFunc(except, func(t Table) bool { return t.Name == ch.Table.Name }) {
			list = append(list, ch.Table.Name+" "+ch.Name)
		}
	}
	return list, err
}

// endsInDrop tells whether the last rule of a chain refuses every packet:
// nothing but counting comes before its verdict.
func (c *Conn) endsInDrop(chain BaseChain) (bool, error) {
	found, err := c.describe(chain.Table, unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, []uint16{unix.NFTA_RULE_CHAIN, unix.NFTA_RULE_EXPRESSIONS})
	if err != nil {
		return false, fmt.Errorf("listing nftables rules: %w", err)
	}
	var last []string
	for _, rule := range found {
		attrs, err := netlink.UnmarshalAttributes(rule)
		if err != nil {
			continue
		}
		var name string
		var exprs []string
		for _, a := range attrs {
			switch a.Type {
			case unix.NFTA_RULE_CHAIN:
				name = string(bytes.TrimRight(a.Data, "\x00"))
			case unix.NFTA_RULE_EXPRESSIONS:
				exprs = expressions(a.Data)
			}
		}
		if name == chain.Name {
			last = exprs
		}
	}
	last = slices.DeleteFunc(last, func(e string) bool { return e == "counter" || e == "log" })
	return len(last) == 1 && (last[0] == "reject" || last[0] == "drop"), nil
}

// expressions names the expressions of a rule; a verdict that drops is "drop".
func expressions(data []byte) (names []string) {
	list, err := netlink.UnmarshalAttributes(data)
	if err != nil {
		return nil
	}
	for _, e := range list {
		attrs, err := netlink.UnmarshalAttributes(e.Data)
		if err != nil {
			return nil
		}
		var name string
		var body []byte
		for _, a := range attrs {
			switch a.Type &^ netlink.Nested {
			case unix.NFTA_EXPR_NAME:
				name = string(bytes.TrimRight(a.Data, "\x00"))
			case unix.NFTA_EXPR_DATA:
				body = a.Data
			}
		}
		if name == "immediate" && bytes.Contains(body, dropCode()) {
			name = "drop"
		}
		names = append(names, name)
	}
	return names
}

// dropCode is the attribute that says NF_DROP in a verdict.
func dropCode() []byte {
	code, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.NFTA_VERDICT_CODE, Data: make([]byte, 4)}})
	if err != nil {
		return nil
	}
	return code
}

// Mentioned tells of each interface whether a rule of the table names it.
func (c *Conn) Mentioned(t Table, interfaces []string) ([]bool, error) {
	out := make([]bool, len(interfaces))
	err := c.with(func(*nftables.Conn) error {
		found, err := c.describe(t, unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, []uint16{unix.NFTA_RULE_EXPRESSIONS})
		if err != nil {
			return fmt.Errorf("listing nftables rules: %w", err)
		}
		text := bytes.Join(found, nil)
		for i, name := range interfaces {
			out[i] = bytes.Contains(text, append([]byte(name), 0))
		}
		return nil
	})
	return out, err
}
