package access

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/engine"
)

// jobPattern is a job name in which every * stands for any text. With a ! before
// it, it takes out what it fits.
type jobPattern struct {
	not  bool
	glob string
}

// parseJob reads "container*" or "!rm".
func parseJob(text string) (jobPattern, error) {
	glob, not := strings.CutPrefix(text, "!")
	if err := checkGlob(glob); err != nil {
		return jobPattern{}, fmt.Errorf("job pattern %s %w", shown(text), err)
	}
	return jobPattern{not, glob}, nil
}

// fitsJob tells whether a list is about a job: some pattern fits and none takes
// it out. A list of takings-out begins with everything, and so does no list.
func fitsJob(list []jobPattern, job string) bool {
	some, every := false, true
	for i := range list {
		p := &list[i]
		every = every && p.not
		if some && !p.not || !matches(p.glob, job) {
			continue
		}
		if p.not {
			return false
		}
		some = true
	}
	return some || every
}

// clientPattern fits clients of one kind.
type clientPattern struct {
	not     bool
	kind    string       // "uid", "tls", "org", "tcp"; "" everybody
	glob    string       // of what follows the kind
	lo, hi  int          // uid: a range, when glob is empty
	network netip.Prefix // tcp: a network, when it is valid
}

// parseClient reads "uid:0", "uid:1000-1999", "tls:ci-*", "org:ops",
// "tcp:10.0.0.0/8", "tcp:10.*" or "*", each with an optional ! before it.
func parseClient(text string) (clientPattern, error) {
	body, not := strings.CutPrefix(text, "!")
	p := clientPattern{not: not}
	if body == "*" {
		return p, nil
	}
	kind, rest, _ := strings.Cut(body, ":")
	p.kind = kind
	err := checkGlob(rest)
	switch kind {
	case "uid":
		if err == nil && rest != "*" {
			p.lo, p.hi, err = parseRange(rest)
			return p, in(text, err)
		}
	case "tcp":
		if strings.Contains(rest, "/") {
			p.network, err = netip.ParsePrefix(rest)
			if err != nil {
				err = errors.New("has no network like 10.0.0.0/8 after tcp:")
			}
			return p, in(text, err)
		}
	case "tls", "org":
	default:
		err = errors.New("must be * or begin with uid:, tls:, org: or tcp:")
	}
	p.glob = rest
	return p, in(text, err)
}

// in says which pattern is wrong.
func in(text string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("client pattern %s %w", shown(text), err)
}

// parseRange reads "0" or "1000-1999".
func parseRange(text string) (lo, hi int, err error) {
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	a, errA := strconv.ParseUint(first, 10, 32)
	b, errB := strconv.ParseUint(last, 10, 32)
	if errA != nil || errB != nil || a > b {
		return 0, 0, errors.New("must have *, a number or a range like 1000-1999 after uid:")
	}
	return int(a), int(b), nil
}

// checkGlob refuses what nothing could ever fit.
func checkGlob(glob string) error {
	switch {
	case glob == "":
		return errors.New("is empty")
	case strings.ContainsAny(glob, "\t\n\r"):
		return errors.New("has a control character in it")
	case strings.TrimSpace(glob) != glob:
		return errors.New("begins or ends with a space")
	}
	return nil
}

// fitsClient is fitsJob for clients.
func fitsClient(list []clientPattern, c *engine.Caller) bool {
	some, every := false, true
	for i := range list {
		p := &list[i]
		every = every && p.not
		if some && !p.not || !p.fits(c) {
			continue
		}
		if p.not {
			return false
		}
		some = true
	}
	return some || every
}

func (p *clientPattern) fits(c *engine.Caller) bool {
	if p.kind == "" {
		return true
	}
	if p.kind == "org" {
		for _, org := range c.Organizations {
			if matches(p.glob, org) {
				return true
			}
		}
		return false
	}
	kind, rest, _ := strings.Cut(c.Client, ":")
	if kind != p.kind {
		return false
	}
	switch {
	case p.network.IsValid():
		addr, err := netip.ParseAddr(rest)
		return err == nil && p.network.Contains(addr.WithZone("").Unmap())
	case kind == "uid" && p.glob == "":
		uid, err := strconv.Atoi(rest)
		return err == nil && p.lo <= uid && uid <= p.hi
	}
	return matches(p.glob, rest)
}

// matches tells whether text is what glob describes; * is any text, also none.
// It goes back to the last star only, so its time is the product of the lengths
// at worst.
func matches(glob, text string) bool {
	star, after := -1, 0 // the last star, and where its text may end
	g, t := 0, 0
	for t < len(text) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, after = g, t
			g++
		case g < len(glob) && glob[g] == text[t]:
			g++
			t++
		case star >= 0:
			after++
			g, t = star+1, after
		default:
			return false
		}
	}
	for g < len(glob) && glob[g] == '*' {
		g++
	}
	return g == len(glob)
}
