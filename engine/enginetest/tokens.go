package enginetest

import (
	"fmt"
	"strings"
)

// tokenKind is what a part of a text is.
type tokenKind uint8

const (
	plain  tokenKind = iota
	idWord           // 12 or 64 hexadecimal digits
	moment           // RFC 3339, or unix seconds or nanoseconds of this century
)

type token struct {
	kind tokenKind
	text string
}

// tokens cuts a text into what is the same in every run and what is not.
func tokens(s string) []token {
	var list []token
	from := 0
	for i := 0; i < len(s); {
		if i > 0 && alnum(s[i-1]) || !alnum(s[i]) {
			i++
			continue
		}
		kind, n := variable(s[i:])
		if kind == plain {
			i++
			continue
		}
		if i > from {
			list = append(list, token{plain, s[from:i]})
		}
		list = append(list, token{kind, s[i : i+n]})
		i += n
		from = i
	}
	if from < len(s) {
		list = append(list, token{plain, s[from:]})
	}
	return list
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// variable tells what s begins with, and how long that is.
func variable(s string) (tokenKind, int) {
	if n := timestamp(s); n > 0 {
		return moment, n
	}
	n, decimal := 0, true
	for n < len(s) && alnum(s[n]) {
		if !digit(s[n]) {
			decimal = false
			if s[n] < 'a' || s[n] > 'f' {
				return plain, 0
			}
		}
		n++
	}
	switch {
	case n == 12 || n == 64:
		return idWord, n
	case decimal && (n == 10 || n == 19) && s[0] >= '1' && s[0] <= '3':
		return moment, n
	}
	return plain, 0
}

// timestamp measures an RFC 3339 time: 2014-03-13T12:00:00[.9…](Z|+hh:mm).
func timestamp(s string) int {
	const form = "0000-00-00T00:00:00"
	if len(s) < len(form)+1 {
		return 0
	}
	for i := range len(form) {
		if form[i] == '0' && !digit(s[i]) || form[i] != '0' && s[i] != form[i] {
			return 0
		}
	}
	n := len(form)
	if s[n] == '.' {
		for n++; n < len(s) && digit(s[n]); n++ {
		}
	}
	switch {
	case n < len(s) && s[n] == 'Z':
		return n + 1
	case len(s) >= n+6 && (s[n] == '+' || s[n] == '-') && s[n+3] == ':':
		return n + 6
	}
	return 0
}

// names gives ids of a run stable names, in the order in which they appear. An
// id of twelve digits is that of 64 that begins with it.
type names struct {
	of   map[string]string // by their first twelve digits
	next int
}

// normalise replaces ids by <id1>, <id2>… and moments by <time>.
func (n *names) normalise(s string) string {
	var b strings.Builder
	for _, t := range tokens(s) {
		switch t.kind {
		case idWord:
			key := t.text[:12]
			if n.of[key] == "" {
				if n.of == nil {
					n.of = map[string]string{}
				}
				n.next++
				n.of[key] = fmt.Sprintf("<id%d>", n.next)
			}
			b.WriteString(n.of[key])
		case moment:
			b.WriteString("<time>")
		default:
			b.WriteString(t.text)
		}
	}
	return b.String()
}

// binding knows which id of a new run stands for which of the recorded one.
type binding map[string]string // recorded 12 digits -> new id

// match compares two texts. Where the recorded one has an id the new one may
// have any, but the same for the same; moments are all alike.
func (b binding) match(want, got string) bool {
	if want == got {
		return true
	}
	w, g := tokens(want), tokens(got)
	if len(w) != len(g) {
		return false
	}
	learned := binding{}
	for i := range w {
		switch {
		case w[i].kind != g[i].kind:
			return false
		case w[i].kind == plain && w[i].text != g[i].text:
			return false
		case w[i].kind == idWord:
			key, id := w[i].text[:12], g[i].text
			known := b[key]
			if known == "" {
				known = learned[key]
			}
			if len(id) != len(w[i].text) || known != "" && known[:12] != id[:12] {
				return false
			}
			if len(id) > len(known) {
				learned[key] = id
			}
		}
	}
	for key, id := range learned {
		b[key] = id
	}
	return true
}

// translate writes a recorded text with the ids of the new run.
func (b binding) translate(s string) string {
	var out strings.Builder
	for _, t := range tokens(s) {
		if t.kind == idWord {
			if id := b[t.text[:12]]; len(id) >= len(t.text) {
				t.text = id[:len(t.text)]
			}
		}
		out.WriteString(t.text)
	}
	return out.String()
}
