package server

import (
	"expvar"
	"net/http"
	"net/http/pprof"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// inspect serves the pages of debugHandler to clients on this host. They are no
// jobs, so no access rule speaks of them, and they show the memory of the daemon.
func (s *Server) inspect(x *exchange) {
	if c := engine.CallerOf(x.r.Context()); c.Network != "unix" {
		x.fail(errdefs.Forbidden("%s is served on unix sockets only; use one of this host", cut(x.r.URL.Path, 80)))
		return
	}
	s.debug.ServeHTTP(x.w, x.r)
}

// debugHandler serves the runtime's own figures, in debug mode only.
func debugHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/debug/vars", expvar.Handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index) // also heap, goroutine, block…
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
