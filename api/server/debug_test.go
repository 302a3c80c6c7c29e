package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
)

// TestDebugPages: the runtime's figures are there with -D, and on unix sockets only;
// a version does not belong to their paths.
func TestDebugPages(t *testing.T) {
	for name, c := range map[string]struct {
		debug               bool
		method, path, where string
		want                int
	}{
		"off":            {false, "GET", "/debug/pprof/", "unix", 404},
		"off, variables": {false, "GET", "/debug/vars", "unix", 404},
		"index":          {true, "GET", "/debug/pprof/", "unix", 200},
		"variables":      {true, "GET", "/debug/vars", "unix", 200},
		"command line":   {true, "GET", "/debug/pprof/cmdline", "unix", 200},
		"symbols":        {true, "POST", "/debug/pprof/symbol", "unix", 200},
		"goroutines":     {true, "GET", "/debug/pprof/goroutine?debug=1", "unix", 200},
		"profile":        {true, "GET", "/debug/pprof/nosuch", "unix", 404},
		"path":           {true, "GET", "/debug/nosuch", "unix", 404},
		"version":        {true, "GET", "/v1.41/debug/pprof/", "unix", 404},
		"tcp":            {true, "GET", "/debug/pprof/", "tcp", 403},
		"nobody":         {true, "GET", "/debug/pprof/heap", "", 403},
	} {
		srv := New(enginetest.New(t), Options{Debug: c.debug})
		r := httptest.NewRequest(c.method, c.path, http.NoBody)
		r = r.WithContext(engine.WithCaller(r.Context(), &engine.Caller{Network: c.where}))
		w := httptest.NewRecorder()
		srv.Handler("").ServeHTTP(w, r)
		if w.Code != c.want || w.Header().Get("Api-Version") == "" {
			t.Errorf("%s: %d %.80s %v", name, w.Code, w.Body, w.Header())
		}
	}
}
