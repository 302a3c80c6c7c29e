package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/enginejobs/docker/engine"
)

// BenchmarkRequest is what the server adds to a job: routing, decoding,
// dispatch and encoding, without the network.
func BenchmarkRequest(b *testing.B) {
	eng := engine.New()
	for _, name := range []string{"containers", "stop", "container_inspect"} {
		eng.Replace(name, func(job *engine.Job) error {
			_, err := io.WriteString(job.Stdout, `{"Id":"x"}`+"\n")
			return err
		})
	}
	h := New(eng, Options{Version: "1.5.0"}).Handler("")
	for _, c := range []struct{ method, path string }{
		{"GET", "/_ping"}, {"GET", "/v1.50/containers/json?all=1"}, {"POST", "/v1.50/containers/abc/stop?t=1"}, {"GET", "/v1.50/containers/abc/json"},
	} {
		b.Run(c.method+c.path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(discard{http.Header{}}, httptest.NewRequest(c.method, c.path, nil))
			}
		})
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
