//go:build linux

package firewall

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// found is what iptables-save says of one table.
type found struct {
	chains map[string][]rule // of all chains
}

// saved is what it says of all tables, by name.
type saved map[string]found

// parseSaved reads the output of iptables-save.
func parseSaved(text string) saved {
	out := make(saved)
	var now found
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "*"):
			now = found{make(map[string][]rule)}
			out[line[1:]] = now
		case now.chains == nil:
		case strings.HasPrefix(line, ":"):
			name, _, _ := strings.Cut(line[1:], " ")
			now.chains[name] = nil
		case strings.HasPrefix(line, "-A "):
			if list := split(line); len(list) > 1 {
				now.chains[list[1]] = append(now.chains[list[1]], words(list[2:]...))
			}
		}
	}
	return out
}

// split cuts a line into words. Words with spaces are in double quotes, where
// a backslash stands before quotes and backslashes.
func split(line string) (list []string) {
	var word strings.Builder
	quoted, escaped, begun := false, false, false
	for _, c := range []byte(line) {
		switch {
		case escaped:
			word.WriteByte(c)
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted, begun = !quoted, true
		case c == ' ' && !quoted:
			if begun {
				list = append(list, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if begun {
		list = append(list, word.String())
	}
	return list
}

// String writes a rule for iptables-restore.
func (r rule) String() string {
	list := strings.Split(string(r), "\x00")
	for i, word := range list {
		if word == "" || strings.ContainsAny(word, " \"'\\") {
			list[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
		}
	}
	return strings.Join(list, " ")
}

// target is the chain that a rule leads to.
func (r rule) target() string {
	list := strings.Split(string(r), "\x00")
	if i := slices.Index(list, "-j"); i >= 0 && i+1 < len(list) {
		return list[i+1]
	}
	return ""
}

// script collects input for iptables-restore --noflush.
type script struct{ strings.Builder }

func (s *script) line(format string, args ...any) { fmt.Fprintf(s, format+"\n", args...) }

// replace writes what leads from what is there to what should be there. Chains
// that are declared are emptied; nothing of others is touched.
func (s *script) replace(there found, want table, book rulebook) {
	var stale []string
	for _, name := range slices.Sorted(maps.Keys(there.chains)) {
		if book.owns(name) && !slices.ContainsFunc(want.chains, func(c chain) bool { return c.name == name }) {
			stale = append(stale, name)
		}
	}
	old := book.jumps(there)
	if len(want.chains)+len(want.jumps)+len(stale)+len(old) == 0 {
		return
	}
	s.line("*%s", want.name)
	for _, c := range want.chains {
		s.line(":%s - [0:0]", c.name)
	}
	created, wanted := there.created(book), want.leadsTo(userChain)
	if _, ok := there.chains[userChain]; !ok && wanted {
		s.line(":%s - [0:0]", userChain)
	}
	for _, c := range want.chains {
		for _, r := range c.rules {
			s.line("-A %s %s", c.name, r)
		}
	}
	for _, j := range old {
		s.line("-D %s %s", j.from, j.rule)
	}
	for i, j := range want.jumps {
		s.line("-I %s %d %s", j.from, there.place(want.jumps[:i], j, old), j.rule)
	}
	for _, name := range stale {
		s.line("-F %s", name)
	}
	for _, name := range stale {
		s.line("-X %s", name)
	}
	if created && !wanted {
		s.line("-X %s", userChain)
	}
	s.line("COMMIT")
}

// place is the number that a jump gets in its chain, when those before it are
// there and the old ones are gone.
func (there found) place(before []jump, j jump, old []jump) int {
	if j.behind == "" {
		return 1
	}
	last := 0
	rules := slices.DeleteFunc(slices.Clone(there.chains[j.from]), func(r rule) bool {
		return slices.ContainsFunc(old, func(o jump) bool { return o.from == j.from && o.rule == r })
	})
	for i, r := range rules {
		if strings.HasSuffix(r.target(), "-"+j.behind) {
			last = i + 1
		}
	}
	for _, b := range before {
		if b.from == j.from {
			last++
		}
	}
	return last + 1
}

// leadsTo tells whether one of the chains leads to another one.
func (t table) leadsTo(target string) bool {
	return slices.ContainsFunc(t.chains, func(c chain) bool {
		return slices.ContainsFunc(c.rules, func(r rule) bool { return r.target() == target })
	})
}

// created tells whether the chain of the administrator is ours to delete: it
// was made by us, is empty, and nobody else leads to it.
func (there found) created(book rulebook) bool {
	forward := book.chain(chainForward)
	if !slices.Contains(there.chains[forward], book.comment("-j", userChain)) || len(there.chains[userChain]) > 0 {
		return false
	}
	for name, rules := range there.chains {
		if name != forward && slices.ContainsFunc(rules, func(r rule) bool { return r.target() == userChain }) {
			return false
		}
	}
	return true
}

// owns tells whether a chain is one of ours.
func (r rulebook) owns(name string) bool {
	suffix, ok := strings.CutPrefix(name, r.prefix)
	return ok && slices.Contains(ownChains[:], suffix)
}

// jumps are our rules in chains of others: they lead to ours and say so.
func (r rulebook) jumps(there found) (list []jump) {
	for _, name := range slices.Sorted(maps.Keys(there.chains)) {
		if r.owns(name) {
			continue
		}
		for _, line := range there.chains[name] {
			if r.owns(line.target()) && strings.Contains(string(line), string(r.comment())) {
				j := jump{from: name, rule: line}
				if line.target() == r.chain(chainAccept) {
					j.behind = chainForward
				}
				list = append(list, j)
			}
		}
	}
	return list
}

// step writes what leads from one rendering to the next: rules that go and
// rules that come. It writes nothing when there are none.
func (s *script) step(from, to table) {
	begun := false
	for i, c := range to.chains {
		gone, come := difference(from.chains[i].rules, c.rules), difference(c.rules, from.chains[i].rules)
		if len(gone)+len(come) > 0 && !begun {
			begun = true
			s.line("*%s", to.name)
		}
		for _, r := range gone {
			s.line("-D %s %s", c.name, r)
		}
		for _, r := range come {
			if c.first {
				s.line("-I %s 1 %s", c.name, r)
			} else {
				s.line("-A %s %s", c.name, r)
			}
		}
	}
	if begun {
		s.line("COMMIT")
	}
}

// difference lists what is in a but not in b.
func difference(a, b []rule) (list []rule) {
	count := make(map[rule]int, len(b))
	for _, r := range b {
		count[r]++
	}
	for _, r := range a {
		if count[r]--; count[r] < 0 {
			list = append(list, r)
		}
	}
	return list
}

// has tells whether a table is as it should be. Others may have put rules
// before our jumps.
func (there found) has(want table) bool {
	for _, c := range want.chains {
		rules, ok := there.chains[c.name]
		switch {
		case !ok, len(rules) != len(c.rules), c.fixed && !slices.Equal(rules, c.rules):
			return false
		case !c.fixed && len(difference(rules, c.rules)) > 0:
			return false
		}
	}
	for _, j := range want.jumps {
		if !slices.Contains(there.chains[j.from], j.rule) {
			return false
		}
	}
	return true
}

// own reads our part of a table back, as it is.
func (there found) own(name string, book rulebook) table {
	t := table{name: name, jumps: book.jumps(there)}
	for _, c := range slices.Sorted(maps.Keys(there.chains)) {
		if book.owns(c) {
			t.chains = append(t.chains, chain{name: c, rules: there.chains[c]})
		}
	}
	return t
}

// parseRedirection reads a rule of ours that redirects a port.
func parseRedirection(r rule, ipv6 bool) (p Port, ok bool) {
	host := netip.IPv4Unspecified()
	if ipv6 {
		host = netip.IPv6Unspecified()
	}
	list := strings.Split(string(r), "\x00")
	var number uint64
	var err error
	for i := 0; i+1 < len(list); i++ {
		value := list[i+1]
		switch list[i] {
		case "-d":
			var prefix netip.Prefix
			if prefix, err = netip.ParsePrefix(value); err != nil {
				return p, false
			}
			host = prefix.Addr()
		case "-p":
			p.Proto = value
		case "--dport":
			if number, err = strconv.ParseUint(value, 10, 16); err != nil {
				return p, false
			}
		case "--to-destination":
			if p.Container, err = netip.ParseAddrPort(value); err != nil {
				return p, false
			}
		}
	}
	p.Host = netip.AddrPortFrom(host, uint16(number))
	return p, number != 0 && p.Container.IsValid() && protocol(p.Proto)
}
