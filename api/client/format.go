package client

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"
)

// newTable is the one layout of all tables.
func newTable(w io.Writer) table { return newColumns(w, 20) }

// table aligns cells, and writes when it is flushed: a tabwriter alone makes a system
// call for each cell.
type table struct {
	*tabwriter.Writer
	out *bufio.Writer
}

func newColumns(w io.Writer, width int) table {
	out := bufio.NewWriterSize(w, 32<<10)
	return table{tabwriter.NewWriter(out, width, 1, 3, ' ', 0), out}
}

// Flush writes the table.
func (t table) Flush() error { return errors.Join(t.Writer.Flush(), t.out.Flush()) }

// printLines prints a text of each row on a line of its own.
func printLines[T any](w io.Writer, list []T, text func(row T) string) error {
	var all bytes.Buffer
	for _, row := range list {
		all.WriteString(text(row) + "\n")
	}
	_, err := all.WriteTo(w)
	return err
}

var (
	decimalUnits = []string{"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	binaryUnits  = []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
)

// humanSize is a size for people: four digits, a blank, a decimal unit.
func humanSize(n int64) string { return scaled(float64(n), 1000, decimalUnits) }

// binarySize is the same with powers of 1024.
func binarySize(n int64) string { return scaled(float64(n), 1024, binaryUnits) }

func scaled(v, base float64, names []string) string {
	i := 0
	for math.Abs(v) >= base && i < len(names)-1 {
		v /= base
		i++
	}
	return strconv.FormatFloat(v, 'g', 4, 64) + " " + names[i]
}

// humanDuration is a span for people; whole parts are cut, not rounded.
func humanDuration(d time.Duration) string {
	hours := int(d.Hours())
	switch {
	case d < time.Second:
		return "Less than a second"
	case d < time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Minute:
		return "About a minute"
	case d < time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case hours == 1:
		return "About an hour"
	case hours < 48:
		return fmt.Sprintf("%d hours", hours)
	case hours < 24*14:
		return fmt.Sprintf("%d days", hours/24)
	case hours < 24*90:
		return fmt.Sprintf("%d weeks", hours/24/7)
	case hours < 24*730:
		return fmt.Sprintf("%d months", hours/24/30)
	}
	return fmt.Sprintf("%f years", d.Hours()/24/365)
}

// ago is the age of a unix time.
func (cli *CLI) ago(unix int64) string {
	return humanDuration(cli.now().Sub(time.Unix(unix, 0))) + " ago"
}

// cut keeps the first n bytes, but no half character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// oneLine keeps a cell from breaking its table.
func oneLine(text string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(text)
}

// jsonNoEscape encodes without turning < and > into escapes.
func jsonNoEscape(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
