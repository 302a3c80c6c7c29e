package client

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/dockerversion"
)

// httpClient speaks HTTP/1.1 with one daemon. It uses the message formats of
// net/http but none of its transport: a command makes a handful of requests,
// mostly one after the other on one connection, and takes some connections
// over; a pool with its goroutines would cost more than the requests.
type httpClient struct {
	endpoint
	now   func() time.Time
	needs func(version string) error // refuses what the server is too old for; nil refuses nothing
	final bool                       // the user has chosen the version

	headers map[string]string // of every request

	mu      sync.Mutex // guards the rest; never held across I/O
	version string     // in the path of requests
	agreed  bool       // the server has accepted version
	idle    []*conn
}

type conn struct {
	net.Conn
	br   *bufio.Reader
	idle time.Time // since when it has not been used
}

// idleLimit is how long a connection may have been idle and still be used: a
// daemon closes what it takes for forgotten, and a signal or a new window size
// must not be lost on a connection that has been dead for hours.
const idleLimit = time.Second

const dialTimeout = 32 * time.Second

// newHTTPClient prepares a client. A version given by the user is final.
func newHTTPClient(p endpoint, version string, now func() time.Time) *httpClient {
	c := &httpClient{endpoint: p, version: api.Version, now: now}
	if version != "" {
		c.version, c.agreed, c.final = strings.TrimPrefix(version, "v"), true, true
	}
	return c
}

// request is one exchange. Body is JSON, or a function from API version to
// JSON, or nothing; stream is a raw body of unknown length.
type request struct {
	method, path string
	query        url.Values
	body         any
	stream       io.Reader
	streamType   string
	header       http.Header // besides those of every request
	newest       string      // API version that is used at most; "" is the one agreed upon
}

// versioned makes a request body that depends on the API version.
type versioned func(version string) any

// connect opens a connection.
func (c *httpClient) connect(ctx context.Context) (*conn, error) {
	if c.dial != nil {
		nc, err := c.dial(ctx)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: nc, br: bufio.NewReader(nc)}, nil
	}
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	var nc net.Conn
	var err error
	if c.tls != nil {
		td := tls.Dialer{NetDialer: &d, Config: c.tls}
		nc, err = td.DialContext(ctx, c.proto, c.addr)
	} else {
		nc, err = d.DialContext(ctx, c.proto, c.addr)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, dialError(c, err)
	}
	return &conn{Conn: nc, br: bufio.NewReader(nc)}, nil
}

// take returns an idle connection or a new one.
func (c *httpClient) take(ctx context.Context) (*conn, error) {
	for {
		cn := c.lastIdle()
		if cn == nil {
			return c.connect(ctx)
		}
		if c.now().Sub(cn.idle) < idleLimit {
			return cn, nil
		}
		_ = cn.Close()
	}
}

func (c *httpClient) lastIdle() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.idle)
	if n == 0 {
		return nil
	}
	cn := c.idle[n-1]
	c.idle = c.idle[:n-1]
	return cn
}

func (c *httpClient) put(cn *conn) {
	cn.idle = c.now()
	c.mu.Lock()
	c.idle = append(c.idle, cn)
	c.mu.Unlock()
}

// do makes the request. A failure status is an error. The caller closes the
// body of the response, which gives the connection back.
//
// No version is negotiated beforehand: the newest is tried, and a server that
// does not have it says so at the first request, which is then repeated.
func (c *httpClient) do(ctx context.Context, r request) (*http.Response, error) {
	if _, agreed := c.currentVersion(); !agreed && r.stream != nil {
		if err := c.negotiate(ctx); err != nil { // the stream could not be repeated
			return nil, err
		}
	}
	resp, err := c.exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	version, agreed := c.currentVersion()
	if !agreed && (resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusNotFound) {
		theirs := resp.Header.Get("Api-Version")
		if theirs == "" {
			if theirs, err = c.serverVersion(ctx); err != nil {
				theirs = version
			}
		}
		if theirs != "" && !versionAtLeast(theirs, version) {
			resp.Body.Close()
			if err := c.settle(theirs); err != nil {
				return nil, err
			}
			return c.do(ctx, r)
		}
	}
	if !agreed && r.newest == "" {
		c.agree(version)
	}
	if resp.StatusCode >= 400 {
		defer resp.Body.Close()
		return nil, readError(resp)
	}
	return resp, nil
}

// exchange sends the request under the current version.
func (c *httpClient) exchange(ctx context.Context, r request) (*http.Response, error) {
	version, _ := c.currentVersion()
	if r.newest != "" && !c.final && versionAtLeast(version, r.newest) {
		version = r.newest
	}
	if f, ok := r.body.(versioned); ok {
		r.body = f(version)
	}
	return c.roundTrip(ctx, r, "/v"+version+r.path)
}

func (c *httpClient) roundTrip(ctx context.Context, r request, path string) (*http.Response, error) {
	cn, err := c.take(ctx)
	if err != nil {
		return nil, err
	}
	resp, stop, err := c.send(ctx, cn, r, path, r.header)
	if err != nil {
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, client: c, conn: cn, stop: stop, reuse: !resp.Close && r.stream == nil}
	if resp.ContentLength == 0 || resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified {
		resp.Body.Close()
	}
	return resp, nil
}

// send writes a request on cn and reads the head of the response. When ctx
// ends, before or after, the connection is closed; stop ends that watch. On an
// error cn is closed already.
func (c *httpClient) send(ctx context.Context, cn *conn, r request, path string, header http.Header,
) (*http.Response, func() bool, error) {
	req, payload, err := c.build(r, path, header)
	if err != nil {
		cn.Close()
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { cn.Close() })
	fail := func(doing string, err error) (*http.Response, func() bool, error) {
		stop()
		cn.Close()
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		return nil, nil, vanished(doing+" "+r.method+" "+path, err)
	}
	written := make(chan error, 1)
	if r.stream != nil {
		go func() { written <- req.Write(cn) }()
	} else if _, err := cn.Write(payload); err != nil && !errors.Is(err, net.ErrClosed) {
		// The server may have answered before it went away: read that first.
		written <- err
	}
	resp, err := http.ReadResponse(cn.br, req)
	if err != nil {
		select {
		case werr := <-written:
			// What could be read says more, such as why ssh ended.
			if werr != nil && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
				err = werr
			}
		default:
		}
		return fail("waiting for the answer to", err)
	}
	return resp, stop, nil
}

// build makes the request; for one without a stream also its bytes, so that a
// single write sends it.
func (c *httpClient) build(r request, path string, header http.Header) (*http.Request, []byte, error) {
	u := &url.URL{Scheme: "http", Host: "docker", Path: path, RawQuery: r.query.Encode()}
	if c.proto == "tcp" {
		u.Host = c.addr
	}
	if raw, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = raw, path
	}
	req := &http.Request{Method: r.method, URL: u, Host: u.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", "Docker-Client/"+dockerversion.Version)
	switch {
	case r.stream != nil:
		req.Header.Set("Content-Type", r.streamType)
		req.Body, req.ContentLength = io.NopCloser(r.stream), -1
		return req, nil, nil
	case r.body != nil:
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, nil, fmt.Errorf("encoding the body of %s %s: %w", r.method, path, err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	case r.method == http.MethodPost:
		req.Header.Set("Content-Type", "text/plain")
	}
	var buf bytes.Buffer
	if err := req.Write(&buf); err != nil {
		return nil, nil, fmt.Errorf("encoding %s %s: %w", r.method, path, err)
	}
	return req, buf.Bytes(), nil
}

// body gives its connection back when it has been read to the end.
type body struct {
	io.ReadCloser
	client *httpClient
	conn   *conn
	stop   func() bool
	reuse  bool
	closed bool
}

// drainLimit is how much of an unwanted rest is read to save a connection.
const drainLimit = 64 << 10

func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	ended := false
	if b.reuse {
		n, err := io.CopyN(io.Discard, b.ReadCloser, drainLimit)
		ended = errors.Is(err, io.EOF) && n < drainLimit
	}
	if b.stop() && ended {
		b.client.put(b.conn)
		return nil
	}
	return b.conn.Close()
}

// getJSON decodes the answer to a GET.
func (c *httpClient) getJSON(ctx context.Context, path string, query url.Values, v any) error {
	return c.callJSON(ctx, request{method: http.MethodGet, path: path, query: query}, v)
}

// eachRow gives take each row of the list that answers a GET, as it comes: the daemon
// writes the next ones meanwhile, a goroutine decodes them, and a long list is never
// whole in memory.
func eachRow[T any](ctx context.Context, c *httpClient, path string, query url.Values, take func(*T)) error {
	resp, err := c.do(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	batches := make(chan []T, 4)
	go func() {
		defer close(batches)
		err = decodeRows(resp.Body, batches)
	}()
	for batch := range batches {
		for i := range batch {
			take(&batch[i])
		}
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return vanished("reading the answer to GET "+path, err)
	}
	return nil
}

// decodeRows decodes a list, some rows at a time.
func decodeRows[T any](list io.Reader, batches chan<- []T) error {
	const most = 64
	dec := json.NewDecoder(list)
	if _, err := dec.Token(); err != nil { // the bracket
		return err
	}
	var batch []T
	for dec.More() {
		var row T
		if err := dec.Decode(&row); err != nil {
			return err
		}
		if batch = append(batch, row); len(batch) == most {
			batches <- batch
			batch = make([]T, 0, most)
		}
	}
	batches <- batch
	_, err := dec.Token()
	return err
}

// callJSON makes the request and decodes the answer.
func (c *httpClient) callJSON(ctx context.Context, r request, v any) error {
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return vanished("reading the answer to "+r.method+" "+r.path, err)
	}
	return nil
}

// call makes the request and drops the answer.
func (c *httpClient) call(ctx context.Context, method, path string, query url.Values) error {
	resp, err := c.do(ctx, request{method: method, path: path, query: query})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// post sends a document that is answered with nothing.
func (c *httpClient) post(ctx context.Context, path string, body any) error {
	resp, err := c.do(ctx, request{method: http.MethodPost, path: path, body: body})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// containerPath is /containers/NAME/action with the name escaped. The slash
// that names begin with in documents is not part of a path.
func containerPath(name, action string) string {
	return "/containers/" + url.PathEscape(strings.TrimPrefix(name, "/")) + action
}

// imagePath is /images/NAME/action. The slashes of a repository stay: the
// route takes them.
func imagePath(name, action string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/images/" + strings.Join(parts, "/") + action
}
