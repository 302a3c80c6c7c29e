package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
)

// eventsStream runs the job events. The head goes out at once: a client that
// waits for it knows that it misses nothing from then on.
func eventsStream(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	out := &sink{w: x.w, code: http.StatusOK, media: "application/json", flush: true, patience: x.s.patience}
	defer out.unhurry()
	if eventsDiffer(x.v) {
		job.Stdout.Add(&eventShaper{out: out, v: x.v, known: &x.s.shapedEvents})
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
	out   *sink
	v     version
	known *shapedEvents
	part  []byte // of a line that has not ended
}

// Write takes whole and partial lines.
func (e *eventShaper) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return e.out.Write(p)
	}
	rest := p
	if len(e.part) > 0 {
		e.part = append(e.part, p...)
		rest = e.part
	}
	var shaped []byte
	for {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if !whole {
			break
		}
		shaped, rest = append(shaped, e.known.shape(e.v, line)...), after
	}
	e.part = append([]byte(nil), rest...)
	if len(shaped) == 0 {
		return len(p), nil
	}
	if _, err := e.out.Write(shaped); err != nil {
		return 0, err
	}
	return len(p), nil
}

// shapedEvents are the latest events as they go out to other versions, so that
// each is edited once and not for every client that follows.
type shapedEvents struct {
	mu    sync.Mutex
	lines [2]map[string][]byte // by the line of the job; for versions below 1.22, and others
}

// keptShapes is how many of them are kept: more than follow each other closely.
const keptShapes = 64

// shape edits one line. It is empty when the version does not know such an event.
func (k *shapedEvents) shape(v version, line []byte) []byte {
	class := 0
	if v >= v1(22) {
		class = 1
	}
	k.mu.Lock()
	shaped, ok := k.lines[class][string(line)]
	k.mu.Unlock()
	if ok {
		return shaped
	}
	doc, err := decodeAny(line)
	if m, ok := doc.(members); ok && err == nil && shapeEvent(v, m) {
		if b, err := json.Marshal(m); err == nil {
			shaped = append(b, '\n')
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.lines[class]) >= keptShapes || k.lines[class] == nil {
		k.lines[class] = map[string][]byte{}
	}
	k.lines[class][string(line)] = shaped
	return shaped
}
