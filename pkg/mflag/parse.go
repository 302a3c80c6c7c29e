package mflag

import (
	"errors"
	"fmt"
	"strings"
)

// ErrHelp is returned by Parse when the user asked for the help and the set
// declares no such flag itself.
var ErrHelp = errors.New("help requested")

// ParseError is a command line that the grammar or a value's rules refuse.
type ParseError struct {
	Text    string
	Unknown string // the flag that there is not, as it was spelled; "" for other mistakes
}

// Error returns the sentence for the user.
func (e *ParseError) Error() string { return e.Text }

func undefined(spelled string) error {
	return &ParseError{Text: "flag provided but not defined: " + spelled, Unknown: spelled}
}

func failf(format string, args ...any) error {
	return &ParseError{Text: fmt.Sprintf(format, args...)}
}

// Parse reads args (without the program's and the command's name). It stops at
// the first error. What it understands:
//
//	-x  --long  -x=v  --long=v  -x v  --long v  -xyz (a group)  -xv  --
//
// One pair of quotes around the text after "=" is removed. In a group each
// letter may take the next word as its value; where the rest of a group is not
// made of flags, it is the value itself (-p80:80).
func (s *Set) Parse(args []string) error {
	s.args = nil
	for len(args) > 0 {
		word := args[0]
		switch {
		case word == "--":
			s.args = append(s.args, args[1:]...)
			return nil
		case len(word) < 2 || word[0] != '-':
			if !s.Interspersed {
				s.args = append(s.args, args...)
				return nil
			}
			s.args = append(s.args, word)
			args = args[1:]
		default:
			rest, err := s.parseWord(word, args[1:])
			if err != nil {
				return err
			}
			args = rest
		}
	}
	return nil
}

// parseWord handles one word that is a flag or a group and returns what
// follows it and its value.
func (s *Set) parseWord(word string, rest []string) ([]string, error) {
	spelled, value, hasValue := strings.Cut(word, "=")
	if spelled == "-" || spelled == "--" || strings.HasPrefix(spelled, "---") {
		return nil, failf("bad flag syntax: %s", word)
	}
	if hasValue {
		value = unquote(value)
	}
	if f := s.index[spelled]; f != nil {
		return s.apply(f, spelled, value, hasValue, rest)
	}
	switch spelled {
	case "-h", "--help", "-help":
		return nil, ErrHelp
	}
	if strings.HasPrefix(spelled, "--") || len(spelled) == 2 {
		return nil, undefined(spelled)
	}
	return s.parseGroup(word[1:], rest)
}

// parseGroup handles the letters of "-itp80:80" or "-itv" "/a:/b".
func (s *Set) parseGroup(group string, rest []string) ([]string, error) {
	letters, value, hasValue := strings.Cut(group, "=")
	for i := range len(letters) {
		spelled := "-" + letters[i:i+1]
		f := s.index[spelled]
		if f == nil {
			return nil, undefined("-" + letters)
		}
		var err error
		last := i == len(letters)-1
		switch {
		case last:
			return s.apply(f, spelled, unquote(value), hasValue, rest)
		case !f.isBool() && (hasValue || !s.allShort(letters[i+1:])):
			return s.apply(f, spelled, group[i+1:], true, rest)
		default:
			rest, err = s.apply(f, spelled, "", false, rest)
		}
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

func (s *Set) allShort(letters string) bool {
	for i := range len(letters) {
		if s.index["-"+letters[i:i+1]] == nil {
			return false
		}
	}
	return true
}

// apply gives the flag its value, taking the next word if it needs one.
func (s *Set) apply(f *Flag, spelled, value string, hasValue bool, rest []string) ([]string, error) {
	if f.isBool() {
		if !hasValue {
			value = "true"
		}
		if err := f.Value.Set(value); err != nil {
			return nil, failf("invalid boolean value %q for  %s: %v", value, spelled, err)
		}
	} else {
		if !hasValue {
			if len(rest) == 0 {
				return nil, failf("flag needs an argument: %s", spelled)
			}
			value, rest = rest[0], rest[1:]
		}
		if err := f.Value.Set(value); err != nil {
			return nil, failf("invalid value %q for flag %s: %v", value, spelled, err)
		}
	}
	f.used = true
	s.warn(f, spelled)
	return rest, nil
}

func (s *Set) warn(f *Flag, spelled string) {
	if s.Warn == nil {
		return
	}
	for _, n := range f.names {
		if n.text != spelled || !n.deprecated {
			continue
		}
		if next := f.successor(spelled); next != "" {
			fmt.Fprintf(s.Warn, "Warning: '%s' is deprecated, it will be replaced by '%s' soon. See usage.\n",
				spelled, next)
		} else {
			fmt.Fprintf(s.Warn, "Warning: '%s' is deprecated, it will be removed soon. See usage.\n", spelled)
		}
	}
}

// unquote removes one matching pair of quotes.
func unquote(v string) string {
	if n := len(v); n >= 2 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
		return v[1 : n-1]
	}
	return v
}
