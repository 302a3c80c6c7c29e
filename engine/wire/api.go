package wire

import (
	"context"
	"io"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// StreamOptions configure NewStream.
type StreamOptions struct {
	Compress     bool          // deflate payloads of 1 KiB and more, when the peer takes it and it pays
	WriteTimeout time.Duration // how long the peer may read nothing while something is to be sent; 0: 30 s
}

// NewStream makes a Transport of a byte stream: a net.Conn, or anything that
// reads and writes. Close closes rw.
func NewStream(rw io.ReadWriteCloser, o StreamOptions) Transport { return nil }

// ConnOptions configure NewConn.
type ConnOptions struct {
	ID        string        // of the own engine, as Hello says it; may be empty
	Window    int           // bytes of output under way per call; 0: DefaultWindow
	Grace     time.Duration // how long a cancelled call waits for the other side; 0: 2 s
	KeepAlive time.Duration // send a Ping when nothing came for so long, and give up after twice that; 0: never
	Hello     time.Duration // how long to wait for the Hello of the peer; 0: 10 s
}

// Conn runs jobs on another engine. Close it when done.
type Conn struct{}

// NewConn exchanges Hello. The connection owns t from here on, also when it fails.
func NewConn(t Transport, o ConnOptions) (*Conn, error) { return nil, errdefs.NotImplemented("soon") }

// Handle carries a job out on the other engine; it is an engine.Handler.
func (c *Conn) Handle(job *engine.Job) error { return nil }

// Done is closed when the connection has ended, for whatever reason.
func (c *Conn) Done() <-chan struct{} { return nil }

// Leaving is closed when the peer takes no new calls any more, or has ended.
func (c *Conn) Leaving() <-chan struct{} { return nil }

// Err tells why the connection has ended; nil while it has not.
func (c *Conn) Err() error { return nil }

// Close ends the connection and with it all calls.
func (c *Conn) Close() error { return nil }

// Peer is the id of the engine on the other side.
func (c *Conn) Peer() string { return "" }

// ServeOptions configure Serve.
type ServeOptions struct {
	Caller    *engine.Caller // who is on the other side; jobs get it with via, parent and trace of their call
	MaxCalls  int            // at once; 0: DefaultMaxCalls
	Window    int            // bytes of input under way per call; 0: DefaultWindow
	KeepAlive time.Duration  // as in ConnOptions
	Hello     time.Duration  // as in ConnOptions
	Drain     time.Duration  // how long running jobs may go on after ctx has ended; 0: they are cancelled at once
}

// Serve lets eng carry out the calls that arrive on t, until the peer leaves or ctx ends.
func Serve(ctx context.Context, eng *engine.Engine, t Transport, o ServeOptions) error {
	return errdefs.NotImplemented("soon")
}

// AppendResult and ParseResult carry the result of a job: the payload of a Result frame.
func AppendResult(b []byte, err error) []byte { return b }

// ParseResult is the inverse. damaged means that b is no result at all.
func ParseResult(b []byte) (result, damaged error) { return nil, nil }
