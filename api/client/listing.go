package client

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docker/go-units"
)

// listing is what --format needs to know of a kind of rows: what they look like
// in the words of today's clients. The tables of the commands themselves, which
// are older, are not made here.
type listing struct {
	table  string // the template of "table"
	raw    string // that of "raw"; "" where the word means nothing
	header header // the head of a column, by its field
}

// header is what the template of a table sees instead of its first row.
type header map[string]any

// Label is the head of a column of one label: the last part of its name.
func (header) Label(name string) string {
	name = name[strings.LastIndexByte(name, '.')+1:]
	return strings.NewReplacer("-", " ", "_", " ").Replace(name)
}

// rows shows a list: a line for each row, or a table with a head.
func rows[T any](w io.Writer, text string, kind listing, list []T) error {
	switch {
	case text == "table":
		text = "table " + kind.table
	case text == "raw" && kind.raw != "":
		text = kind.raw
	}
	f, err := parseTemplate(text)
	if err != nil {
		return err
	}
	if !f.table {
		var all bytes.Buffer
		for _, row := range list {
			if err := f.line(&all, row); err != nil {
				return err
			}
		}
		_, err := all.WriteTo(w)
		return err
	}
	tw := newColumns(w, 10)
	head, err := f.head()
	if err != nil {
		return err
	}
	if err := head.line(tw, kind.header); err != nil {
		return err
	}
	for _, row := range list {
		if err := f.line(tw, row); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// rowJSON is what {{json .}} shows of a row: its fields by name.
func rowJSON(fields map[string]any) ([]byte, error) { return json.Marshal(fields) }

// labelList is NAME=VALUE with commas, by name.
func labelList(labels map[string]string) string {
	list := make([]string, 0, len(labels))
	for name, value := range labels {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// briefSize has three digits, and no blank before the unit.
func briefSize(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }

// tightSize has four.
func tightSize(n int64) string { return units.HumanSize(float64(n)) }

// since is the age of a time as today's clients say it: "1 second ago".
func (cli *CLI) since(t time.Time) string {
	return units.HumanDuration(cli.now().UTC().Sub(t)) + " ago"
}

// fit keeps a cell in n columns of a terminal; a mark says that there was
// more.
func fit(text string, n int) string {
	all, before := 0, 0 // columns; bytes that leave room for the mark
	for i, r := range text {
		all += columns(r)
		if all <= n-1 {
			_, size := utf8.DecodeRuneInString(text[i:])
			before = i + size
		}
	}
	if all <= n {
		return text
	}
	return text[:before] + "…"
}

// columns is how many a rune takes: ideographs and the like have two.
func columns(r rune) int {
	for _, wide := range [...][2]rune{
		{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f},
		{0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
	} {
		if r >= wide[0] && r <= wide[1] {
			return 2
		}
	}
	return 1
}
