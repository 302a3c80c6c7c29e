package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// stopper is a call that may stop waiting for its turn to send.
type stopper = atomic.Bool

// call is one job on its way.
type call struct {
	id     uint32
	name   string // of the job
	c      *Conn
	out    queue  // what it has written and nobody has taken
	credit credit // of its input
	left   stopper

	mu    sync.Mutex // guards everything below
	files []*os.File
	over  bool
}

// errDone ends a queue after which the result is known.
var errDone = errors.New("done")

// Handle carries a job out on the other engine. It is an engine.Handler: put it
// on an engine as the catch-all, or under the names that the other side has.
func (c *Conn) Handle(job *engine.Job) error {
	files := job.Files
	job.Files = nil
	defer closeAll(files)
	if len(files) > MaxFiles {
		return errdefs.InvalidArgument("%d descriptors are too many for one job, %d are allowed", len(files), MaxFiles)
	}
	body := newChunk(4 << 10)
	message := encode(body.b[:0], job)
	defer body.release()
	if len(message)-4 > MaxCall {
		return errdefs.InvalidArgument("the name, arguments and env of job %s have %d bytes, %d are allowed", job.Name, len(message)-4, MaxCall)
	}
	k := &call{name: job.Name, c: c}
	k.out.open(c.window)
	k.credit.open(c.peer.Window)
	if err := c.register(k); err != nil {
		return err
	}
	defer k.forget()
	ctx := job.Context()
	stop := context.AfterFunc(ctx, func() { k.cancel(ctx.Err()) })
	defer stop()
	if err := k.send(job, message, files); err != nil {
		var refused *errdefs.Error // by the transport, which lives on
		if errors.As(err, &refused) {
			return err
		}
		k.lose(fmt.Errorf("job %s: %w", job.Name, gone(err))) // unless it was cancelled, or answered already
	}
	err := k.collect(job)
	if errdefs.Is(err, errdefs.KindCanceled) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		// Our Cancel was there before its own clock had run out.
		return fmt.Errorf("job %s: %w", job.Name, ctx.Err())
	}
	return err
}

// encode makes the message of a call.
func encode(b []byte, job *engine.Job) []byte {
	c := Call{Name: job.Name, Args: job.Args, Parent: job.ID()}
	if deadline, ok := job.Context().Deadline(); ok {
		c.Timeout = max(time.Until(deadline), time.Millisecond)
	}
	var via [MaxHops + 2]string
	c.Via = via[:0]
	if who := job.Caller(); who != nil {
		c.Trace = who.Trace
		c.Via = append(c.Via, who.Via...)
	}
	c.Via = append(c.Via, job.Eng.ID())
	for key, value := range job.Environ() {
		c.Env = append(c.Env, key, value)
	}
	return AppendCall(b, &c)
}

// send sends the call, and its input by another goroutine unless it lies ready.
func (k *call) send(job *engine.Job, message []byte, files []*os.File) error {
	for first := true; len(message) > k.c.cut; first = false {
		if err := k.transmit(&Frame{Type: FrameCall, More: true, Call: k.id, Payload: message[:k.c.cut]}, nil); err != nil {
			if !first {
				go k.breakOff()
			}
			return err
		}
		message = message[k.c.cut:]
	}
	last := Frame{Type: FrameCall, Call: k.id, Payload: message, Files: files}
	if job.Stdin.Source() == nil {
		return k.transmit(&last, &Frame{Type: FrameEOF, Call: k.id})
	}
	if err := k.transmit(&last, nil); err != nil {
		return err
	}
	go k.sendInput(job.Stdin)
	return nil
}

// breakOff ends a call of which not all parts were sent.
func (k *call) breakOff() {
	if k.c.t.Send(Frame{Type: FrameCancel, Call: k.id}) == nil {
		_ = k.c.t.Send(Frame{Type: FrameCall, Call: k.id}) // without a connection it has ended
	}
}

// transmit sends one frame or two, and gives up when the call was given up.
func (k *call) transmit(f, second *Frame) error {
	if k.c.batcher != nil {
		return k.c.batcher.SendPair(f, second, &k.left)
	}
	err := k.c.t.Send(*f)
	if err == nil && second != nil {
		err = k.c.t.Send(*second)
	}
	return err
}

// sendInput copies the job's stdin. The engine closes the input when the job has
// ended, which ends this goroutine.
func (k *call) sendInput(in *engine.Input) {
	buf := newChunk(k.c.cut)
	defer buf.release()
	for {
		n, err := in.Read(buf.b[:k.c.cut])
		for p := buf.b[:n]; len(p) > 0; {
			m, err := k.credit.take(len(p))
			if err != nil || k.c.t.Send(Frame{Type: FrameData, Call: k.id, Payload: p[:m]}) != nil {
				return
			}
			p = p[m:]
		}
		if err != nil {
			k.mu.Lock()
			over := k.over
			k.mu.Unlock()
			if !over {
				_ = k.c.t.Send(Frame{Type: FrameEOF, Call: k.id}) // without a connection the call ends anyway
			}
			return
		}
	}
}

// cancel asks the other side to end the job, and stops waiting for it when that
// takes too long.
func (k *call) cancel(why error) {
	time.AfterFunc(k.c.grace, func() {
		k.left.Store(true)
		k.fail(why)
		if k.c.batcher != nil {
			k.c.batcher.PokeSenders(&k.left)
		}
	})
	_ = k.c.t.Send(Frame{Type: FrameCancel, Call: k.id}) // without a connection the call ends anyway
}

// collect writes the output of the job and returns its result.
func (k *call) collect(job *engine.Job) error {
	for {
		b, err := k.out.pop()
		if err != nil {
			return k.result(job, err)
		}
		to := job.Stdout
		if b.kind == FrameErr {
			to = job.Stderr
		}
		n := b.w - b.r
		_, err = to.Write(b.b[b.r:b.w])
		b.release()
		if err != nil {
			k.fail(err)
			_ = k.transmit(&Frame{Type: FrameCancel, Call: k.id}, nil) // nobody takes the rest
			return err
		}
		if more := k.out.grant(n); more > 0 {
			window := windowFrame(k.id, more)
			_ = k.transmit(&window, nil) // without a connection the call ends anyway
		}
	}
}

func (k *call) result(job *engine.Job, err error) error {
	if !errors.Is(err, errDone) {
		return err
	}
	k.mu.Lock()
	files := k.files
	k.files = nil
	k.mu.Unlock()
	for _, f := range files {
		job.AddResultFile(f)
	}
	return nil
}

// finish notes the result, which comes after all output.
func (k *call) finish(result error, files []*os.File) {
	k.mu.Lock()
	k.over = true
	if result == nil && k.files == nil {
		k.files, files = files, nil
	}
	k.mu.Unlock()
	closeAll(files)
	if result == nil {
		result = errDone
	}
	k.out.end(result)
	k.credit.end(io.ErrClosedPipe)
}

// fail ends the call at once, unless its result is there.
func (k *call) fail(err error) {
	k.mu.Lock()
	over := k.over
	k.over = true
	k.mu.Unlock()
	if !over {
		k.out.abandon(err)
		k.credit.end(err)
	}
}

// lose ends the call after what has arrived: the connection is gone.
func (k *call) lose(err error) {
	k.mu.Lock()
	k.over = true
	k.mu.Unlock()
	k.out.end(err) // keeps the result, where there is one
	k.credit.end(err)
}

// forget ends the call on this side.
func (k *call) forget() {
	k.c.forget(k)
	k.mu.Lock()
	k.over = true
	files := k.files
	k.files = nil
	k.mu.Unlock()
	closeAll(files)
	k.out.abandon(io.ErrClosedPipe)
	k.credit.end(io.ErrClosedPipe)
}
