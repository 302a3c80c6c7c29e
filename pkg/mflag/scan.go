package mflag

import "strings"

// Shown is a flag as the help shows it.
type Shown struct {
	Names []string // with dashes; the long one is last
	Usage string
	Takes bool // a value
}

// Shown lists the flags that are not old or hidden, in the order of their
// declarations.
func (s *Set) Shown() []Shown {
	var list []Shown
	for _, f := range s.flags {
		if names := f.shown(); len(names) > 0 {
			list = append(list, Shown{Names: names, Usage: f.Usage, Takes: !f.isBool()})
		}
	}
	return list
}

// Scan reads words as Parse does, but sets nothing and refuses nothing: it is for
// a command line that is not finished. It returns the names of the flag whose
// value comes next, nil when none does; the positional words; and whether
// flags are over.
func (s *Set) Scan(words []string) (wanting, args []string, over bool) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--":
			return nil, append(args, words[i+1:]...), true
		case len(word) < 2 || word[0] != '-':
			if !s.Interspersed {
				return nil, append(args, words[i:]...), true
			}
			args = append(args, word)
		default:
			for _, f := range s.wanting(word) {
				if i++; i == len(words) {
					return f.shown(), args, false
				}
			}
		}
	}
	return nil, args, false
}

// Values gives the names of the flag that is spelled so, when it takes a value.
func (s *Set) Values(spelled string) []string {
	if f := s.index[spelled]; f != nil && !f.isBool() {
		return f.shown()
	}
	return nil
}

// wanting are the flags of a word whose values are the next words.
func (s *Set) wanting(word string) (list []*Flag) {
	if f := s.index[word]; f != nil && !strings.Contains(word, "=") || strings.HasPrefix(word, "--") {
		if f == nil || f.isBool() || strings.Contains(word, "=") {
			return nil
		}
		return []*Flag{f}
	}
	letters, _, hasValue := strings.Cut(word[1:], "=")
	for i := range len(letters) {
		f, last := s.index["-"+letters[i:i+1]], i == len(letters)-1
		switch {
		case f == nil:
			return list
		case f.isBool() || last && hasValue:
		case !last && (hasValue || !s.allShort(letters[i+1:])):
			return list // the rest is the value
		default:
			list = append(list, f)
		}
	}
	return list
}
