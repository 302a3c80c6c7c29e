package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// fail answers a request with an error: the status of its kind, and the message
// in the form that the version of the request expects. A body that has begun
// cannot change its status any more: it is cut, so that the client sees that it
// is not whole.
func (x *exchange) fail(err error) {
	kind := errdefs.KindOf(err)
	status := api.StatusOf(kind)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	if kind == errdefs.KindInternal && !x.w.lost {
		x.s.log.Errorf("%s %s: %v", x.r.Method, x.r.URL.Path, err)
	} else {
		x.s.log.Debugf("%s %s: %d %v", x.r.Method, x.r.URL.Path, status, err)
	}
	if x.w.begun {
		panic(http.ErrAbortHandler)
	}
	if status == http.StatusNotModified {
		x.w.WriteHeader(status)
		return
	}
	text := err.Error()
	var key *engine.KeyError
	if errors.As(err, &key) {
		text = wrongKey(key)
	}
	code := 0
	var e *errdefs.Error
	if errors.As(err, &e) {
		code = e.Code
	}
	x.answer(status, text, code)
}

// wrongKey says what is wrong with a parameter or a document to those who know it by
// no key of a job.
func wrongKey(e *engine.KeyError) string {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(e.Err, &wrong):
		return invalidJSON(wrong).Error()
	case e.Err != nil:
		return fmt.Sprintf("invalid value for %s: %v", e.Key, e.Err)
	}
	return "invalid value for " + e.Key + ": " + e.Must()
}

// notFound answers a path that no row of the table has.
func (x *exchange) notFound() {
	if x.textErrors() {
		x.message(http.StatusNotFound, "404 page not found")
		return
	}
	x.message(http.StatusNotFound, "page not found")
}

func (x *exchange) message(status int, text string) { x.answer(status, text, 0) }

// answer writes an error body. It always leaves the reader with a sentence:
// clients take an empty one for a version mismatch. code is 0 or the exit status
// that the failure stands for.
func (x *exchange) answer(status int, text string, code int) {
	text = strings.TrimSpace(text)
	if text == "" {
		text = http.StatusText(status)
	}
	h := x.w.Header()
	h.Del("Content-Length")
	if x.textErrors() {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		x.w.WriteHeader(status)
		x.w.put([]byte(text + "\n"))
		return
	}
	h.Set("Content-Type", "application/json")
	x.w.WriteHeader(status)
	body, err := json.Marshal(api.ErrorBody{Message: text, Code: code})
	if err != nil { // cannot be: a string and a number
		return
	}
	x.w.put(append(body, '\n'))
}

// textErrors tells whether the request predates JSON error bodies (1.24).
// Requests without a version speak the newest.
func (x *exchange) textErrors() bool { return x.explicit && x.v < v1(24) }

// noJob says what it means to a user that a route's job is not there.
func noJob(name string) error {
	return errdefs.NotImplemented("this engine cannot do that: it has no job %q", name)
}
