package access

import (
	"fmt"
	"strings"
)

// rule reads the next rule of a policy.
func (r *reader) rule(p *Policy) error {
	if len(p.rules) == MaxRules {
		return r.errorf("there are more than %d rules", MaxRules)
	}
	next := rule{number: len(p.rules) + 1}
	what := fmt.Sprintf("rule %d", next.number)
	decided := false
	err := r.object(what, func(key string) (err error) {
		of := what + ": " + key
		switch key {
		case "name":
			if next.name, err = r.str(of); err == nil && strings.ContainsFunc(next.name, unprintable) {
				err = r.errorf("%s must be plain text", of)
			}
		case "clients":
			err = r.patterns(of, func(text string) error {
				c, err := parseClient(text)
				next.clients = append(next.clients, c)
				return err
			})
		case "jobs":
			err = r.patterns(of, func(text string) error {
				j, err := parseJob(text)
				next.jobs = append(next.jobs, j)
				return err
			})
		case "read_only":
			next.readOnly, err = r.boolean(of)
		case "allow":
			decided = true
			next.allow, err = r.boolean(of)
		default:
			err = r.errorf("%s: unknown key %s: a rule has name, clients, jobs, read_only and allow", what, shown(key))
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !decided:
		return r.errorf("%s decides nothing: it needs allow", what)
	case next.readOnly && !next.allow:
		return r.errorf("%s: read_only narrows what a rule allows, and this one allows nothing", what)
	}
	p.rules = append(p.rules, next)
	return nil
}

// patterns reads a list of texts. An empty one would fit nobody, which is never
// what its author meant.
func (r *reader) patterns(what string, add func(text string) error) error {
	n := 0
	err := r.list(what, func() error {
		n++
		text, err := r.str("a pattern of " + what)
		if err != nil {
			return err
		}
		if err := add(text); err != nil {
			return r.errorf("%s: %w", what, err)
		}
		return nil
	})
	if err == nil && n == 0 {
		err = r.errorf("%s is empty; leave it out when the rule is about all", what)
	}
	return err
}

func unprintable(r rune) bool { return r < ' ' || r == 0x7f }
