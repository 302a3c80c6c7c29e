package client

import (
	"fmt"
	"io"
	"strings"
	"text/template"
	"unicode"
)

// Formats given by the user. The template package is used here and nowhere
// else, and only when a command was given a format.

// format is a parsed --format text.
type format struct {
	t     *template.Template
	table bool
}

// parseTemplate reads the text of --format: a Go template, the word json, or
// "table" and a template.
func parseTemplate(text string) (*format, error) {
	f := &format{}
	if rest, ok := strings.CutPrefix(text, "table"); ok {
		f.table, text = true, strings.TrimSpace(rest)
	}
	if text == "json" {
		text = "{{json .}}"
	}
	text = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text)
	t, err := template.New("").Funcs(templateFuncs()).Parse(text)
	if err != nil {
		return nil, templateFailure(err)
	}
	f.t = t
	return f, nil
}

// templateFailure leaves out the name of the template, which has none.
func templateFailure(err error) error {
	text := strings.TrimPrefix(err.Error(), "template: :")
	return statusErrorf(exitTemplate, "Template parsing error: template: %s", text)
}

func templateFuncs() template.FuncMap {
	return template.FuncMap{
		"json": func(v any) (string, error) {
			text, err := jsonNoEscape(v)
			return string(text), err
		},
		"split": strings.Split,
		"join":  joinAny,
		"lower": strings.ToLower,
		"upper": strings.ToUpper,
		"title": titleWords,
		"pad": func(s string, before, after int) string {
			if s == "" || before < 0 || after < 0 || before+after > 1000 {
				return s
			}
			return strings.Repeat(" ", before) + s + strings.Repeat(" ", after)
		},
		"truncate": func(s string, n int) string { return cut(s, max(n, 0)) },
		"println":  fmt.Sprintln,
	}
}

// titleWords begins each word with a capital letter.
func titleWords(text string) string {
	inside := false
	return strings.Map(func(r rune) rune {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '\''
		begins := letter && !inside
		inside = letter
		if begins {
			return unicode.ToTitle(r)
		}
		return r
	}, text)
}

func joinAny(list any, sep string) string {
	var texts []string
	switch l := list.(type) {
	case []string:
		texts = l
	case []any:
		for _, v := range l {
			texts = append(texts, fmt.Sprint(v))
		}
	default:
		return fmt.Sprint(list)
	}
	return strings.Join(texts, sep)
}

// execute shows one value.
func (f *format) execute(w io.Writer, v any) error {
	if err := f.t.Execute(w, v); err != nil {
		return fmt.Errorf("template parsing error: %w", err)
	}
	return nil
}

// line shows one value and ends the line.
func (f *format) line(w io.Writer, v any) error {
	if err := f.execute(w, v); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// head is the format for the head of a table: its functions leave the words as
// they are.
func (f *format) head() (*format, error) {
	t, err := f.t.Clone()
	if err != nil {
		return nil, err
	}
	funcs := template.FuncMap{}
	for _, name := range []string{"json", "join", "split", "title", "lower", "upper", "pad", "truncate", "println"} {
		funcs[name] = func(word any, _ ...any) any { return word }
	}
	return &format{t: t.Funcs(funcs)}, nil
}
