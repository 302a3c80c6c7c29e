package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sort"
	"strconv"
	"strings"
)

// Table is a list of rows, each an Env, that can be sorted by one key.
type Table struct {
	Data    []*Env
	sortKey string
}

// NewTable makes an empty table with room for size rows.
func NewTable(sortKey string, size int) *Table {
	return &Table{Data: make([]*Env, 0, max(size, 0)), sortKey: sortKey}
}

// SetKey chooses the key to sort by.
func (t *Table) SetKey(key string) { t.sortKey = key }

// Add appends a row.
func (t *Table) Add(row *Env) { t.Data = append(t.Data, row) }

// Len counts the rows.
func (t *Table) Len() int { return len(t.Data) }

// Less compares two rows by the sort key: as numbers when both are whole
// numbers, else as text.
func (t *Table) Less(a, b int) bool {
	va, vb := t.Data[a].Get(t.sortKey), t.Data[b].Get(t.sortKey)
	na, errA := strconv.ParseInt(va, 10, 64)
	nb, errB := strconv.ParseInt(vb, 10, 64)
	if errA == nil && errB == nil {
		return na < nb
	}
	return strings.Compare(va, vb) < 0
}

// Swap exchanges two rows.
func (t *Table) Swap(a, b int) { t.Data[a], t.Data[b] = t.Data[b], t.Data[a] }

// Sort sorts the rows; equal ones keep their order.
func (t *Table) Sort() { sort.Stable(t) }

// ReverseSort sorts the rows from the greatest; equal ones keep their order.
func (t *Table) ReverseSort() { sort.Stable(sort.Reverse(t)) }

// WriteListTo writes the table as one JSON array.
func (t *Table) WriteListTo(dst io.Writer) (int64, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, row := range t.Data {
		if i > 0 {
			b.WriteByte(',')
		}
		if _, err := row.WriteTo(&b); err != nil {
			return 0, err
		}
	}
	b.WriteByte(']')
	return b.WriteTo(dst)
}

// ToListString gives the table as one JSON array.
func (t *Table) ToListString() (string, error) {
	var b strings.Builder
	_, err := t.WriteListTo(&b)
	return b.String(), err
}

// WriteTo writes the rows as JSON objects, one per line.
func (t *Table) WriteTo(dst io.Writer) (n int64, err error) {
	for _, row := range t.Data {
		m, err := row.WriteTo(dst)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// ReadListFrom appends the objects of a JSON array. Other elements are skipped.
func (t *Table) ReadListFrom(text []byte) (int64, error) {
	if err := t.readList(bytes.NewReader(text)); err != nil {
		return 0, err
	}
	return int64(len(text)), nil
}

// readList decodes one JSON array element by element.
func (t *Table) readList(src io.Reader) error {
	dec := json.NewDecoder(src)
	open, err := dec.Token()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	if open != json.Delim('[') {
		return errors.New("a JSON array is expected")
	}
	for dec.More() {
		var text json.RawMessage
		if err := dec.Decode(&text); err != nil {
			return err
		}
		if text[0] != '{' {
			continue
		}
		row := &Env{}
		if err := row.decodeText(text); err != nil {
			return err
		}
		t.Add(row)
	}
	_, err = dec.Token()
	return err
}

// ReadFrom appends JSON objects up to the end of src. Its count is that of the
// bytes consumed, and it stops at the first thing that is not an object.
func (t *Table) ReadFrom(src io.Reader) (int64, error) {
	dec := NewDecoder(src)
	for {
		row, err := dec.Decode()
		n := dec.dec.InputOffset()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		t.Add(row)
	}
}
