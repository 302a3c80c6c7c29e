// Package access decides who may run which job. A Policy is a list of rules, of
// which the first that fits decides; it is read from a file, or is one of the
// two that are built in, "open" and "read-only".
//
// A Policy is never changed once it is made, so it needs no lock: what reloads
// the file puts another one in its place (Engine.SetAuthorizer). The package has
// no other state. Start reading at Authorize; parse.go reads the file, whose
// format is documented in docs/api/access.md. Handlers must not import it: what
// a job does must not depend on who asked.
package access

import (
	"strconv"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// The names of the policies that need no file.
const (
	Open     = "open"      // everybody may run everything
	ReadOnly = "read-only" // everybody may run what changes nothing
)

// Policy says who may run which job. Make it with Load or Parse.
type Policy struct {
	name  string // as people know it: "open", "/etc/docker/access.json"
	file  bool   // the name is that of a file
	rules []rule
	allow bool // when no rule fits
}

// rule is one line of a policy.
type rule struct {
	number   int    // from 1
	name     string // given by its author, or ""
	clients  []clientPattern
	jobs     []jobPattern
	allow    bool
	readOnly bool // allow, but only what changes nothing
}

// builtin gives the policy of a name, or nil.
func builtin(name string) *Policy {
	switch name {
	case Open:
		return &Policy{name: name, allow: true}
	case ReadOnly:
		return &Policy{name: name, rules: []rule{{number: 1, allow: true, readOnly: true}}}
	}
	return nil
}

// Name is the name of a built-in policy, or the file that it was read from.
func (p *Policy) Name() string { return p.name }

// Rules counts the rules.
func (p *Policy) Rules() int { return len(p.rules) }

// Authorize tells whether the caller of a job may run it: nil, or an error of
// kind Forbidden. Jobs without a caller are the program's own and always may.
// It fits Engine.SetAuthorizer.
func (p *Policy) Authorize(job *engine.Job) error {
	c := job.Caller()
	if c == nil {
		return nil
	}
	for i := range p.rules {
		r := &p.rules[i]
		if !r.fits(c, job.Name) {
			continue
		}
		switch {
		case !r.allow:
			return p.refusal(c, job.Name, "by "+p.source(r))
		case r.readOnly && changes(job):
			return p.refusal(c, job.Name, "because it may change state and "+p.source(r)+" allows reading only")
		}
		return nil
	}
	if p.allow {
		return nil
	}
	return p.refusal(c, job.Name, "because no rule of access policy "+p.name+" is about it")
}

// changes tells whether a job may change something. One without a declaration
// may, and so may one that takes input: it goes to somebody who acts on it.
func changes(job *engine.Job) bool {
	d, ok := job.Declared()
	return !ok || d.Changes || d.Stdin != engine.None
}

// fits tells whether the rule is about this client and this job.
func (r *rule) fits(c *engine.Caller, job string) bool {
	return fitsJob(r.jobs, job) && fitsClient(r.clients, c)
}

// source names a rule in an error.
func (p *Policy) source(r *rule) string {
	if !p.file {
		return "access policy " + p.name
	}
	text := "rule " + strconv.Itoa(r.number)
	if r.name != "" {
		text += " (" + r.name + ")"
	}
	return text + " of access policy " + p.name
}

// refusal is the one sentence that a client gets.
func (p *Policy) refusal(c *engine.Caller, job, why string) error {
	remedy := "ask its administrator for a rule that allows it"
	if !p.file {
		remedy = "its administrator can start it with another --access-policy"
	}
	return errdefs.Forbidden("client %s may not run job %s on this engine, %s; %s",
		shown(c.Client), shown(job), why, remedy)
}

// shown makes a word of a client fit for an error: quoted where it is not plain,
// cut where it is long.
func shown(word string) string {
	const most = 80
	if word == "" {
		return "(unknown)"
	}
	if len(word) > most {
		return strconv.QuoteToASCII(word[:most]) + "…"
	}
	if strings.IndexFunc(word, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) >= 0 {
		return strconv.QuoteToASCII(word)
	}
	return word
}
