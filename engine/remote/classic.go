package remote

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/engine"
)

// classic is the form that Docker 0.8 to 1.6 had (engine/http.go there): the
// last segment of the path is the name, every query parameter "a" an argument.
//
// The method is ignored, the request body is not the Stdin of the job and no env
// can be set, so a job can be run but not configured. The status is always 200
// and sent before the job runs; stdout and stderr are interleaved in the body as
// they are written, followed by the error of a job that failed. The job ends
// when the caller leaves. Its exit status is in the trailer Job-Status, which
// the original did not have.
func (h *handler) classic(w http.ResponseWriter, r *http.Request) {
	caller := callerOf(r)
	job := h.eng.Job(path.Base(r.URL.Path), r.URL.Query()["a"]...)
	job.SetContext(engine.WithCaller(r.Context(), &caller))
	head := w.Header()
	head.Set("Trailer", HeaderStatus)
	head.Set(HeaderName, job.Name)
	for _, arg := range job.Args {
		head.Add(HeaderArgs, arg)
	}
	w.WriteHeader(http.StatusOK)
	out := &flushing{w: w, control: http.NewResponseController(w)}
	defer out.end()
	job.Stdout.Add(out)
	job.Stderr.Add(out)
	err := job.Start()
	if err == nil {
		err = job.Wait()
	}
	if out.cut.Load() {
		_ = out.control.SetWriteDeadline(time.Time{}) // the result is still to be sent
	}
	if err != nil {
		_, _ = fmt.Fprintln(out, err)
	}
	head.Set(HeaderStatus, strconv.Itoa(int(job.Status())))
}

// flushing sends every write to the client at once. Both outputs share it.
type flushing struct {
	mu      sync.Mutex // writers take turns
	w       io.Writer
	control *http.ResponseController
	over    bool
	cut     atomic.Bool // the engine closed the streams of the job
}

func (f *flushing) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return 0, io.ErrClosedPipe
	}
	n, err := f.w.Write(p)
	if err == nil {
		err = f.control.Flush()
	}
	return n, err
}

// SetWriteDeadline lets the engine wake a write that hangs.
func (f *flushing) SetWriteDeadline(t time.Time) error {
	f.cut.Store(true)
	return f.control.SetWriteDeadline(t)
}

// end keeps a handler that outlives its request away from it.
func (f *flushing) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
}
