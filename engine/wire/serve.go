package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// ServeOptions configure Serve.
type ServeOptions struct {
	Caller    *engine.Caller // who is on the other side; jobs get it with via, parent and trace of their call
	MaxCalls  int            // at once; 0: DefaultMaxCalls
	Window    int            // bytes of input under way per call; 0: DefaultWindow
	KeepAlive time.Duration  // as in ConnOptions
	Hello     time.Duration  // as in ConnOptions
	Drain     time.Duration  // how long running jobs may go on after ctx has ended; 0: they are cancelled at once
}

const (
	maxParts     = 64          // calls of which the last part is not there yet
	maxPartBytes = 2 * MaxCall // what those have together
	maxIdle      = 64          // goroutines that wait for work
)

// session is the serving side of one connection. Its goroutines take turns: one
// receives; when it gets a call it passes that role on and carries the call out
// itself, so that no call waits for a goroutine to wake up.
type session struct {
	eng     *engine.Engine
	t       Transport
	keeper  keeper
	peer    *Hello
	caller  engine.Caller
	base    context.Context // of all jobs; it does not end
	calls   int             // at once
	window  int
	cut     int // the payload that output is cut into
	heard   atomic.Bool
	workers sync.WaitGroup
	role    chan struct{} // to an idle worker: receive from now on
	ended   chan struct{} // closed when nothing is received any more

	parts     map[uint32]*part // of the one that receives
	partBytes int

	mu       sync.Mutex // guards everything below
	jobs     map[uint32]*served
	active   int // jobs of which the result was not sent
	idle     int // workers that wait for the role
	over     bool
	draining bool
	quiet    chan struct{} // closed when draining and nothing is active
	err      error         // why nothing is received any more
}

// part is a call that has not arrived as a whole.
type part struct {
	body []byte
	want int  // bytes it says it has, with the length itself
	skip bool // it is too long and was refused
}

// Serve lets eng carry out the calls that arrive on t, until the peer leaves or
// ctx ends; it closes t. It returns when all jobs of the connection have ended:
// those that still run then are cancelled, which a handler may ignore. The error
// is not nil when there was no Hello, the protocol was broken, or the bytes end in
// the middle of a frame.
func Serve(ctx context.Context, eng *engine.Engine, t Transport, o ServeOptions) error {
	s := &session{
		eng: eng, t: t, base: context.WithoutCancel(ctx), calls: o.MaxCalls, window: o.Window, cut: payloadOf(t),
		role: make(chan struct{}, 1), ended: make(chan struct{}),
		parts: map[uint32]*part{}, jobs: map[uint32]*served{}, quiet: make(chan struct{}),
	}
	s.keeper, _ = t.(keeper)
	s.caller = engine.Caller{UID: -1, PID: -1}
	if o.Caller != nil {
		s.caller = *o.Caller
	}
	if s.calls <= 0 {
		s.calls = DefaultMaxCalls
	}
	if s.window <= 0 {
		s.window = DefaultWindow
	}
	stop := context.AfterFunc(ctx, func() { _ = t.Close() })
	peer, err := exchange(t, &Hello{ID: eng.ID(), MaxCalls: s.calls, Window: s.window}, o.Hello)
	if !stop() || err != nil {
		if ctx.Err() != nil {
			return t.Close()
		}
		return err
	}
	s.peer = peer
	defer context.AfterFunc(ctx, func() { s.leave(o.Drain) })()
	if o.KeepAlive > 0 {
		go keepAlive(t, o.KeepAlive, &s.heard, s.ended)
	}
	s.workers.Go(s.receive)
	s.workers.Wait()
	_ = t.Close() // may be closed already
	if ctx.Err() == nil && (errors.Is(s.err, errGarbage) || errors.Is(s.err, io.ErrUnexpectedEOF)) {
		return s.err
	}
	return nil // it left, be it without a word
}

// leave ends the connection from this side: no more calls, a time for those that
// run, then the end.
func (s *session) leave(patience time.Duration) {
	if patience > 0 {
		s.mu.Lock()
		s.draining = true
		if s.active == 0 {
			close(s.quiet)
		}
		s.mu.Unlock()
		go complain(s.t, errdefs.Unavailable("it is shutting down"))
		t := time.NewTimer(patience)
		defer t.Stop()
		select {
		case <-s.quiet:
		case <-s.ended:
		case <-t.C:
		}
		flush(s.t)
	}
	_ = s.t.Close() // wakes the receiver
}

// receive is the life of a worker, which begins with the role of the receiver.
func (s *session) receive() {
	for {
		j, err := s.next()
		if err != nil {
			s.finish(err)
			return
		}
		s.passRole()
		s.carryOut(j)
		if !s.await() {
			return
		}
	}
}

// passRole makes another worker the receiver.
func (s *session) passRole() {
	s.mu.Lock()
	idle := s.idle > 0
	if idle {
		s.idle--
	}
	s.mu.Unlock()
	if idle {
		s.role <- struct{}{} // there is one role, so this never waits
		return
	}
	s.workers.Go(s.receive)
}

// await waits for the role of the receiver. False: this worker is not needed.
func (s *session) await() bool {
	s.mu.Lock()
	if s.over || s.idle == maxIdle {
		s.mu.Unlock()
		return false
	}
	s.idle++
	s.mu.Unlock()
	select {
	case <-s.role:
		return true
	case <-s.ended:
		return false
	}
}

// finish is the last act of the receiver: all jobs lose their caller.
func (s *session) finish(err error) {
	if errors.Is(err, errGarbage) {
		bid(s.t, err)
	}
	_ = s.t.Close() // wakes those who send
	s.mu.Lock()
	s.over, s.err = true, err
	jobs := make([]*served, 0, len(s.jobs))
	for _, j := range s.jobs {
		jobs = append(jobs, j)
	}
	s.mu.Unlock()
	close(s.ended)
	for _, j := range jobs {
		j.job.Cancel()
		j.stdin.abandon(io.ErrUnexpectedEOF)
		j.credit.end(gone(errors.New("it has ended")))
	}
}

// next receives until a call is there as a whole.
func (s *session) next() (*served, error) {
	for {
		f, err := s.t.Receive()
		if err != nil {
			return nil, err
		}
		s.heard.Store(true)
		if f.Type == FrameCall {
			j, err := s.call(&f)
			if j != nil || err != nil {
				return j, err
			}
			continue
		}
		closeAll(f.Files)
		if err := s.dispatch(&f); err != nil {
			return nil, err
		}
	}
}

// dispatch acts on a frame that is no call. An error ends the connection: the
// peer is broken.
func (s *session) dispatch(f *Frame) error {
	switch f.Type {
	case FramePing:
		return s.t.Send(Frame{Type: FramePong})
	case FramePong, FrameHello:
		return nil
	case FrameGoAway:
		return io.EOF // the caller complains, or leaves
	}
	if p := s.parts[f.Call]; p != nil && f.Type == FrameCancel {
		s.dropPart(p, f.Call)
		return nil
	}
	s.mu.Lock()
	j := s.jobs[f.Call]
	s.mu.Unlock()
	if j == nil && f.Type != FrameOut && f.Type != FrameErr && f.Type != FrameResult {
		return nil // it has ended
	}
	switch f.Type {
	case FrameData:
		var own *chunk
		if s.keeper != nil {
			own = s.keeper.keep()
		}
		return j.stdin.push(FrameData, f.Payload, own)
	case FrameEOF:
		j.stdin.end(io.EOF)
		return nil
	case FrameCancel:
		j.job.Cancel()
		return nil
	case FrameWindow:
		n, err := parseWindow(f.Payload)
		if err != nil {
			return err
		}
		return j.credit.add(n)
	}
	return Garbage("a frame of type %d came, which only the called side sends", f.Type)
}

// call takes a part of a call. With the last one the job is made.
func (s *session) call(f *Frame) (*served, error) {
	p := s.parts[f.Call]
	if p == nil {
		if len(f.Payload) < 4 {
			closeAll(f.Files)
			return nil, Garbage("a Call frame has %d bytes", len(f.Payload))
		}
		p = &part{want: 4 + int(binary.BigEndian.Uint32(f.Payload))}
		if p.want-4 > MaxCall {
			p.skip = true
			s.refuse(f.Call, errdefs.InvalidArgument("the name, arguments and env of a job have %d bytes, %d are allowed", p.want-4, MaxCall))
		}
		if !f.More && !p.skip {
			if len(f.Payload) != p.want {
				closeAll(f.Files)
				return nil, Garbage("a Call of %d bytes says it has %d", len(f.Payload), p.want)
			}
			return s.begin(f.Call, f.Payload[4:], f.Files)
		}
		if f.More {
			if len(s.parts) == maxParts {
				closeAll(f.Files)
				return nil, Garbage("%d calls are sent in parts at once", maxParts)
			}
			s.parts[f.Call] = p
		}
	}
	return s.addPart(p, f)
}

// dropPart answers a call that was cancelled before all of it was there. Its
// other parts may still come, the last one comes in any case.
func (s *session) dropPart(p *part, id uint32) {
	if !p.skip {
		p.skip = true
		s.partBytes -= len(p.body)
		p.body = nil
		s.refuse(id, context.Canceled)
	}
}

func (s *session) addPart(p *part, f *Frame) (*served, error) {
	if !f.More {
		delete(s.parts, f.Call)
	}
	if f.More || p.skip {
		closeAll(f.Files)
	}
	if p.skip {
		return nil, nil
	}
	s.partBytes += len(f.Payload)
	if len(p.body)+len(f.Payload) > p.want || s.partBytes > maxPartBytes || !f.More && len(p.body)+len(f.Payload) != p.want {
		if !f.More {
			closeAll(f.Files)
		}
		return nil, Garbage("the parts of a Call are not what its length says")
	}
	p.body = append(p.body, f.Payload...)
	if f.More {
		return nil, nil
	}
	s.partBytes -= len(p.body)
	return s.begin(f.Call, p.body[4:], f.Files)
}

// refuse answers a call that does not become a job.
func (s *session) refuse(id uint32, why error) {
	_ = s.t.Send(Frame{Type: FrameResult, Call: id, Payload: AppendResult(nil, why)}) // the receiver notes when the peer is gone
}

// begin makes the job of a call. No job and no error: the call was refused.
func (s *session) begin(id uint32, body []byte, files []*os.File) (*served, error) {
	var c Call
	if c.parse(string(body)) != nil {
		closeAll(files)
		return nil, Garbage("a Call is damaged")
	}
	if why := CheckVia(s.eng, c.Name, c.Via); why != nil {
		closeAll(files)
		s.refuse(id, why)
		return nil, nil
	}
	j := s.newServed(id, &c, files)
	s.mu.Lock()
	var why error
	switch {
	case s.jobs[id] != nil:
		s.mu.Unlock()
		closeAll(files)
		return nil, Garbage("call %d began twice", id)
	case s.draining:
		why = errdefs.Unavailable("the engine is shutting down")
	case len(s.jobs) >= s.calls:
		why = errdefs.Unavailable("%d jobs run already on this connection, which is the limit", s.calls)
	default:
		s.jobs[id] = j
		s.active++
	}
	s.mu.Unlock()
	if why != nil {
		closeAll(files)
		s.refuse(id, why)
		return nil, nil
	}
	return j, nil
}

// forget takes a job off the list.
func (s *session) forget(j *served) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.jobs, j.id)
}

// settled notes that the result of a job was sent.
func (s *session) settled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active--; s.draining && s.active == 0 {
		close(s.quiet) // nothing begins any more, so this is the last one
	}
}
