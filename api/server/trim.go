package server

import (
	"errors"
	"fmt"
	"slices"
)

// Most shapes only leave members out. To do that to the text costs a pass over
// it; to decode and encode the document costs ten times as much.

// trim leaves out the members for which drop is true. parent is the name of the
// member of the top object that they are in, "" for those of the top itself.
func trim(from, below uint16, drop func(parent, name string) bool) shape {
	return shape{from: v1(from), below: belowOf(below), drop: drop, edit: object(func(m members) {
		for name, value := range m {
			if drop("", name) {
				delete(m, name)
			} else if inner, ok := value.(members); ok {
				for key := range inner {
					if drop(name, key) {
						delete(inner, key)
					}
				}
			}
		}
	})}
}

// trimRows leaves members out of each object of a list.
func trimRows(from, below uint16, names ...string) shape {
	return shape{from: v1(from), below: belowOf(below), edit: rows(drop(names...)), drop: func(parent, name string) bool {
		return parent == "" && slices.Contains(names, name)
	}}
}

func belowOf(minor uint16) version {
	if minor == 0 {
		return 0
	}
	return v1(minor)
}

// trims tells whether all that is needed is to leave members out.
func trims(need []shape) bool {
	for _, s := range need {
		if s.drop == nil {
			return false
		}
	}
	return true
}

// errText is an answer of a job that is no JSON object and no list of them.
var errText = errors.New("it is not the text of a JSON object, or of a list of objects")

// trimmer copies the text of objects without some of their members.
type trimmer struct {
	in   []byte
	at   int // in in
	out  []byte
	need []shape
}

// trimmed applies shapes that leave members out to the text of an object, or of a
// list of objects.
func trimmed(text []byte, need []shape) ([]byte, error) {
	t := &trimmer{in: text, out: make([]byte, 0, len(text)), need: need}
	whole := func() error { return t.object("", true) }
	if t.next() == '[' {
		whole = t.list
	}
	if err := whole(); err != nil {
		return nil, fmt.Errorf("at byte %d: %w", t.at, err)
	}
	return t.out, nil
}

// list copies a list of objects.
func (t *trimmer) list() error {
	t.at++
	t.out = append(t.out, '[')
	for first := true; ; first = false {
		switch t.next() {
		case ']':
			t.at++
			t.out = append(t.out, ']')
			return nil
		case ',':
			if first {
				return errText
			}
			t.at++
			t.out = append(t.out, ',')
		}
		if err := t.object("", true); err != nil {
			return err
		}
	}
}

func (t *trimmer) drops(parent, name string) bool {
	for _, s := range t.need {
		if s.drop(parent, name) {
			return true
		}
	}
	return false
}

// object copies an object. At the top its members that are objects are looked
// into as well.
func (t *trimmer) object(parent string, top bool) error {
	if t.next() != '{' {
		return errText
	}
	t.at++
	t.out = append(t.out, '{')
	first := true
	for {
		switch t.next() {
		case '}':
			t.at++
			t.out = append(t.out, '}')
			return nil
		case ',':
			t.at++
		}
		if t.next() != '"' {
			return errText
		}
		key := t.at
		if err := t.skip(); err != nil {
			return err
		}
		name := string(t.in[key+1 : t.at-1]) // one with an escape is no member that anybody drops
		if t.next() != ':' {
			return errText
		}
		t.at++
		drop, mark := t.drops(parent, name), len(t.out)
		if !first {
			t.out = append(t.out, ',')
		}
		t.out = append(append(t.out, t.in[key:key+len(name)+2]...), ':')
		if err := t.value(name, top && !drop); err != nil {
			return err
		}
		if drop {
			t.out = t.out[:mark]
		} else {
			first = false
		}
	}
}

// value copies a value.
func (t *trimmer) value(name string, lookInto bool) error {
	if t.next() == '{' && lookInto {
		return t.object(name, false)
	}
	from := t.at
	if err := t.skip(); err != nil {
		return err
	}
	t.out = append(t.out, t.in[from:t.at]...)
	return nil
}

// next is the next byte that is no space, 0 at the end.
func (t *trimmer) next() byte {
	for ; t.at < len(t.in); t.at++ {
		switch c := t.in[t.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// skip goes behind one value.
func (t *trimmer) skip() error {
	t.next()
	for depth := 0; t.at < len(t.in); t.at++ {
		switch t.in[t.at] {
		case '"':
			if !t.text() {
				return errText
			}
			if depth == 0 {
				t.at++
				return nil
			}
		case '{', '[':
			depth++
		case '}', ']', ',':
			if depth == 0 { // behind a number or a word
				return nil
			}
			if t.in[t.at] == ',' {
				continue
			}
			if depth--; depth == 0 {
				t.at++
				return nil
			}
		}
	}
	return errText
}

// text goes to the quote that ends a string.
func (t *trimmer) text() bool {
	for t.at++; t.at < len(t.in); t.at++ {
		switch t.in[t.at] {
		case '\\':
			t.at++
		case '"':
			return true
		}
	}
	return false
}
