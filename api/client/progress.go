package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/moby/term"
)

// progressMessage is one object of the stream of import, pull and their
// sisters.
type progressMessage struct {
	Stream         string `json:"stream"`
	Status         string `json:"status"`
	Progress       string `json:"progress"`
	ProgressDetail *struct {
		Current, Total, Start int64
	} `json:"progressDetail"`
	ID          string `json:"id"`
	From        string `json:"from"`
	Time        int64  `json:"time"`
	ErrorDetail *struct {
		Code    int
		Message string
	} `json:"errorDetail"`
	Error string          `json:"error"`
	Aux   json.RawMessage `json:"aux"`
}

// showStream makes the request and shows its stream of messages on out; nil
// shows nothing. An error inside of the stream is returned.
func (cli *CLI) showStream(ctx context.Context, r request, out io.Writer) error {
	resp, err := cli.http.do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		out = io.Discard
	}
	_, terminal := terminalOf(out)
	err = newRenderer(out, terminal, cli.now).show(resp.Body)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// renderer turns messages into lines; on a terminal a message with an id stays
// on the line where that id was seen first.
type renderer struct {
	w        io.Writer
	terminal bool
	width    int
	now      func() time.Time
	lines    map[string]int

	aux  func(json.RawMessage) // told what is for programs; nil: nobody
	line func(string)          // told each text of a stream; nil: nobody
}

func newRenderer(w io.Writer, terminal bool, now func() time.Time) *renderer {
	r := &renderer{w: w, terminal: terminal, width: 200, now: now, lines: make(map[string]int)}
	if fd, ok := terminalOf(w); ok {
		if size, err := term.GetWinsize(fd); err == nil && size.Width > 0 {
			r.width = int(size.Width)
		}
	}
	return r
}

func (r *renderer) show(stream io.Reader) error {
	for dec := json.NewDecoder(stream); ; {
		var m progressMessage
		if err := dec.Decode(&m); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return vanished("reading the progress of the daemon", err)
		}
		if err := r.message(&m); err != nil {
			return err
		}
	}
}

func (r *renderer) message(m *progressMessage) error {
	if len(m.Aux) > 0 {
		if r.aux != nil {
			r.aux(m.Aux)
		}
		return nil
	}
	if r.line != nil && m.Stream != "" {
		r.line(m.Stream)
	}
	up := 0
	if m.ID != "" && (m.ProgressDetail != nil || m.Progress != "") {
		line, known := r.lines[m.ID]
		if !known {
			r.lines[m.ID] = len(r.lines)
			if r.terminal {
				fmt.Fprintln(r.w)
			}
		} else {
			up = len(r.lines) - line
		}
		if r.terminal && up > 0 {
			fmt.Fprintf(r.w, "\x1b[%dA", up)
		}
	} else {
		clear(r.lines) // what comes now is below the bars: they stay as they are
	}
	switch {
	case m.ErrorDetail != nil && m.ErrorDetail.Code == http.StatusUnauthorized:
		return errors.New("Authentication is required.")
	case m.ErrorDetail != nil && m.ErrorDetail.Code > 0 && m.ErrorDetail.Code < 256:
		return &StatusError{Code: m.ErrorDetail.Code, Text: m.ErrorDetail.Message} // of a command
	case m.ErrorDetail != nil && m.ErrorDetail.Message != "":
		return errors.New(m.ErrorDetail.Message)
	case m.Error != "":
		return errors.New(m.Error)
	}
	if err := r.text(m); err != nil {
		return err
	}
	if r.terminal && up > 0 {
		fmt.Fprintf(r.w, "\x1b[%dB", up)
	}
	return nil
}

func (r *renderer) text(m *progressMessage) error {
	bar, end := r.bar(m), ""
	switch {
	case r.terminal && m.Stream == "" && m.ProgressDetail != nil:
		fmt.Fprint(r.w, "\x1b[2K\r")
		end = "\r"
	case m.ProgressDetail != nil && bar != "":
		return nil // a bar is for terminals
	}
	var b strings.Builder
	if m.Time != 0 {
		b.WriteString(time.Unix(m.Time, 0).Format(eventTime) + " ")
	}
	if m.ID != "" {
		b.WriteString(m.ID + ": ")
	}
	if m.From != "" {
		b.WriteString("(from " + m.From + ") ")
	}
	switch {
	case m.ProgressDetail != nil && r.terminal:
		b.WriteString(m.Status + " " + bar + end)
	case m.Progress != "":
		b.WriteString(m.Status + " " + m.Progress + end)
	case m.Stream != "":
		b.WriteString(m.Stream)
	default:
		b.WriteString(m.Status + end + "\n")
	}
	_, err := io.WriteString(r.w, b.String())
	return err
}

// bar draws the progress of a message that has numbers.
func (r *renderer) bar(m *progressMessage) string {
	p := m.ProgressDetail
	if p == nil || p.Current <= 0 && p.Total <= 0 {
		return ""
	}
	current := fmt.Sprintf("%8s", humanSize(p.Current))
	if p.Total <= 0 {
		return current
	}
	half := int(min(max(float64(p.Current)/float64(p.Total), 0), 1)*100) / 2
	text := ""
	if r.width > 110 {
		text = "[" + strings.Repeat("=", half) + ">" + strings.Repeat(" ", 50-half) + "] "
	}
	text += current + "/" + humanSize(p.Total)
	if p.Current > 0 && p.Start > 0 && half < 50 && r.width > 50 {
		spent := r.now().Sub(time.Unix(p.Start, 0))
		left := time.Duration(float64(spent) / float64(p.Current) * float64(p.Total-p.Current))
		text += " " + left.Truncate(time.Second).String()
	}
	return text
}
