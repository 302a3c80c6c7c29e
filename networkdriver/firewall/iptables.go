//go:build linux

package firewall

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/nft"
)

// iptables is the backend that writes chains of its own into the tables that
// everybody shares, by the programs iptables-restore and ip6tables-restore.
// Each bridge costs a few rules that packets pass one after another.
type iptables struct {
	variant  string
	ns       *os.File
	families []*family
}

// family is what was written for one of them.
type family struct {
	programs
	rulebook
	created bool    // the chain of the administrator was missing
	now     []table // what is there; nil: unknown
}

// openIPTables finds the programs of a variant.
func openIPTables(variant, name string, ipv6 bool) (*iptables, error) {
	suffix := strings.TrimPrefix(variant, IPTables)
	if suffix == "" {
		suffix = choose()
	}
	ns, err := netns.Current()
	if err != nil {
		return nil, errdefs.Unavailable("iptables cannot be used: %w", err)
	}
	b := &iptables{variant: IPTables + suffix, ns: ns}
	for _, v6 := range []bool{false, true} {
		if v6 && !ipv6 {
			continue
		}
		number := ""
		if v6 {
			number = "6"
		}
		p, err := find(number, suffix)
		if err != nil {
			return nil, errors.Join(err, ns.Close())
		}
		p.ns = ns
		b.families = append(b.families, &family{programs: p, rulebook: rulebook{name, prefix(name), v6}})
	}
	return b, nil
}

func (b *iptables) name() string { return b.variant }

func (b *iptables) close() error { return b.ns.Close() }

// inherited reads the redirections in our chains.
func (b *iptables) inherited() ([]Port, error) {
	var list []Port
	var errs []error
	for _, f := range b.families {
		there, err := f.read()
		errs = append(errs, err)
		for _, name := range []string{chainAt, chainAny} {
			for _, r := range there["nat"].chains[f.chain(name)] {
				if p, ok := parseRedirection(r, f.ipv6); ok {
					list = append(list, p)
				}
			}
		}
	}
	return list, errors.Join(errs...)
}

// write fills our chains anew.
func (b *iptables) write(s *state) error {
	return b.all(func(f *family) ([]table, error) { return f.write(s) })
}

// apply changes the rules that differ.
func (b *iptables) apply(_ *change, s *state) error {
	return b.all(func(f *family) ([]table, error) { return f.step(s) })
}

// remove takes our chains away.
func (b *iptables) remove() error {
	return b.all(func(f *family) ([]table, error) {
		there, err := f.read()
		if err != nil {
			return nil, err
		}
		return f.own(there), f.become(there, nil)
	})
}

// all takes a step for each family. A step gives what was there before; when
// one fails, all that were taken are taken back.
func (b *iptables) all(step func(*family) (before []table, err error)) error {
	before := make([][]table, len(b.families))
	for i, f := range b.families {
		var err error
		if before[i], err = step(f); err == nil {
			continue
		}
		errs := []error{err}
		for k, f := range b.families[:i+1] { // the last one may have changed some of its tables
			if before[k] == nil {
				continue // nothing was done
			}
			there, err := f.read()
			if err == nil {
				err = f.become(there, before[k])
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
	return nil
}

func (b *iptables) verify(s *state) (bool, error) {
	for _, f := range b.families {
		there, err := f.read()
		if err != nil {
			return false, err
		}
		for _, t := range f.tables(s, f.created) {
			if !there[t.name].has(t) {
				return false, nil
			}
		}
	}
	return true, nil
}

// others leaves out the table that we write into: what is accepted there is
// not dropped there.
func (b *iptables) others(bridges []string, everywhere bool) (list []string) {
	ours := ""
	if b.variant != IPTablesLegacy {
		ours = "filter"
		if everywhere {
			list = legacyObstacle(bridges)
		}
	}
	conn, err := nft.Dial()
	if err != nil {
		return list // a kernel without nftables
	}
	families := []nft.Family{nft.IPv4, nft.IPv6}[:len(b.families)]
	list = append(list, obstacles(conn, bridges, families, ours)...)
	if err := conn.Close(); err != nil {
		list = append(list, err.Error())
	}
	return list
}

// own lists our part of all tables as it is.
func (f *family) own(there saved) []table {
	list := make([]table, 0, len(tableNames))
	for _, name := range tableNames {
		list = append(list, there[name].own(name, f.rulebook))
	}
	return list
}

// write gives what was there before.
func (f *family) write(s *state) (before []table, err error) {
	f.now = nil
	there, err := f.read()
	if err != nil {
		return nil, err
	}
	_, known := there["filter"].chains[userChain]
	f.created = !known || f.created || slices.Contains(there["filter"].chains[f.chain(chainForward)], f.comment("-j", userChain))
	want := f.tables(s, f.created)
	if err := f.become(there, want); err != nil {
		return f.own(there), err
	}
	f.now = want
	return f.own(there), nil
}

// step gives what was there before, or nil when nothing differs.
func (f *family) step(s *state) (before []table, err error) {
	if f.now == nil {
		return f.write(s)
	}
	before, want := f.now, f.tables(s, f.created)
	var input script
	for i, t := range want {
		input.step(before[i], t)
	}
	if input.Len() == 0 {
		return nil, nil
	}
	f.now = nil
	if err := f.commit(input.String()); err != nil {
		return before, err
	}
	f.now = want
	return before, nil
}

// become goes from what is there to what should be there.
func (f *family) become(there saved, want []table) error {
	f.now = nil
	var input script
	for _, name := range tableNames {
		t := table{name: name}
		if i := slices.IndexFunc(want, func(t table) bool { return t.name == name }); i >= 0 {
			t = want[i]
		}
		input.replace(there[name], t, f.rulebook)
	}
	if input.Len() == 0 {
		return nil
	}
	return f.commit(input.String())
}
