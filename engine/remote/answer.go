package remote

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/wire"
)

// answer is the response of a job in the plain form. Its head is sent with the
// first byte of output, so that a job that fails before has a status of its own.
type answer struct {
	gate
	w      http.ResponseWriter
	job    *engine.Job
	in     *stdin // nil: there was no body
	http1  bool
	framed bool // Out, Err and Result frames instead of bare bytes
	pack   bool // the caller takes gzip, and it pays

	turn  sync.Mutex // writers take turns; guards everything below
	dst   io.Writer
	gz    *gzip.Writer
	frame []byte // memory for the frame that is being sent
	begun bool
	ended bool
}

func newAnswer(w http.ResponseWriter, r *http.Request, control *http.ResponseController, job *engine.Job, in *stdin) *answer {
	return &answer{
		gate: gate{control: control}, w: w, job: job, in: in, dst: w,
		http1:  r.ProtoMajor == 1,
		framed: accepts(r.Header, "Accept", FramesType),
		pack:   accepts(r.Header, "Accept-Encoding", "gzip") && !onUnix(r),
	}
}

// accepts tells whether a word is in a header such as Accept and not refused
// there with a weight of zero.
func accepts(h http.Header, name, word string) bool {
	for _, value := range h[name] {
		for part := range strings.SplitSeq(value, ",") {
			is, weight, _ := strings.Cut(part, ";")
			weight = strings.ReplaceAll(weight, " ", "")
			if strings.EqualFold(strings.TrimSpace(is), word) {
				return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || !strings.HasPrefix(weight, "q=")
			}
		}
	}
	return false
}

// port is one of the two outputs of the job.
type port struct {
	*answer
	kind byte // the type of its frames
}

func (a *answer) stdout() port { return port{a, wire.FrameOut} }
func (a *answer) stderr() port { return port{a, wire.FrameErr} }

// Write sends p at once.
func (p port) Write(b []byte) (int, error) {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.ended {
		return 0, io.ErrClosedPipe
	}
	p.begin()
	if err := p.send(p.kind, b); err != nil {
		return 0, err
	}
	return len(b), p.flush()
}

// begin sends the head, once. Call it with the lock held.
func (a *answer) begin() {
	if a.begun {
		return
	}
	a.begun = true
	h := a.w.Header()
	h.Set(HeaderProtocol, Protocol)
	h.Set(HeaderID, a.job.ID())
	h.Set("Trailer", strings.Join([]string{HeaderStatus, HeaderErrorKind, HeaderErrorCode, HeaderError}, ", "))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "application/octet-stream")
	if a.framed {
		h.Set("Content-Type", FramesType)
	}
	if a.pack {
		h.Set("Content-Encoding", "gzip")
		h.Set("Vary", "Accept, Accept-Encoding")
		// The level is the fastest one: a stream is flushed at every write.
		a.gz, _ = gzip.NewWriterLevel(a.w, gzip.BestSpeed) // the level is a valid one
		a.dst = a.gz
	}
	a.closing()
	a.w.WriteHeader(http.StatusOK)
}

// closing announces the end of a connection on which a part of the body is still
// to come: it is not read after the job, so no request can follow it. A stream
// of HTTP/2 ends alone.
func (a *answer) closing() {
	if a.http1 && a.in != nil && !a.in.ended() {
		a.w.Header().Set("Connection", "close")
	}
}

// send writes output, framed when the caller wants that.
func (a *answer) send(kind byte, b []byte) error {
	if !a.framed {
		_, err := a.dst.Write(b)
		return err
	}
	for first := true; first || len(b) > 0; first = false {
		n := min(len(b), wire.MaxPayload)
		a.frame = wire.AppendFrame(a.frame[:0], wire.Frame{Type: kind, Call: 1, Payload: b[:n]})
		if _, err := a.dst.Write(a.frame); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (a *answer) flush() error {
	if a.gz != nil {
		if err := a.gz.Flush(); err != nil {
			return err
		}
	}
	return a.control.Flush()
}

// end sends the result of the job. A handler that outlives its cancelled job
// writes nothing after it.
func (a *answer) end(err error) {
	a.turn.Lock()
	defer a.turn.Unlock()
	a.ended = true
	a.shut()
	if !a.begun && err != nil {
		a.closing()
		a.w.Header().Set(HeaderID, a.job.ID())
		fail(a.w, err)
		return
	}
	a.begin()
	if a.framed {
		result := wire.Frame{Type: wire.FrameResult, Call: 1, Payload: wire.AppendResult(nil, err)}
		_, _ = a.dst.Write(wire.AppendFrame(nil, result)) // the caller may have left
	}
	if a.gz != nil {
		_ = a.gz.Close()
	}
	setResult(a.w.Header(), err)
}
