package remote

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// StatusClosed is the HTTP status of a job that its caller cancelled. It has no
// place in the standard; nginx made it known.
const StatusClosed = 499

// httpStatus gives the HTTP status of a failure. A switch, so that a kind that
// is added without a line here is seen as what it is: unknown, 500.
func httpStatus(err error) int {
	var large tooLarge
	if errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge
	}
	switch errdefs.KindOf(err) {
	case errdefs.KindInvalidArgument:
		return http.StatusBadRequest
	case errdefs.KindNotFound, errdefs.KindUnknownJob:
		return http.StatusNotFound
	case errdefs.KindConflict:
		return http.StatusConflict
	case errdefs.KindNotModified:
		return http.StatusNotModified
	case errdefs.KindUnauthorized:
		return http.StatusUnauthorized
	case errdefs.KindForbidden:
		return http.StatusForbidden
	case errdefs.KindUnavailable:
		return http.StatusServiceUnavailable
	case errdefs.KindNotImplemented:
		return http.StatusNotImplemented
	case errdefs.KindCanceled:
		return StatusClosed
	case errdefs.KindDeadline:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// Failure is the JSON body of an answer that is not 200.
type Failure struct {
	Message string `json:"message"`
	Kind    string `json:"kind"`
	Code    int    `json:"code,omitempty"`
}

// refuse answers a request whose body was not touched with a failure. A caller
// may wait for the answer before it sends more, so the body is not waited for.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if hasBody(r) && r.ProtoMajor == 1 {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex() // else the server reads a part of the body first
		_ = control.SetReadDeadline(time.Now().Add(lingering))
		w.Header().Set("Connection", "close")
	}
	fail(w, err)
}

// fail sends a failure.
func fail(w http.ResponseWriter, err error) {
	setResult(w.Header(), err)
	h := w.Header()
	h.Set(HeaderProtocol, Protocol)
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	text, jerr := json.Marshal(Failure{err.Error(), errdefs.KindOf(err).String(), codeOf(err)})
	if jerr != nil { // two strings and a number always marshal
		text = nil
	}
	w.WriteHeader(httpStatus(err))
	_, _ = w.Write(append(text, '\n')) // a status without a body drops it
}

// setResult puts the result of a job into headers or trailers.
func setResult(h http.Header, err error) {
	h.Set(HeaderStatus, strconv.Itoa(int(engine.StatusOf(err))))
	if err == nil {
		return
	}
	h.Set(HeaderErrorKind, errdefs.KindOf(err).String())
	h.Set(HeaderError, escape(err.Error()))
	if code := codeOf(err); code != 0 {
		h.Set(HeaderErrorCode, strconv.Itoa(code))
	}
}

// codeOf is the number that travels with an error, or 0.
func codeOf(err error) int {
	var e *errdefs.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// maxError bounds the text of an error in a header. The body of an answer has
// it whole.
const maxError = 4 << 10

// escape makes a text fit for a header: every byte that is not printable ASCII,
// and '%', is percent-encoded.
func escape(text string) string {
	const digits = "0123456789ABCDEF"
	if len(text) > maxError {
		text = text[:maxError]
	}
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
