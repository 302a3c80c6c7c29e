// Package jobhttp serves an engine in the classic HTTP form of a job: the last
// segment of the path is the name, every query parameter "a" is an argument,
// and the answer is what the job writes.
//
// It has no state, and is a package of its own so that programs which only run
// jobs do not link net/http. Start reading at Handler. It imports engine and
// nothing else of this module.
package jobhttp

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"sync"

	"github.com/enginejobs/docker/engine"
)

// The headers and trailers of the protocol.
const (
	HeaderName    = "Job-Name"
	HeaderArgs    = "Job-Args"
	TrailerStatus = "Job-Status"
)

// Handler makes an HTTP handler of an engine.
//
// The method is ignored; the request body is not the Stdin of the job and no env
// can be set, so a job can be run but not configured. The status is always 200
// and sent before the job runs; stdout and stderr are interleaved in the body as
// they are written, followed by the error of a job that failed. The job ends
// when the client leaves. Its exit status is in the trailer Job-Status, which
// the classic form did not have.
//
// There is no authentication: mount it behind something that has.
func Handler(eng *engine.Engine) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		job := eng.Job(path.Base(r.URL.Path), r.URL.Query()["a"]...).SetContext(r.Context())
		h := w.Header()
		h.Set("Trailer", TrailerStatus)
		h.Set(HeaderName, job.Name)
		for _, arg := range job.Args {
			h.Add(HeaderArgs, arg)
		}
		w.WriteHeader(http.StatusOK)
		out := &flushing{w: w}
		job.Stdout.Add(out)
		job.Stderr.Add(out)
		if err := job.Run(); err != nil {
			_, _ = fmt.Fprintln(out, err)
		}
		h.Set(TrailerStatus, fmt.Sprint(int(job.Status())))
	})
}

// flushing sends every write to the client at once. Both outputs share it.
type flushing struct {
	mu sync.Mutex // writers take turns
	w  io.Writer
}

func (f *flushing) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.w.Write(p)
	if fl, ok := f.w.(http.Flusher); ok {
		fl.Flush()
	}
	return n, err
}
