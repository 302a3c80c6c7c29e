package remote

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"sync"

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
	head.Set(HeaderName, headerText(job.Name))
	for _, arg := range job.Args {
		head.Add(HeaderArgs, headerText(arg))
	}
	w.WriteHeader(http.StatusOK)
	out := &flushing{w: w, gate: gate{control: http.NewResponseController(w)}}
	defer out.end()
	job.Stdout.Add(out)
	job.Stderr.Add(out)
	err := job.Start()
	if err == nil {
		err = job.Wait()
	}
	out.shut()
	if err != nil {
		_, _ = fmt.Fprintln(out, err)
	}
	head.Set(HeaderStatus, strconv.Itoa(int(job.Status())))
}

// headerText makes spaces of the bytes that would break an answer for its reader;
// net/http does so for the ends of lines only.
func headerText(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			b[i] = ' '
		}
	}
	return string(b)
}

// flushing sends every write to the client at once. Both outputs share it.
type flushing struct {
	gate
	turn  sync.Mutex // writers take turns
	w     io.Writer
	ended bool
}

func (f *flushing) Write(p []byte) (int, error) {
	f.turn.Lock()
	defer f.turn.Unlock()
	if f.ended {
		return 0, io.ErrClosedPipe
	}
	n, err := f.w.Write(p)
	if err == nil {
		err = f.control.Flush()
	}
	return n, err
}

// end keeps a handler that outlives its request away from it.
func (f *flushing) end() {
	f.turn.Lock()
	defer f.turn.Unlock()
	f.ended = true
}
