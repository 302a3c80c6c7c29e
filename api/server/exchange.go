package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/gorilla/mux"
)

// exchange is one request on its way through the server.
type exchange struct {
	s        *Server
	w        *response
	r        *http.Request
	v        version
	explicit bool // the path named the version
	vars     map[string]string
	form     url.Values // query, and body when it is a form; see values
}

// serve is the life of a request: headers, version, route, job, answer.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, cors string) {
	r = accountable(r)
	x := &exchange{s: s, w: &response{ResponseWriter: w}, r: r}
	defer x.recover()
	s.setHeaders(w.Header(), cors)

	if strings.HasPrefix(r.URL.Path, jobsPath) {
		s.jobs.ServeHTTP(x.w, r)
		return
	}
	if s.debug != nil && strings.HasPrefix(r.URL.Path, "/debug/") {
		s.inspect(x)
		return
	}
	if clean := cleanPath(r.URL.Path); clean != r.URL.Path {
		target := *r.URL
		target.Path, target.RawPath = clean, ""
		http.Redirect(x.w, r, target.String(), http.StatusMovedPermanently)
		return
	}
	x.v, r.URL.Path, x.explicit = splitVersion(r.URL.Path)
	if r.Method == http.MethodOptions {
		x.w.WriteHeader(http.StatusOK)
		return
	}
	row := s.find(x)
	if row == nil {
		x.notFound()
		return
	}
	if err := checkVersion(x.v); err != nil {
		x.fail(err)
		return
	}
	if err := fromElsewhere(r, row.method != http.MethodGet && row.method != http.MethodHead, cors); err != nil {
		x.fail(err)
		return
	}
	s.log.Debugf("%s %s", r.Method, row.shown(r))
	if row.changesState() {
		s.changes.enter()
		defer s.changes.leave()
	}
	if err := row.answer(x); err != nil {
		x.fail(err)
	}
}

// find is the row of a request, or nil. Rows without variables need no router.
func (s *Server) find(x *exchange) *route {
	if row := s.plain[place{x.r.Method, x.r.URL.Path}]; row != nil {
		return row
	}
	var match mux.RouteMatch
	if !s.router.Match(x.r, &match) || match.MatchErr != nil {
		return nil
	}
	row, _ := match.Handler.(*route)
	x.vars = match.Vars
	return row
}

// shown is what the log says of a request: its address, without the query where
// people put passwords into that (the URL of an image, arguments of a build).
func (row *route) shown(r *http.Request) string {
	if row.job == "import" || row.job == "build" {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return path
	}
	return r.RequestURI
}

// checkVersion refuses versions outside of what the server speaks.
func checkVersion(v version) error {
	switch {
	case v > newest:
		return errdefs.InvalidArgument("client version %s is too new. Maximum supported API version is %s", v, api.Version)
	case v < oldest:
		return errdefs.InvalidArgument("client version %s is too old. Minimum supported API version is %s, "+
			"please upgrade your client to a newer version", v, api.MinVersion)
	}
	return nil
}

// cleanPath removes //, /./ and /../, and keeps a trailing slash.
func cleanPath(p string) string {
	if p == "" {
		return "/"
	}
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") {
		return p
	}
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// recover turns a defect in a handler into a 500, and keeps the daemon up. The
// deliberate abort of a cut answer passes.
func (x *exchange) recover() {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		panic(p)
	default:
		x.s.log.Errorf("%s %s: panic: %v\n%s", x.r.Method, x.r.URL.Path, p, debug.Stack())
		switch {
		case x.w.hijacked:
		case x.w.begun:
			panic(http.ErrAbortHandler)
		default:
			x.message(http.StatusInternalServerError, "the engine made a mistake while answering; its log has the details")
		}
	}
}

// job makes the job of a request: it ends when the client leaves, and runs on
// the account of the client (see accountable).
func (x *exchange) job(ctx context.Context, name string, args ...string) *engine.Job {
	return x.s.eng.Job(name, args...).SetContext(ctx)
}

// How much of a body is read that its job had no use for, and how long: a client
// that finds its connection closed while it sends does not look for the answer.
const (
	restSize = 64 << 20
	restTime = 500 * time.Millisecond
)

// duplex lets a job report while it reads the body: without it the server would
// throw a part of the body away at the first report. The function that it returns
// reads what the job has left, when that is not much: if net/http found the end of
// the body after the answer, it would give the connection up (and write to the log
// that it reads twice at a time). When there is more, net/http ends the connection
// in a way that lets the client read its answer.
func (x *exchange) duplex() (end func()) {
	control := http.NewResponseController(x.w)
	if control.EnableFullDuplex() != nil {
		return func() {} // HTTP/2 can do it anyway
	}
	return func() {
		_ = control.SetReadDeadline(time.Now().Add(restTime)) // a connection without deadlines is one of tests
		_, _ = io.CopyN(io.Discard, x.r.Body, restSize)
		_ = control.SetReadDeadline(time.Time{})
	}
}

// run runs a job of a route.
func (x *exchange) run(job *engine.Job) error {
	err := job.Run()
	if errdefs.Is(err, errdefs.KindUnknownJob) {
		return noJob(job.Name)
	}
	return err
}

// response remembers whether an answer has begun.
type response struct {
	http.ResponseWriter
	begun    bool
	hijacked bool
	lost     bool // the client could not be written to: it has left
}

// WriteHeader sends the status, once.
func (w *response) WriteHeader(status int) {
	if w.begun {
		return
	}
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body.
func (w *response) Write(p []byte) (int, error) {
	w.begun = true
	n, err := w.ResponseWriter.Write(p)
	w.lost = w.lost || err != nil
	return n, err
}

// put writes to a client that may be gone; there is nobody to tell.
func (w *response) put(p []byte) {
	_, err := w.Write(p)
	_ = err
}

// Hijack gives the connection as it was accepted.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if c, ok := conn.(*plainConn); ok {
		conn = c.Conn
	}
	return conn, buffered, err
}

// Unwrap lets http.ResponseController see the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// sink is the response as a job's Stdout. The status goes out with the first
// write; before that an error can still change it.
type sink struct {
	w     *response
	code  int
	media string
	flush bool // after each write
	// patience is how long a client may take to read a large part, or one that is
	// flushed; 0: any time. What waits for it is a running job, or a document in
	// memory.
	patience time.Duration
	hurried  bool // a deadline is set
}

// large is what the buffers of a connection do not take as a whole.
const large = 64 << 10

var _ io.Writer = (*sink)(nil)

// Write sends p. Where writes are flushed, one of no bytes sends the head.
func (s *sink) Write(p []byte) (int, error) {
	if len(p) == 0 && !s.flush {
		return 0, nil
	}
	s.begin()
	if s.patience > 0 && (len(p) >= large || s.flush) {
		s.hurried = true
		_ = http.NewResponseController(s.w).SetWriteDeadline(time.Now().Add(s.patience)) // a recorder of a test has none
	}
	n, err := s.w.Write(p)
	if err == nil && s.flush {
		err = http.NewResponseController(s.w).Flush()
		s.w.lost = s.w.lost || err != nil
	}
	return n, err
}

// unhurry takes the deadline off the connection, for the next answer.
func (s *sink) unhurry() {
	if s.hurried {
		_ = http.NewResponseController(s.w).SetWriteDeadline(time.Time{})
	}
}

// begin sends the head of the answer if that has not happened.
func (s *sink) begin() {
	if s.w.begun {
		return
	}
	if s.media != "" {
		s.w.Header().Set("Content-Type", s.media)
	}
	s.w.WriteHeader(s.code)
}
