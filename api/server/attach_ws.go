package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"golang.org/x/net/websocket"
)

// attachWebsocket runs the job attach on a websocket: frames in either direction
// carry bare bytes, stdout and stderr together. All streams that the request
// does not name are on below 1.42. As with attachHijack, the handshake is answered
// when the job has joined the container.
func attachWebsocket(x *exchange, row *route) error {
	ctx, cancel := context.WithCancel(x.r.Context())
	defer cancel()
	job, _, err := x.prepareAttach(ctx, row)
	if err != nil {
		return err
	}
	if origin := x.r.Header.Get("Origin"); x.v < v1(22) && origin == "" {
		return errdefs.Forbidden("a websocket request needs the header Origin")
	}
	if x.v < v1(42) {
		for _, name := range []string{"stdin", "stdout", "stderr"} {
			job.SetenvBool(name, true)
		}
	}
	job.SetenvBool("headers", true)
	take := &hijacker{response: x.w}
	serve := func(ws *websocket.Conn) {
		if x.v >= v1(28) {
			ws.PayloadType = websocket.BinaryFrame
		}
		in, feed := io.Pipe()
		begin := opener(take.conn.begin)
		done := make(chan struct{})
		go func() { // ends when the socket does, or when nobody reads in
			defer close(done)
			<-take.conn.open // a pong may not come before the handshake
			_, err := io.Copy(feed, ws)
			_ = feed.CloseWithError(err)
			cancel() // a websocket has no half-close
		}()
		job.Stdout.Add(socketWriter{ws, begin})
		job.Stderr.Add(socketWriter{ws, begin})
		if err := job.Stdin.Add(beginReader{in, begin}); err == nil {
			x.attached(job, ws)
		}
		begin()
		_ = in.Close() // always nil
		_ = ws.Close() // the client may have been faster
		<-done
	}
	websocket.Server{Handler: serve, Handshake: anyOrigin}.ServeHTTP(take, x.r)
	return nil
}

// anyOrigin accepts every origin that is an URL: who may connect at all is
// decided by the listener.
func anyOrigin(_ *websocket.Config, r *http.Request) error {
	_, err := url.ParseRequestURI(r.Header.Get("Origin"))
	if r.Header.Get("Origin") != "" && err != nil {
		return errdefs.Forbidden("header Origin: %w", err)
	}
	return nil
}

// hijacker offers the one method that the websocket package asks for by name.
type hijacker struct {
	*response
	conn *heldConn // once taken over
}

// Hijack gives the connection away; what is written to it waits for begin.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.response).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.begun, h.hijacked = true, true
	h.conn = &heldConn{Conn: conn, open: make(chan struct{})}
	return h.conn, bufio.NewReadWriter(rw.Reader, bufio.NewWriter(h.conn)), nil
}

// heldConn keeps what is written to it, the answer to the handshake, until begin.
type heldConn struct {
	net.Conn
	held  []byte
	begun sync.Once
	open  chan struct{} // closed by begin
}

// Write keeps p before begin, when there is only one writer, and sends it after.
func (c *heldConn) Write(p []byte) (int, error) {
	select {
	case <-c.open:
		return c.Conn.Write(p)
	default:
		c.held = append(c.held, p...)
		return len(p), nil
	}
}

// begin sends what was held, once.
func (c *heldConn) begin() {
	c.begun.Do(func() {
		_, err := c.Conn.Write(c.held)
		_ = err // the next use of the connection will say it again
		close(c.open)
	})
}

// Close sends what is held, such as a refusal, and closes the connection.
func (c *heldConn) Close() error {
	c.begin()
	return c.Conn.Close()
}

// socketWriter begins the answer at the first write; a write of no bytes says no
// more than that and makes no frame.
type socketWriter struct {
	ws    *websocket.Conn
	begin opener
}

// Write sends p as one frame.
func (w socketWriter) Write(p []byte) (int, error) {
	w.begin()
	if len(p) == 0 {
		return 0, nil
	}
	return w.ws.Write(p)
}

// beginReader begins the answer when the job asks for input.
type beginReader struct {
	io.Reader
	begin opener
}

// Read begins, then reads.
func (r beginReader) Read(p []byte) (int, error) {
	r.begin()
	return r.Reader.Read(p)
}
