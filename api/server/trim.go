package server

import (
	"errors"
	"fmt"
	"slices"
)

// Most shapes only leave members out. To do that to the text costs a pass over
// it; to decode and encode the document costs ten times as much.

// trimRows leaves members out of each object of a list.
func trimRows(from, below uint16, names ...string) shape {
	return shape{from: v1(from), below: belowOf(below), edit: rows(drop(names...)), drop: names}
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

// errText is an answer of a job that is no JSON list of objects.
var errText = errors.New("it is not the text of a JSON list of objects")

// trimmer copies the text of objects without some of their members.
type trimmer struct {
	in   []byte
	at   int // in in
	out  []byte
	need []shape
}

// trimmed applies shapes that leave members out to the text of a list of objects.
func trimmed(text []byte, need []shape) ([]byte, error) {
	t := &trimmer{in: text, out: make([]byte, 0, len(text)), need: need}
	if err := t.list(); err != nil {
		return nil, fmt.Errorf("at byte %d: %w", t.at, err)
	}
	return t.out, nil
}

// list copies a list of objects.
func (t *trimmer) list() error {
	if t.next() != '[' {
		return errText
	}
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
		if err := t.object(); err != nil {
			return err
		}
	}
}

func (t *trimmer) drops(name string) bool {
	for _, s := range t.need {
		if slices.Contains(s.drop, name) {
			return true
		}
	}
	return false
}

// object copies an object.
func (t *trimmer) object() error {
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
		drop, mark := t.drops(name), len(t.out)
		if !first {
			t.out = append(t.out, ',')
		}
		t.out = append(append(t.out, t.in[key:key+len(name)+2]...), ':')
		if err := t.value(); err != nil {
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
func (t *trimmer) value() error {
	t.next()
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
