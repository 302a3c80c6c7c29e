// Package jsonstream owns the messages that long operations (pull, import,
// build) send while they work: a sequence of JSON objects, or plain text for
// old clients. It writes them, and reads and shows them. It keeps no state
// beyond one stream. Start reading at Message and Writer. It is domain-free and
// imports nothing of this module.
package jsonstream

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Message is one object of the stream; absent members are omitted.
type Message struct {
	Stream         string           `json:"stream,omitempty"`
	Status         string           `json:"status,omitempty"`
	ProgressDetail *Progress        `json:"progressDetail,omitempty"`
	Progress       string           `json:"progress,omitempty"`
	ID             string           `json:"id,omitempty"`
	From           string           `json:"from,omitempty"`
	Time           int64            `json:"time,omitempty"`
	ErrorDetail    *Error           `json:"errorDetail,omitempty"`
	Error          string           `json:"error,omitempty"`
	Aux            *json.RawMessage `json:"aux,omitempty"`
}

// Error is a failure that ends the stream.
type Error struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message"`
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Progress is how far an operation is. A Total of 0 is not known.
type Progress struct {
	Current int64 `json:"current,omitempty"`
	Total   int64 `json:"total,omitempty"`
	Start   int64 `json:"start,omitempty"` // unix seconds
}

const barWidth = 50

// Text draws the progress as it is at the given moment: a bar, the sizes and
// the time that is left.
func (p *Progress) Text(now time.Time) string {
	if p == nil || p.Current <= 0 && p.Total <= 0 {
		return ""
	}
	current := fmt.Sprintf("%8v", size(p.Current))
	if p.Total <= 0 || p.Current > p.Total {
		return current
	}
	done := int(p.Current * barWidth / p.Total)
	bar := strings.Repeat("=", done)
	if done < barWidth {
		bar += ">"
	}
	text := fmt.Sprintf("[%-*s] %s/%s", barWidth, bar, current, size(p.Total))
	elapsed := now.Sub(time.Unix(p.Start, 0))
	if p.Start > 0 && p.Current > 0 && p.Current < p.Total && elapsed > 0 {
		left := time.Duration(float64(elapsed) * float64(p.Total-p.Current) / float64(p.Current))
		text += " " + left.Round(time.Second).String()
	}
	return text
}

// size writes bytes in powers of 1000 with four significant digits.
func size(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/1000, 0
	for v >= 1000 && i < len(units)-1 {
		v /= 1000
		i++
	}
	return fmt.Sprintf("%.4g %cB", v, units[i])
}

// Writer writes messages, each with one Write. It is safe for concurrent use.
type Writer struct {
	json bool
	now  func() time.Time

	mu sync.Mutex // one message at a time
	w  io.Writer
}

// NewWriter writes JSON objects to w, or text when asJSON is not set.
func NewWriter(w io.Writer, asJSON bool) *Writer {
	return &Writer{w: w, json: asJSON, now: time.Now}
}

func (w *Writer) write(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.w.Write(b)
	return err
}

// send writes a message and a line end: some programs read by lines.
func (w *Writer) send(m Message, text string) error {
	if !w.json {
		return w.write([]byte(text))
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return w.write(append(b, '\r', '\n'))
}

// Status sends a line about the object id ("" for none).
func (w *Writer) Status(id, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	return w.send(Message{Status: text, ID: id}, text+"\r\n")
}

// Stream sends output of the operation with its own line ends.
func (w *Writer) Stream(text string) error { return w.send(Message{Stream: text}, text+"\r") }

// Progress sends how far the action on the object id is.
func (w *Writer) Progress(id, action string, p Progress) error {
	text := p.Text(w.now())
	end := "\r"
	if text == "" {
		end = "\r\n"
	}
	return w.send(Message{Status: action, ProgressDetail: &p, Progress: text, ID: id}, action+" "+text+end)
}

// Aux sends a value for programs.
func (w *Writer) Aux(value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	raw := json.RawMessage(b)
	if !w.json {
		return nil
	}
	return w.send(Message{Aux: &raw}, "")
}

// Fail sends the failure that ends the stream. code is 0 or a number that
// clients know: an exit code, an HTTP status.
func (w *Writer) Fail(code int, err error) error {
	text := err.Error()
	return w.send(Message{ErrorDetail: &Error{Code: code, Message: text}, Error: text}, "Error: "+text+"\r\n")
}

// Reader counts what is read through it and sends progress: at every hundredth
// of the total or half a megabyte, whichever is less, and at the end.
type Reader struct {
	r          io.Reader
	w          *Writer
	id, action string
	progress   Progress
	step, last int64
}

// NewReader counts r. A total of 0 or less is not known.
func (w *Writer) NewReader(r io.Reader, total int64, id, action string) *Reader {
	const most = 512 << 10
	step := int64(most)
	if total > 0 {
		step = min(total/100, most)
	}
	return &Reader{r: r, w: w, id: id, action: action, step: step, progress: Progress{Total: max(total, 0), Start: w.now().Unix()}}
}

// Read passes on. A client that went away does not disturb the operation.
func (r *Reader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.progress.Current += int64(n)
	if moved := r.progress.Current - r.last; moved > r.step || err != nil && moved > 0 {
		r.last = r.progress.Current
		_ = r.w.Progress(r.id, r.action, r.progress)
	}
	return n, err
}
