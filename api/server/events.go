package server

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// eventsStream runs the job events. The head goes out at once: a client that
// waits for it knows that it misses nothing from then on.
func eventsStream(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	out := &sink{w: x.w, code: http.StatusOK, media: "application/json", flush: true}
	if eventsDiffer(x.v) {
		job.Stdout.Add(&eventShaper{out: out, v: x.v})
	} else {
		job.Stdout.Add(out)
	}
	if err := x.run(job); err != nil {
		return err
	}
	out.begin()
	return nil
}

// eventShaper edits a stream of events, one JSON object per line, for a version
// that knows other members.
type eventShaper struct {
	out  *sink
	v    version
	part []byte // of a line that has not ended
}

// Write takes whole and partial lines.
func (e *eventShaper) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return e.out.Write(p)
	}
	e.part = append(e.part, p...)
	for {
		line, rest, whole := bytes.Cut(e.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		doc, err := decodeAny(line)
		e.part = rest
		m, ok := doc.(members)
		if err != nil || !ok || !shapeEvent(e.v, m) {
			continue
		}
		if line, err = json.Marshal(m); err != nil {
			return 0, err
		}
		if _, err := e.out.Write(append(line, '\n')); err != nil {
			return 0, err
		}
	}
}
