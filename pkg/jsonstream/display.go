package jsonstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Display shows a stream of messages on out. On a terminal, messages about the
// same object overwrite its line; elsewhere progress is left out. aux gets the
// values for programs; it may be nil. A failure in the stream is returned as
// *Error.
func Display(in io.Reader, out io.Writer, terminal bool, aux func(json.RawMessage)) error {
	d := display{out: out, terminal: terminal, rows: make(map[string]int)}
	for dec := json.NewDecoder(in); ; {
		var m Message
		err := dec.Decode(&m)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading progress: %w", err)
		}
		switch {
		case m.ErrorDetail != nil:
			return m.ErrorDetail
		case m.Error != "":
			return &Error{Message: m.Error}
		case m.Aux != nil:
			if aux != nil {
				aux(*m.Aux)
			}
		default:
			if err := d.show(&m); err != nil {
				return err
			}
		}
	}
}

type display struct {
	out      io.Writer
	terminal bool
	rows     map[string]int // object → its row, counted from the first
	lines    int
}

func (d *display) show(m *Message) error {
	progress := m.ProgressDetail != nil && (m.ProgressDetail.Current > 0 || m.ProgressDetail.Total > 0)
	if !d.terminal {
		if progress {
			return nil
		}
		return d.print(m, "")
	}
	if m.ID == "" {
		d.rows, d.lines = make(map[string]int), 0 // what follows is a new block
		if progress {
			_, err := fmt.Fprintf(d.out, "\x1b[2K\r%s %s\r", m.Status, progressText(m))
			return err
		}
		return d.print(m, "")
	}
	row, known := d.rows[m.ID]
	if !known {
		row = d.lines
		d.rows[m.ID] = row
		d.lines++
		if _, err := fmt.Fprint(d.out, "\n"); err != nil {
			return err
		}
	}
	up := d.lines - row
	if _, err := fmt.Fprintf(d.out, "\x1b[%dA\x1b[2K\r", up); err != nil {
		return err
	}
	if err := d.print(m, progressText(m)); err != nil {
		return err
	}
	if up > 1 {
		_, err := fmt.Fprintf(d.out, "\x1b[%dB", up-1)
		return err
	}
	return nil
}

func progressText(m *Message) string {
	if m.ProgressDetail == nil {
		return m.Progress
	}
	return m.ProgressDetail.Text(time.Now())
}

// print writes one message and ends its line.
func (d *display) print(m *Message, progress string) error {
	if m.Stream != "" {
		_, err := io.WriteString(d.out, m.Stream)
		return err
	}
	line := m.Status
	if m.ID != "" {
		line = m.ID + ": " + line
	}
	if m.From != "" {
		line += " (from " + m.From + ")"
	}
	if progress != "" {
		line += " " + progress
	}
	_, err := fmt.Fprintln(d.out, line)
	return err
}
