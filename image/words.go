package image

import (
	"fmt"
	"strings"
)

// lookup is an environment, "K=V" each, in which instructions find variables.
type lookup []string

func (l lookup) get(name string) (value string, set bool) {
	for _, e := range l {
		if k, v, _ := strings.Cut(e, "="); k == name {
			return v, true
		}
	}
	return "", false
}

// eachPair reads "k=v k2='v 2'" or "k the rest".
func eachPair(s string, env lookup, add func(k, v string)) error {
	first, rest, _ := strings.Cut(s, " ")
	if !strings.Contains(first, "=") {
		if rest = strings.TrimSpace(rest); rest == "" {
			return fmt.Errorf("%s needs a value", first)
		}
		value, err := expand(rest, env)
		if err != nil {
			return err
		}
		add(first, value)
		return nil
	}
	words, err := split(s, env)
	if err != nil {
		return err
	}
	for _, w := range words {
		k, v, ok := strings.Cut(w, "=")
		if !ok || k == "" {
			return fmt.Errorf("%q is not KEY=VALUE", w)
		}
		add(k, v)
	}
	return nil
}

// expand replaces variables and takes quotes away; blanks stay.
func expand(s string, env lookup) (string, error) {
	l := lexer{in: s, env: env, blanks: true}
	if err := l.run(); err != nil {
		return "", err
	}
	return l.word.String(), nil
}

// split parts a line into words; quotes and backslashes protect blanks.
func split(s string, env lookup) ([]string, error) {
	l := lexer{in: s, env: env}
	if err := l.run(); err != nil {
		return nil, err
	}
	l.end()
	return l.words, nil
}

// lexer reads words as a Dockerfile has them.
type lexer struct {
	in     string
	env    lookup
	blanks bool // belong to the word

	at     int
	word   strings.Builder
	inWord bool
	words  []string
}

func (l *lexer) end() {
	if l.inWord {
		l.words = append(l.words, l.word.String())
	}
	l.word.Reset()
	l.inWord = false
}

func (l *lexer) run() error {
	quote := byte(0)
	for ; l.at < len(l.in); l.at++ {
		c := l.in[l.at]
		switch {
		case c == '\\' && quote != '\'' && l.at+1 < len(l.in):
			l.at++
			l.word.WriteByte(l.in[l.at])
			l.inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, l.inWord = c, true
		case quote == 0 && !l.blanks && (c == ' ' || c == '\t'):
			l.end()
		case c == '$' && quote != '\'':
			if err := l.variable(); err != nil {
				return err
			}
		default:
			l.word.WriteByte(c)
			l.inWord = true
		}
	}
	if quote != 0 {
		return fmt.Errorf("the quote %c is not closed", quote)
	}
	return nil
}

// variable replaces $NAME or ${NAME…} and ends at its last byte.
func (l *lexer) variable() error {
	rest := l.in[l.at+1:]
	if !strings.HasPrefix(rest, "{") {
		n := nameLen(rest)
		if n == 0 {
			l.word.WriteByte('$')
			l.inWord = true
			return nil
		}
		value, _ := l.env.get(rest[:n])
		l.put(value)
		l.at += n
		return nil
	}
	end := strings.IndexByte(rest, '}')
	if end < 0 {
		return fmt.Errorf("the brace of %q is not closed", "$"+rest)
	}
	value, err := l.braced(rest[1:end])
	if err != nil {
		return err
	}
	l.put(value)
	l.at += end + 1
	return nil
}

func (l *lexer) put(value string) {
	l.word.WriteString(value)
	l.inWord = l.inWord || value != ""
}

// braced gives the value of what stands between braces: NAME, NAME:-or, NAME:+if
// and their forms without colon, which take an empty value for one.
func (l *lexer) braced(s string) (string, error) {
	n := nameLen(s)
	if n == 0 {
		return "", fmt.Errorf("bad substitution ${%s}", s)
	}
	value, set := l.env.get(s[:n])
	rest := s[n:]
	if rest == "" {
		return value, nil
	}
	if word, colon := strings.CutPrefix(rest, ":"); colon {
		rest, set = word, value != ""
	}
	switch {
	case strings.HasPrefix(rest, "-") && !set, strings.HasPrefix(rest, "+") && set:
		return rest[1:], nil
	case strings.HasPrefix(rest, "-"):
		return value, nil
	case strings.HasPrefix(rest, "+"):
		return "", nil
	}
	return "", fmt.Errorf("unsupported modifier in substitution ${%s}", s)
}

// nameLen is how many bytes at the beginning are a variable's name.
func nameLen(s string) int {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}
