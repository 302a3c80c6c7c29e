package server

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// A connection as net/http gets it saves two things that cost more than a short
// answer does.
//
// net/http writes four kilobytes at a time. An answer whose length is known goes
// out as a whole instead: see hold.
//
// Those who watch an engine ask /_ping, /containers/json and /containers/NAME/json
// again and again, on connections that they keep, and most of what their answers cost
// is net/http. So a connection that waits for its next request looks at what comes: a
// request as plain as can be is answered then and there, everything else goes to
// net/http as if nobody had looked. Both answer the same: FuzzPlainRequest compares.

// plainListener gives its connections that look.
type plainListener struct {
	net.Listener
	answers *plainAnswers
}

// Accept waits for the next connection.
func (l plainListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &plainConn{Conn: conn, answers: l.answers}, nil
}

// plainConn is a connection of net/http. It is read by one goroutine at a time.
type plainConn struct {
	net.Conn
	answers *plainAnswers
	ctx     context.Context // of its requests
	remote  string          // its other end, when a request has asked
	// between says that net/http has answered all that it was given, and waits for a
	// request without a deadline.
	between bool
	// whole says that what it was given last ended with an empty line, so that it has
	// no part of a request left over.
	whole bool

	mu   sync.Mutex // guards held: a stop of the server closes what is busy
	held []byte     // of an answer, until it is complete; nil: nothing is kept
}

// mostHeld is how much of an answer is kept, more than any short one with its head.
const mostHeld = large + 8<<10

var emptyLine = []byte("\r\n\r\n")

// Read gives net/http what comes, without the plain requests.
func (c *plainConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n == 0 {
			return n, err // as net/http's wait for the end of a client is broken off
		}
		ask, plain := plainRequest(p[:n])
		if !plain || !c.between || err != nil {
			c.between, c.whole = false, bytes.HasSuffix(p[:n], emptyLine)
			return n, err
		}
		if ask.ping {
			_, err = c.Conn.Write(c.answers.ping(ask.method))
		} else {
			err = c.answers.serve(c, string(ask.path))
		}
		if err != nil {
			return 0, err
		}
	}
}

// heldAnswers are buffers for answers that are kept.
var heldAnswers = sync.Pool{New: func() any { return new([mostHeld]byte) }}

// hold keeps what is written until the answer is complete, or too long.
func (c *plainConn) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if buf, ok := heldAnswers.Get().(*[mostHeld]byte); ok && c.held == nil {
		c.held = buf[:0]
	}
}

// Write sends or keeps p.
func (c *plainConn) Write(p []byte) (int, error) {
	if c.keeps(p) {
		return len(p), nil
	}
	if err := c.send(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *plainConn) keeps(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || len(c.held)+len(p) > mostHeld {
		return false
	}
	c.held = append(c.held, p...)
	return true
}

// send sends what was kept, and keeps nothing more.
func (c *plainConn) send() error {
	c.mu.Lock()
	held := c.held
	c.held = nil
	c.mu.Unlock()
	if held == nil {
		return nil
	}
	_, err := c.Conn.Write(held)
	heldAnswers.Put((*[mostHeld]byte)(held[:mostHeld]))
	return err
}

// Close closes the connection. An answer that is kept, as the server stops, gets out
// before, unless the client does not take it.
func (c *plainConn) Close() error {
	_ = c.Conn.SetWriteDeadline(time.Now().Add(lastWords)) // fails when it is closed
	_ = c.send()
	return c.Conn.Close()
}

// holdAnswer keeps together what net/http is about to write: the rest of the answer,
// after which the connection waits for its next request.
func (x *exchange) holdAnswer() {
	if _, whole := x.w.ResponseWriter.(*plainAnswer); whole {
		return // it is not written by net/http
	}
	if x.r.Close || x.r.ContentLength != 0 {
		return // the connection may end with the answer, and Close has little patience
	}
	if p, ok := x.r.Context().Value(peerKey{}).(*peer); ok && p.whole != nil && x.r.ProtoMajor == 1 {
		p.whole.hold()
	}
}

// CloseWrite ends the output.
func (c *plainConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// NetConn is the connection itself.
func (c *plainConn) NetConn() net.Conn { return c.Conn }

// follow is the ConnState of the HTTP server.
func follow(conn net.Conn, state http.ConnState) {
	if c, ok := conn.(*plainConn); ok {
		c.between = state == http.StateIdle && c.whole
		_ = c.send() // a failure is that of the next Read
	}
}

// looking makes listeners whose connections answer plain pings. TLS has none:
// what comes there is not what net/http reads.
func (s *Server) looking(listeners []net.Listener, cors string) []net.Listener {
	answers := s.plainAnswers(cors)
	all := make([]net.Listener, len(listeners))
	for i, l := range listeners {
		all[i] = l
		switch l.(type) {
		case *net.TCPListener, *net.UnixListener, *unixListener:
			all[i] = plainListener{l, answers}
		}
	}
	return all
}
