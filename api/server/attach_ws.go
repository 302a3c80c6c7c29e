package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/errdefs"
	"golang.org/x/net/websocket"
)

// attachWebsocket runs the job attach on a websocket: frames in either direction
// carry bare bytes, stdout and stderr together. All streams that the request
// does not name are on below 1.42.
func attachWebsocket(x *exchange, row *route) error {
	if _, err := x.hasTerminal(); err != nil {
		return err
	}
	if origin := x.r.Header.Get("Origin"); x.v < v1(22) && origin == "" {
		return errdefs.Forbidden("a websocket request needs the header Origin")
	}
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if x.v < v1(42) {
		for _, name := range []string{"stdin", "stdout", "stderr"} {
			job.SetenvBool(name, true)
		}
	}
	ctx, cancel := context.WithCancel(x.r.Context())
	defer cancel()
	job.SetContext(ctx)
	serve := func(ws *websocket.Conn) {
		x.w.begun, x.w.hijacked = true, true
		if x.v >= v1(28) {
			ws.PayloadType = websocket.BinaryFrame
		}
		in, feed := io.Pipe()
		done := make(chan struct{})
		go func() { // ends when the socket does, or when nobody reads in
			defer close(done)
			_, err := io.Copy(feed, ws)
			_ = feed.CloseWithError(err)
			cancel() // a websocket has no half-close
		}()
		job.Stdout.Add(plainWriter{ws})
		job.Stderr.Add(plainWriter{ws})
		if err := job.Stdin.Add(in); err == nil {
			x.attached(job, ws)
		}
		_ = in.Close() // always nil
		_ = ws.Close() // the client may have been faster
		<-done
	}
	websocket.Server{Handler: serve, Handshake: anyOrigin}.ServeHTTP(hijacker{x.w}, x.r)
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
type hijacker struct{ *response }

// Hijack gives the connection away.
func (h hijacker) Hijack() (conn net.Conn, rw *bufio.ReadWriter, err error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}
