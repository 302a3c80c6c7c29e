package registrytest

import (
	"bytes"
	"net/http"
	"strings"
	"time"
)

// Fault is what goes wrong with some requests.
type Fault struct {
	Method string // "" for any
	Path   string // a part of the path; "" for any
	Skip   int    // requests that go well before
	Times  int    // how often; 0: for ever

	Status     int           // answers this, with RetryAfter seconds when that is set
	RetryAfter string        // header
	Redirect   string        // answers with a redirect there
	Cut        int           // bytes of the body that come before the connection breaks; see CutAt0
	CutAt0     bool          // the connection breaks before the answer
	Flip       bool          // a bit of the body is wrong
	Extra      int           // bytes that come behind the body, without a Content-Length
	Huge       int           // answers with so many bytes of nothing
	Drip       time.Duration // between the bytes of the body
	Stall      time.Duration // before anything comes, after Cut bytes of the body
	NoRange    bool          // Range is not understood

	seen int
}

// Fail adds a fault; the first one that fits a request makes it go wrong.
func (r *Registry) Fail(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, &f)
}

// Heal takes all faults away.
func (r *Registry) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = nil
}

// faultFor picks the fault of a request. r.mu is held.
func (r *Registry) faultFor(q *http.Request) *Fault {
	for _, f := range r.faults {
		if f.Method != "" && f.Method != q.Method || !strings.Contains(q.URL.Path, f.Path) {
			continue
		}
		f.seen++
		if f.seen <= f.Skip || f.Times > 0 && f.seen > f.Skip+f.Times {
			continue
		}
		return f
	}
	return nil
}

// recorded is an answer that is not sent yet.
type recorded struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) WriteHeader(code int)        { r.code = code }
func (r *recorded) Write(b []byte) (int, error) { return r.body.Write(b) }

// serve makes a request go wrong. It tells whether it has answered.
func (f *Fault) serve(w http.ResponseWriter, q *http.Request, answer func(http.ResponseWriter)) bool {
	switch {
	case f.Status != 0:
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		problem(w, f.Status, "FAULT", "on command")
		return true
	case f.Redirect != "":
		http.Redirect(w, q, f.Redirect, http.StatusTemporaryRedirect)
		return true
	case f.Huge > 0:
		zeros := make([]byte, 64<<10)
		for sent := 0; sent < f.Huge; sent += len(zeros) {
			if _, err := w.Write(zeros); err != nil {
				break
			}
		}
		return true
	}
	if f.NoRange {
		q.Header.Del("Range")
	}
	rec := &recorded{header: w.Header(), code: http.StatusOK}
	answer(rec)
	body := rec.body.Bytes()
	if f.Flip && len(body) > 0 {
		body[len(body)/2] ^= 1
	}
	if f.Extra > 0 {
		body = append(body, make([]byte, f.Extra)...)
		w.Header().Del("Content-Length")
	}
	if f.CutAt0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(rec.code)
	switch {
	case f.Drip > 0:
		for i := range body {
			if _, err := w.Write(body[i : i+1]); err != nil {
				return true
			}
			flush(w)
			select {
			case <-time.After(f.Drip):
			case <-q.Context().Done():
				return true
			}
		}
	case f.Stall > 0:
		_, _ = w.Write(body[:min(f.Cut, len(body))])
		flush(w)
		select {
		case <-time.After(f.Stall):
		case <-q.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case f.Cut > 0:
		_, _ = w.Write(body[:min(f.Cut, len(body))])
		flush(w)
		panic(http.ErrAbortHandler)
	default:
		_, _ = w.Write(body)
	}
	return true
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
