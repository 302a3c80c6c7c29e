package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/enginejobs/docker/api"
)

// eventsStream runs the job events. The head goes out at once: a client that
// waits for it knows that it misses nothing from then on.
func eventsStream(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	out := &sink{w: x.w, code: http.StatusOK, media: eventsMedia(x.v, x.r.Header.Values("Accept")), flush: true, patience: x.s.patience}
	defer out.unhurry()
	if eventsDiffer(x.v) {
		job.Stdout.Add(&eventShaper{out: out, v: x.v, known: &x.s.shapedEvents, sequence: out.media == mediaSequence})
	} else {
		job.Stdout.Add(out)
	}
	if err := x.run(job); err != nil {
		return err
	}
	out.begin()
	return nil
}

// Names of a stream of events. All have a line each; a sequence says where one
// begins as well.
const (
	mediaJSON       = "application/json"
	mediaLines      = "application/x-ndjson"
	mediaJSONLines  = "application/jsonl"
	mediaSequence   = "application/json-seq"
	recordSeparator = 0x1e
)

// eventsMedia chooses the first of the media types that the client accepts and the
// version knows; without any it is what it always was.
func eventsMedia(v version, accept []string) string {
	if v < v1(52) {
		return mediaJSON
	}
	for _, list := range accept {
		for one := range strings.SplitSeq(list, ",") {
			name, _, _ := strings.Cut(one, ";")
			switch name = strings.ToLower(strings.TrimSpace(name)); {
			case name == mediaLines, name == mediaSequence, name == mediaJSON, name == mediaJSONLines && v >= v1(53):
				return name
			}
		}
	}
	return mediaJSON
}

// eventShaper edits a stream of events, one JSON object per line, for a version
// that knows other members.
type eventShaper struct {
	out   *sink
	v     version
	known *shapedEvents
	part  []byte // of a line that has not ended

	sequence bool // each event begins with a record separator (RFC 7464)
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
		one := e.known.shape(e.v, line)
		if e.sequence && len(one) > 0 {
			shaped = append(shaped, recordSeparator)
		}
		shaped, rest = append(shaped, one...), after
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
	lines [5]map[string][]byte // by the line of the job; for each class of versions
}

// eventClass tells which versions see an event alike: shapeEvent knows why.
func eventClass(v version) int {
	switch {
	case v < v1(19):
		return 0
	case v < v1(20):
		return 1
	case v < v1(22):
		return 2
	case v < v1(52):
		return 3
	}
	return 4
}

// keptShapes is how many of them are kept: more than follow each other closely.
const keptShapes = 64

// shape edits one line. It is empty when the version does not know such an event.
func (k *shapedEvents) shape(v version, line []byte) []byte {
	class := eventClass(v)
	k.mu.Lock()
	shaped, ok := k.lines[class][string(line)]
	k.mu.Unlock()
	if ok {
		return shaped
	}
	var event api.Event
	if json.Unmarshal(line, &event) == nil && shapeEvent(v, &event) {
		var b []byte
		var err error
		if v < v1(22) {
			b, err = json.Marshal(classicEvent{event.Status, event.ID, event.From, event.Time, event.TimeNano})
		} else {
			b, err = json.Marshal(&event)
		}
		if err == nil {
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

// classicEvent is an event below 1.22, its members in the order of then.
type classicEvent struct {
	Status   string `json:"status"`
	ID       string `json:"id,omitempty"`
	From     string `json:"from,omitempty"`
	Time     int64  `json:"time"`
	TimeNano int64  `json:"timeNano,omitempty"`
}

// shapeEvent edits one event; false means that the version does not know such.
func shapeEvent(v version, e *api.Event) bool {
	if v >= v1(52) {
		e.Status, e.ID, e.From = "", "", ""
	}
	if v >= v1(22) {
		return true
	}
	e.ID = strings.TrimPrefix(e.ID, "sha256:")
	if v < v1(20) {
		e.TimeNano = 0
	}
	// Engines of then told of KILL alone: what stops a container has an event of its own.
	minor := e.Status == "kill" && e.Actor.Attributes["signal"] != "9"
	return e.Status != "" && (v >= v1(19) || !minor)
}
