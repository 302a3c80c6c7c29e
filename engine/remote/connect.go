package remote

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/engine/wire/deflate"
	"github.com/enginejobs/docker/errdefs"
)

// connect opens a session. A failure is Unavailable unless the other side said
// something else. id is that of the engine on this side.
func (t *target) connect(ctx context.Context, id string) (*wire.Conn, error) {
	conn, err := t.dial(ctx, t.network, t.address)
	if err != nil {
		return nil, t.unavailable(ctx, err)
	}
	// A peer that says nothing is left when ctx ends, whatever we are waiting for.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	session, err := t.open(ctx, conn, id)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, t.unavailable(ctx, err)
	}
	return session, nil
}

// unavailable gives a failure its kind, unless the other side gave it one.
func (t *target) unavailable(ctx context.Context, err error) error {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return errdefs.New(errdefs.KindOf(refused.err), "connecting to engine %s: %w", t.shown, refused.err)
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errdefs.Unavailable("connecting to engine %s: no answer within %v", t.shown, t.timeout)
	}
	return errdefs.Unavailable("connecting to engine %s: %w", t.shown, err)
}

// refusal is a failure that the other side reported itself.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }

// open makes a session on a fresh connection.
func (t *target) open(ctx context.Context, conn net.Conn, id string) (*wire.Conn, error) {
	http2 := t.http2
	if t.tls != nil {
		secured, err := t.secure(ctx, conn)
		if err != nil {
			return nil, err
		}
		if secured.ConnectionState().NegotiatedProtocol == "h2" {
			http2 = true
		} else if t.http2 {
			return nil, errors.New("the server does not offer HTTP/2")
		}
		conn = secured
	}
	var rw io.ReadWriteCloser
	var err error
	if http2 {
		rw, err = t.post(ctx, conn)
	} else {
		rw, err = t.upgrade(conn)
	}
	if err != nil {
		return nil, err
	}
	stream := wire.NewStream(rw, wire.StreamOptions{Codec: deflate.Codec{}, Compress: t.network != "unix"})
	session, err := wire.NewConn(stream, wire.ConnOptions{ID: id, KeepAlive: keepAlive})
	if err != nil {
		_ = rw.Close()
		return nil, err
	}
	return session, nil
}

// secure puts TLS on a connection.
func (t *target) secure(ctx context.Context, conn net.Conn) (*tls.Conn, error) {
	config := t.tls.Clone()
	if config.ServerName == "" {
		config.ServerName = (&url.URL{Host: t.host}).Hostname()
	}
	if config.MinVersion == 0 {
		config.MinVersion = tls.VersionTLS12
	}
	switch {
	case t.http2:
		config.NextProtos = []string{"h2"}
	case t.alpn:
		config.NextProtos = []string{"h2", "http/1.1"}
	default:
		config.NextProtos = []string{"http/1.1"}
	}
	secured := tls.Client(conn, config)
	return secured, secured.HandshakeContext(ctx)
}

// upgrade opens a session on HTTP/1.1.
func (t *target) upgrade(conn net.Conn) (io.ReadWriteCloser, error) {
	_, err := io.WriteString(conn, "GET "+t.path+" HTTP/1.1\r\nHost: "+t.host+
		"\r\nConnection: Upgrade\r\nUpgrade: "+Upgrade+"\r\n\r\n")
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodGet})
	if err != nil {
		return nil, fmt.Errorf("reading the answer to Upgrade: %w", err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols || !asks(answer.Header, "Upgrade", Upgrade) {
		return nil, refused(answer)
	}
	return upgraded(conn, r), nil
}

// refused reads the answer of a server that opens no session.
func refused(answer *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10)) // a part of it will do
	_ = answer.Body.Close()
	var f Failure
	if json.Unmarshal(text, &f) == nil && f.Kind != "" {
		return &refusal{errdefs.New(errdefs.ParseKind(f.Kind), "%s", f.Message)}
	}
	err := fmt.Errorf("it answers %q: no engine is served at this path", answer.Status)
	if answer.StatusCode == http.StatusNotFound {
		return &refusal{errdefs.As(errdefs.KindNotFound, err)} // a server of something else; to try again is no use
	}
	return err
}

// post opens a session on HTTP/2, in the two bodies of one request.
func (t *target) post(ctx context.Context, conn net.Conn) (io.ReadWriteCloser, error) {
	transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true, MaxResponseHeaderBytes: 64 << 10}
	given := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	scheme := "http"
	if t.tls != nil {
		scheme = "https"
		transport.Protocols.SetHTTP2(true)
		transport.DialTLSContext = given
	} else {
		transport.Protocols.SetUnencryptedHTTP2(true)
		transport.DialContext = given
	}
	here, there := io.Pipe()
	// The request lives as long as the session, so it has a context of its own.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, end)
	defer stop()
	fail := func(err error) (io.ReadWriteCloser, error) {
		end()
		_ = here.Close()
		transport.CloseIdleConnections()
		return nil, err
	}
	r, err := http.NewRequestWithContext(life, http.MethodPost, scheme+"://"+t.host+t.path, here)
	if err != nil {
		return fail(err)
	}
	r.Header.Set("Content-Type", FramesType)
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return fail(err)
	}
	if answer.StatusCode != http.StatusOK || mediaType(answer.Header.Get("Content-Type")) != FramesType {
		return fail(refused(answer))
	}
	return &exchange{r: answer.Body, w: there, end: end, conn: conn}, nil
}

// exchange is the byte stream of a session on HTTP/2, from the caller's side. It
// owns the connection below.
type exchange struct {
	r    io.ReadCloser
	w    *io.PipeWriter
	end  context.CancelFunc
	conn net.Conn
	once sync.Once
}

func (x *exchange) Read(p []byte) (int, error)  { return x.r.Read(p) }
func (x *exchange) Write(p []byte) (int, error) { return x.w.Write(p) }

// Close ends the request and the connection.
func (x *exchange) Close() error {
	x.once.Do(func() {
		_ = x.w.CloseWithError(io.ErrClosedPipe)
		x.end()
		_ = x.r.Close()
		_ = x.conn.Close()
	})
	return nil
}
