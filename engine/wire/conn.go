package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// ConnOptions configure NewConn.
type ConnOptions struct {
	ID        string        // of the own engine, as Hello says it; may be empty
	Window    int           // bytes of output under way per call; 0: DefaultWindow
	Grace     time.Duration // how long a cancelled call waits for the other side; 0: 2 s
	KeepAlive time.Duration // send a Ping when nothing came for so long, and give up after twice that; 0: never
	Hello     time.Duration // how long to wait for the Hello of the peer; 0: 10 s
}

const defaultGrace = 2 * time.Second

// Conn runs jobs on another engine. Close it when done.
type Conn struct {
	t       Transport
	keeper  keeper  // t, when it is one
	batcher batcher // t, when it is one
	peer    *Hello
	grace   time.Duration
	window  int
	cut     int           // the payload that input is cut into
	gone    chan struct{} // closed when the connection has ended
	leaving chan struct{} // closed when no new calls are taken

	heard atomic.Bool // something came since keepAlive looked

	mu     sync.Mutex // guards everything below
	calls  map[uint32]*call
	last   uint32
	parted bool  // leaving is closed
	farew  error // why new calls are refused
	ended  error // why there is no connection any more
}

// NewConn exchanges Hello. The connection owns t from here on, also when it
// fails: Unavailable when the peer is gone or silent, InvalidArgument when it
// speaks something else, NotImplemented when it speaks another version.
func NewConn(t Transport, o ConnOptions) (*Conn, error) {
	c := &Conn{
		t: t, grace: o.Grace, window: o.Window, cut: payloadOf(t),
		gone: make(chan struct{}), leaving: make(chan struct{}), calls: map[uint32]*call{},
	}
	c.keeper, _ = t.(keeper)
	c.batcher, _ = t.(batcher)
	if c.grace <= 0 {
		c.grace = defaultGrace
	}
	if c.window <= 0 {
		c.window = DefaultWindow
	}
	var err error
	if c.peer, err = exchange(t, &Hello{ID: o.ID, Window: c.window}, o.Hello); err != nil {
		return nil, err
	}
	go c.receive()
	if o.KeepAlive > 0 {
		go keepAlive(t, o.KeepAlive, &c.heard, c.gone)
	}
	return c, nil
}

// Peer is the id of the engine on the other side.
func (c *Conn) Peer() string { return c.peer.ID }

// Done is closed when the connection has ended, for whatever reason.
func (c *Conn) Done() <-chan struct{} { return c.gone }

// Leaving is closed when the peer takes no new calls any more, or has ended.
// Calls that run go on.
func (c *Conn) Leaving() <-chan struct{} { return c.leaving }

// Err tells why the connection has ended; nil while it has not.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// Close ends the connection and with it all calls.
func (c *Conn) Close() error {
	err := c.t.Close()
	<-c.gone
	return err
}

// receive hands out what arrives, until the end.
func (c *Conn) receive() {
	var err error
	for err == nil {
		var f Frame
		if f, err = c.t.Receive(); err == nil {
			c.heard.Store(true)
			err = c.dispatch(&f)
		}
	}
	switch {
	case errors.Is(err, errGarbage):
		bid(c.t, err)
	case errors.Is(err, io.EOF), errors.Is(err, os.ErrClosed):
		err = errors.New("it was closed, or the engine ended")
	}
	err = errdefs.Unavailable("the connection to engine %s is lost: %w", way([]string{c.peer.ID}), err)
	c.mu.Lock()
	c.ended = err
	c.part(err)
	calls := c.calls
	c.calls = nil
	c.mu.Unlock()
	for _, k := range calls {
		k.lose(fmt.Errorf("job %s: %w", k.name, err))
	}
	_ = c.t.Close() // may be closed already
	close(c.gone)
}

// part refuses new calls. Call it with mu held.
func (c *Conn) part(why error) {
	c.farew = why
	if !c.parted {
		c.parted = true
		close(c.leaving)
	}
}

// dispatch acts on one frame. An error ends the connection: the peer is broken.
func (c *Conn) dispatch(f *Frame) error {
	switch f.Type {
	case FramePing:
		closeAll(f.Files)
		return c.t.Send(Frame{Type: FramePong})
	case FramePong, FrameHello:
		closeAll(f.Files)
		return nil
	case FrameGoAway:
		closeAll(f.Files)
		c.mu.Lock()
		c.part(errdefs.Unavailable("the other engine takes no more calls: %s", f.Payload))
		c.mu.Unlock()
		return nil
	}
	c.mu.Lock()
	k := c.calls[f.Call]
	c.mu.Unlock()
	if k == nil { // the caller has left
		closeAll(f.Files)
		return nil
	}
	switch f.Type {
	case FrameOut, FrameErr:
		closeAll(f.Files)
		var own *chunk
		if c.keeper != nil {
			own = c.keeper.keep()
		}
		return k.out.push(f.Type, f.Payload, own)
	case FrameWindow:
		closeAll(f.Files)
		n, err := parseWindow(f.Payload)
		if err != nil {
			return err
		}
		return k.credit.add(n)
	case FrameResult:
		result, err := ParseResult(f.Payload)
		if err != nil {
			closeAll(f.Files)
			return Garbage("the result of a job is damaged")
		}
		k.finish(result, f.Files)
		return nil
	}
	closeAll(f.Files)
	return Garbage("a frame of type %d came, which only a caller sends", f.Type)
}

func parseWindow(b []byte) (int, error) {
	if len(b) != 4 {
		return 0, Garbage("a Window frame of %d bytes came", len(b))
	}
	return int(binary.BigEndian.Uint32(b) & (1<<31 - 1)), nil
}

func windowFrame(id uint32, n int) Frame {
	return Frame{Type: FrameWindow, Call: id, Payload: binary.BigEndian.AppendUint32(nil, uint32(n))}
}

// keepAlive pings a peer that is silent and closes the connection to one that
// stays so.
func keepAlive(t Transport, every time.Duration, heard *atomic.Bool, over <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	silent := 0
	for {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		switch {
		case heard.Swap(false):
			silent = 0
		case silent >= 2:
			_ = t.Close() // wakes the receiver, which tells everybody
			return
		default:
			silent++
			go func() { _ = t.Send(Frame{Type: FramePing}) }() // a Send that hangs is what this is for
		}
	}
}

// register makes a call known.
func (c *Conn) register(k *call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.farew != nil {
		return c.farew
	}
	if len(c.calls) >= c.peer.MaxCalls {
		return errdefs.Unavailable("%d jobs run already on the connection to the other engine; it takes no more at once", len(c.calls))
	}
	for {
		if c.last++; c.last != 0 && c.calls[c.last] == nil {
			break
		}
	}
	k.id = c.last
	c.calls[k.id] = k
	return nil
}

func (c *Conn) forget(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls != nil {
		delete(c.calls, k.id)
	}
}
