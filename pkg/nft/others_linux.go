package nft

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// BaseChain is a chain that a hook calls.
type BaseChain struct {
	Table Table
	Name  string
	drops bool // by its policy
}

// Refusing lists the base chains that packets of a family meet at one hook and
// that drop what no rule of theirs accepts: by their policy, or by a rule at
// their end that matches everything. Tables named in except are left out.
func (c *Conn) Refusing(family Family, hook Hook, except ...string) (list []BaseChain, err error) {
	err = c.with(func(s *socket) error {
		for _, f := range []Family{family, Inet} {
			chains, err := s.baseChains(f, hook)
			if err != nil {
				return fmt.Errorf("listing nftables chains: %w", err)
			}
			for _, ch := range chains {
				if slices.Contains(except, ch.Table.Name) {
					continue
				}
				if !ch.drops {
					if ch.drops, err = s.endsInDrop(ch); err != nil {
						return fmt.Errorf("listing nftables rules: %w", err)
					}
				}
				if ch.drops {
					list = append(list, ch)
				}
			}
		}
		return nil
	})
	return list, err
}

// baseChains lists the filtering chains of one family at a hook.
func (s *socket) baseChains(f Family, hook Hook) (list []BaseChain, err error) {
	err = s.list(unix.NFT_MSG_GETCHAIN, byte(f), func(*writer) {}, func() { list = nil }, func(attrs []byte) {
		at := attribute(attrs, unix.NFTA_CHAIN_HOOK)
		if at == nil || Hook(number32(attribute(at, unix.NFTA_HOOK_HOOKNUM))) != hook || name(attribute(attrs, unix.NFTA_CHAIN_TYPE)) != string(Filter) {
			return
		}
		policy := attribute(attrs, unix.NFTA_CHAIN_POLICY)
		list = append(list, BaseChain{
			Table{f, name(attribute(attrs, unix.NFTA_CHAIN_TABLE))}, name(attribute(attrs, unix.NFTA_CHAIN_NAME)),
			policy != nil && number32(policy) == nfDrop,
		})
	})
	return list, err
}

// endsInDrop tells whether the last rule of a chain refuses every packet:
// nothing but counting comes before its verdict.
func (s *socket) endsInDrop(chain BaseChain) (bool, error) {
	rules, err := s.objects(chain.Table, ruleSort())
	if err != nil {
		return false, err
	}
	var last []string
	for _, rule := range rules {
		if name(attribute(rule, unix.NFTA_RULE_CHAIN)) == chain.Name {
			last = expressions(attribute(rule, unix.NFTA_RULE_EXPRESSIONS))
		}
	}
	last = slices.DeleteFunc(last, func(e string) bool { return e == "counter" || e == "log" })
	return len(last) == 1 && (last[0] == "reject" || last[0] == "drop"), nil
}

// expressions names the expressions of a rule; a verdict that drops is "drop".
func expressions(data []byte) (names []string) {
	for _, e := range attributes(data) {
		kind := name(attribute(e, unix.NFTA_EXPR_NAME))
		if kind == "immediate" {
			value := attribute(attribute(e, unix.NFTA_EXPR_DATA), unix.NFTA_IMMEDIATE_DATA)
			code := attribute(attribute(value, unix.NFTA_DATA_VERDICT), unix.NFTA_VERDICT_CODE)
			if code != nil && number32(code) == nfDrop {
				kind = "drop"
			}
		}
		names = append(names, kind)
	}
	return names
}

// Mentioned tells of each interface whether a rule of the table names it.
func (c *Conn) Mentioned(t Table, interfaces []string) ([]bool, error) {
	out := make([]bool, len(interfaces))
	err := c.with(func(s *socket) error {
		rules, err := s.objects(t, ruleSort())
		if err != nil {
			return fmt.Errorf("listing nftables rules: %w", err)
		}
		text := bytes.Join(rules, nil)
		for i, name := range interfaces {
			out[i] = bytes.Contains(text, append([]byte(name), 0))
		}
		return nil
	})
	return out, err
}
