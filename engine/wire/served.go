package wire

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// served is one job of a session.
type served struct {
	s      *session
	id     uint32
	job    *engine.Job
	stop   context.CancelFunc // nil: the call has no deadline
	stdin  queue
	credit credit // of its output
	caller engine.Caller
}

func (s *session) newServed(id uint32, c *Call, files []*os.File) *served {
	j := &served{s: s, id: id, caller: s.caller}
	j.stdin.open(s.window)
	j.credit.open(s.peer.Window)
	j.caller.Via, j.caller.Parent, j.caller.Trace = c.Via, c.Parent, c.Trace
	ctx := engine.WithCaller(s.base, &j.caller)
	if c.Timeout > 0 {
		ctx, j.stop = context.WithTimeout(ctx, c.Timeout)
	}
	job := s.eng.Job(c.Name, c.Args...).SetContext(ctx)
	for i := 0; i < len(c.Env); i += 2 {
		job.Setenv(c.Env[i], c.Env[i+1])
	}
	job.Files = files
	job.Stdout.Add(&output{j, FrameOut})
	job.Stderr.Add(&output{j, FrameErr})
	j.job = job
	return j
}

// carryOut runs the job and sends its result.
func (s *session) carryOut(j *served) {
	defer s.settled()
	err := j.job.Stdin.AddCloser((*input)(j))
	if err == nil {
		err = j.job.Run()
	}
	s.forget(j)
	if j.stop != nil {
		j.stop()
	}
	j.stdin.abandon(io.ErrClosedPipe)
	j.credit.end(io.ErrClosedPipe)
	var files []*os.File
	if err == nil {
		files = j.job.ResultFiles()
	}
	if len(files) > MaxFiles {
		err = errdefs.Internal("job %s hands out %d descriptors, %d are allowed", j.job.Name, len(files), MaxFiles)
	}
	var room [256]byte
	f := Frame{Type: FrameResult, Call: j.id, Payload: AppendResult(room[:0], err)}
	if err == nil {
		f.Files = files
	}
	if serr := s.t.Send(f); serr != nil && len(f.Files) > 0 {
		// Where descriptors cannot travel the caller has to hear it. Without a
		// connection there is nobody to tell.
		_ = s.t.Send(Frame{Type: FrameResult, Call: j.id, Payload: AppendResult(nil, serr)})
	}
	closeAll(files)
}

// output is a destination of a job: the caller's end of the connection.
type output struct {
	j    *served
	kind byte
}

// Write sends p as far as the caller has room for it, and waits for more room.
func (o *output) Write(p []byte) (int, error) {
	s := o.j.s
	for done := 0; ; {
		n := 0
		if done < len(p) {
			var err error
			if n, err = o.j.credit.take(min(len(p)-done, s.cut)); err != nil {
				return done, err
			}
		}
		if err := s.t.Send(Frame{Type: o.kind, Call: o.j.id, Payload: p[done : done+n]}); err != nil {
			return done, gone(err)
		}
		if done += n; done == len(p) {
			return done, nil
		}
	}
}

// SetWriteDeadline with a time that has passed makes writes that wait for room
// fail: the engine does so when a cancelled job does not end.
func (o *output) SetWriteDeadline(t time.Time) error {
	if !t.IsZero() && !t.After(time.Now()) {
		o.j.credit.end(os.ErrDeadlineExceeded)
	}
	return nil
}

// input is the source of a job's stdin.
type input served

// Read waits for bytes, and tells the caller that it may send more.
func (i *input) Read(p []byte) (int, error) {
	n, err := i.stdin.read(p)
	i.grant(n)
	return n, err
}

// WriteTo copies all there is without a buffer in between.
func (i *input) WriteTo(w io.Writer) (int64, error) {
	var all int64
	for {
		c, err := i.stdin.pop()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		n, err := w.Write(c.b[c.r:c.w])
		size := c.w - c.r
		c.release()
		all += int64(n)
		if err != nil {
			return all, err
		}
		i.grant(size)
	}
}

func (i *input) grant(n int) {
	if more := i.stdin.grant(n); more > 0 {
		_ = i.s.t.Send(windowFrame(i.id, more)) // without a connection the reads fail
	}
}

// Close ends the reading: what arrives later is dropped.
func (i *input) Close() error {
	i.stdin.abandon(io.ErrClosedPipe)
	return nil
}
