// Package server (imported as apiserver, always) owns the translation of HTTP
// into jobs: it matches the route, checks the API version, decodes path, query
// and body into the arguments and environment of a job, runs the job with the
// request's context, and encodes its result or its failure. It knows nothing
// else: whatever a route needs beyond that is missing from the job.
//
// Below /jobs/ every job of the engine can be run by name (package remote). Who
// asked goes with each job (caller.go); who may is the engine's to decide.
//
// Its state is the listeners of the job serveapi. Start reading at routes.go,
// the one table of all routes; then exchange.go, the life of one request. What
// differs between API versions is in normalise.go (on the way in) and the
// shape*.go files (on the way out). The package must never import daemon,
// graph or server; tests give it a bare engine with fake jobs.
package server

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
	"github.com/gorilla/mux"
)

// Logger is the log that a Server writes to; logrus satisfies it.
type Logger interface {
	Debugf(format string, args ...any)
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Options of a Server.
type Options struct {
	Log     Logger // nil discards
	Version string // of the engine, for the header Server
	Debug   bool   // serve /debug/vars and /debug/pprof
	// Getenv reads the environment that an init system hands listeners over with
	// (LISTEN_FDS, NOTIFY_SOCKET). Nil means an empty environment.
	Getenv func(string) string
	// Unsetenv forgets such a variable, so that children do not inherit it.
	Unsetenv func(string)
}

// Server answers HTTP requests with jobs of one engine.
type Server struct {
	eng    *engine.Engine
	opt    Options
	log    Logger
	router *mux.Router
	plain  map[place]*route // rows whose path has no variable
	debug  http.Handler
	jobs   http.Handler // below jobsPath
	same   [4]string    // headers of all answers; see setHeaders

	accept     chan struct{} // closed by the job acceptconnections
	acceptOnce sync.Once

	patience time.Duration // with readers of documents and events

	shapedEvents shapedEvents

	builds    builds
	changes   inFlight
	hurry     chan struct{} // closed by Hurry
	hurryOnce sync.Once
}

// New returns a server for the jobs of eng.
func New(eng *engine.Engine, opt Options) *Server {
	s := &Server{eng: eng, opt: opt, log: opt.Log, accept: make(chan struct{}), hurry: make(chan struct{}), patience: readTimeout}
	if s.log == nil {
		s.log = noLog{}
	}
	if s.opt.Getenv == nil {
		s.opt.Getenv = func(string) string { return "" }
	}
	if s.opt.Unsetenv == nil {
		s.opt.Unsetenv = func(string) {}
	}
	s.same = [4]string{api.Version, "false", "linux", "Docker/" + s.opt.Version + " (linux)"}
	table := routes()
	s.router, s.plain = newRouter(table), plainRows(table)
	s.jobs = remote.Handler(eng, remote.Options{})
	if opt.Debug {
		s.debug = debugHandler()
	}
	return s
}

// Install declares the jobs of this package.
func (s *Server) Install(eng *engine.Engine) error {
	return eng.Declare(
		s.declareAcceptConnections(),
		s.declareServeAPI(),
	)
}

// Handler returns the HTTP side. cors is the origin that web pages may have,
// "*" for any, "" for none.
func (s *Server) Handler(cors string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, cors)
	})
}

// newRouter binds the table. Paths carry no version here: serve takes it off.
func newRouter(table []route) *mux.Router {
	router := mux.NewRouter().SkipClean(true)
	for i := range table {
		row := &table[i]
		router.Methods(row.method).MatcherFunc(literally(row.path)).Path(row.path).Handler(row)
	}
	return router
}

// place is what a request asks for.
type place struct{ method, path string }

func plainRows(table []route) map[place]*route {
	rows := map[place]*route{}
	for i := range table {
		if row := &table[i]; !strings.Contains(row.path, "{") {
			rows[place{row.method, row.path}] = row
		}
	}
	return rows
}

// literally spares the router the regular expressions of rows whose fixed
// beginning and end do not fit: all but one or two of them.
func literally(path string) mux.MatcherFunc {
	prefix, rest, found := strings.Cut(path, "{")
	if !found {
		return func(r *http.Request, _ *mux.RouteMatch) bool { return r.URL.Path == path }
	}
	suffix := rest[strings.LastIndexByte(rest, '}')+1:]
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		p := r.URL.Path
		return len(p) > len(prefix)+len(suffix) && strings.HasPrefix(p, prefix) && strings.HasSuffix(p, suffix)
	}
}

// setHeaders marks every answer as ours.
func (s *Server) setHeaders(h http.Header, cors string) {
	h["Api-Version"] = s.same[:1:1]
	h["Docker-Experimental"] = s.same[1:2:2]
	h["Ostype"] = s.same[2:3:3]
	h["Server"] = s.same[3:4:4]
	if cors != "" {
		h.Set("Access-Control-Allow-Origin", cors)
		h.Set("Access-Control-Allow-Headers", "Origin, X-Requested-With, Content-Type, Accept, X-Registry-Auth")
		h.Set("Access-Control-Allow-Methods", "HEAD, GET, POST, DELETE, PUT, OPTIONS")
	}
}

type noLog struct{}

func (noLog) Debugf(string, ...any) {}
func (noLog) Infof(string, ...any)  {}
func (noLog) Warnf(string, ...any)  {}
func (noLog) Errorf(string, ...any) {}
