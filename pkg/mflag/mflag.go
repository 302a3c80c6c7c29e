// Package mflag owns the grammar of the classic command line: flags that have
// several names, single-dash groups (-it), long names with two dashes, and old
// spellings that still work with a warning.
//
// A Set belongs to one command invocation and holds no state beyond it. Start
// reading at Set, then parse.go. The package knows nothing of this project and
// must import none of it.
//
// A flag is declared with all its names in one string, separated by blanks:
//
//	"-a --attach"            two names, both shown in the help
//	"~-cidfile --cidfile"    the first is deprecated; the second succeeds it
//	"--network !--net"       the second is a silent synonym, not shown
package mflag

import (
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Value is where a flag's text ends up. Set is called once per use.
type Value interface {
	Set(text string) error
	// String gives the default as the help shows it.
	String() string
}

// boolean is implemented by values that may be used without "=value".
type boolean interface{ IsBool() bool }

// Flag is one declared flag.
type Flag struct {
	Usage   string
	Value   Value
	Default string
	names   []name
	used    bool
}

type name struct {
	text       string // with dashes
	deprecated bool
	hidden     bool
}

// shown lists the names that the help prints.
func (f *Flag) shown() []string {
	var list []string
	for _, n := range f.names {
		if !n.deprecated && !n.hidden {
			list = append(list, n.text)
		}
	}
	return list
}

// successor names the spelling that replaces the deprecated one, or "".
func (f *Flag) successor(old string) string {
	seen := false
	for _, n := range f.names {
		if n.text == old {
			seen = true
		} else if seen && !n.deprecated {
			return n.text
		}
	}
	return ""
}

func (f *Flag) isBool() bool {
	b, ok := f.Value.(boolean)
	return ok && b.IsBool()
}

// Set is the flags of one command line. The zero value is ready.
type Set struct {
	// Interspersed lets flags follow positional words; otherwise the first
	// positional word ends them.
	Interspersed bool
	// Warn receives one line per use of a deprecated name; nil drops them.
	Warn io.Writer

	flags []*Flag
	index map[string]*Flag
	args  []string
}

// Var declares a flag. It panics on a name that is declared twice or has no
// dash: that is a defect of the program, never of its input.
func (s *Set) Var(v Value, names, usage string) *Flag {
	f := &Flag{Usage: usage, Value: v, Default: v.String()}
	if s.index == nil {
		s.index = make(map[string]*Flag)
	}
	for _, text := range strings.Fields(names) {
		n := name{text: text}
		switch text[0] {
		case '~':
			n.text, n.deprecated = text[1:], true
		case '!':
			n.text, n.hidden = text[1:], true
		}
		if !strings.HasPrefix(n.text, "-") || s.index[n.text] != nil {
			panic("mflag: bad or repeated flag name " + n.text)
		}
		s.index[n.text] = f
		f.names = append(f.names, n)
	}
	s.flags = append(s.flags, f)
	return f
}

// Bool declares a flag whose default is the present *p.
func (s *Set) Bool(p *bool, names, usage string) { s.Var((*boolValue)(p), names, usage) }

// String declares a flag whose default is the present *p.
func (s *Set) String(p *string, names, usage string) { s.Var((*stringValue)(p), names, usage) }

// Int declares a flag whose default is the present *p.
func (s *Set) Int(p *int, names, usage string) { s.Var((*intValue)(p), names, usage) }

// Int64 declares a flag whose default is the present *p.
func (s *Set) Int64(p *int64, names, usage string) { s.Var((*int64Value)(p), names, usage) }

// List declares a flag that may be repeated. check, when not nil, judges each
// element and may rewrite it.
func (s *Set) List(p *[]string, names, usage string, check func(string) (string, error)) {
	s.Var(&listValue{list: p, check: check}, names, usage)
}

// Func declares a flag that takes a value and hands it to set.
func (s *Set) Func(set func(string) error, names, usage string) {
	s.Var(funcValue(set), names, usage)
}

// Args are the positional words, after Parse.
func (s *Set) Args() []string { return s.args }

// IsSet tells whether the flag with this name (spelled with dashes, any of its
// names) was used.
func (s *Set) IsSet(name string) bool {
	f := s.index[name]
	return f != nil && f.used
}

// AnySet tells whether a flag was used.
func (s *Set) AnySet() bool {
	for _, f := range s.index {
		if f.used {
			return true
		}
	}
	return false
}

// Names are the spellings of all flags that the help shows.
func (s *Set) Names() []string {
	var names []string
	for _, f := range s.flags {
		names = append(names, f.shown()...)
	}
	return names
}

// HasFlags tells whether the help has at least one flag to show.
func (s *Set) HasFlags() bool {
	for _, f := range s.flags {
		if len(f.shown()) > 0 {
			return true
		}
	}
	return false
}

// PrintDefaults writes the option table of the help.
func (s *Set) PrintDefaults(w io.Writer) {
	list := make([]*Flag, 0, len(s.flags))
	for _, f := range s.flags {
		if len(f.shown()) > 0 {
			list = append(list, f)
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := strings.TrimLeft(list[i].names[0].text, "-"), strings.TrimLeft(list[j].names[0].text, "-")
		if la, lb := strings.ToLower(a), strings.ToLower(b); la != lb {
			return la < lb
		}
		return a < b
	})
	tw := tabwriter.NewWriter(w, 20, 1, 3, ' ', 0)
	for _, f := range list {
		def := f.Default
		switch f.Value.(type) {
		case *stringValue, funcValue:
			def = strconv.Quote(def)
		}
		head := "  " + strings.Join(f.shown(), ", ")
		if def != "" {
			head += "=" + def
		}
		for i, line := range strings.Split(f.Usage, "\n") {
			if i > 0 {
				head, line = "", "  "+line
			}
			fmt.Fprintf(tw, "%s\t%s\n", head, line)
		}
	}
	_ = tw.Flush()
}
