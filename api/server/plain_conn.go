package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A connection as net/http gets it saves two things that cost more than a short
// answer does.
//
// net/http writes four kilobytes at a time. An answer whose length is known goes
// out as a whole instead: see hold.
//
// Those who watch an engine ask /_ping and /containers/json again and again, on
// connections that they keep, and most of what their answers cost is net/http. So a
// connection that waits for its next request looks at what comes: a request as plain
// as can be is answered then and there, everything else goes to net/http as if nobody
// had looked. Both answer the same: FuzzPlainRequest compares.

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
			_, err = c.Conn.Write(c.answers.to(ask.method))
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

// plainAsk is a request as plain as can be.
type plainAsk struct {
	method string
	path   []byte // with the version; part of what was read
	ping   bool
}

// plainRequest tells whether p is one request for /_ping or /containers/json and
// nothing else, of an API version that is spoken, without a header that could
// matter.
func plainRequest(p []byte) (ask plainAsk, plain bool) {
	const get, head, protocol, ping, list = "GET /", "HEAD /", " HTTP/1.1", "/_ping", "/containers/json"
	switch {
	case bytes.HasPrefix(p, []byte(get)):
		ask.method = http.MethodGet
	case bytes.HasPrefix(p, []byte(head)):
		ask.method = http.MethodHead
	default:
		return ask, false
	}
	line, rest, ok := bytes.Cut(p, []byte("\r\n"))
	if !ok || !bytes.HasSuffix(line, []byte(protocol)) {
		return ask, false
	}
	ask.path = line[len(ask.method)+1 : len(line)-len(protocol)]
	version, isPing := bytes.CutSuffix(ask.path, []byte(ping))
	if ask.ping = isPing; !isPing {
		var isList bool
		if version, isList = bytes.CutSuffix(ask.path, []byte(list)); !isList || ask.method != http.MethodGet {
			return ask, false
		}
	}
	return ask, plainVersion(version) && plainHeaders(rest)
}

// plainHeaders tells whether p are headers of which none changes the answer, the
// empty line, and nothing more.
func plainHeaders(p []byte) bool {
	hosts := 0
	for {
		line, rest, ok := bytes.Cut(p, []byte("\r\n"))
		if !ok {
			return false
		}
		if len(line) == 0 {
			return hosts == 1 && len(rest) == 0
		}
		name, value, ok := bytes.Cut(line, []byte(": "))
		if !ok || !plainHeader(name, value) {
			return false
		}
		if bytes.EqualFold(name, []byte("Host")) {
			hosts++
		}
		p = rest
	}
}

// plainVersion tells whether a ping of /vN.N is answered with a success.
func plainVersion(prefix []byte) bool {
	if len(prefix) == 0 {
		return true
	}
	if len(prefix) > len("/v1.9999") {
		return false
	}
	v, rest, explicit := splitVersion(string(prefix))
	return explicit && rest == "" && checkVersion(v) == nil
}

// plainHeader tells whether a header changes nothing of the answer.
func plainHeader(name, value []byte) bool {
	switch {
	case bytes.EqualFold(name, []byte("Host")):
		return plainText(value, func(c byte) bool {
			return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(".-:[]_", c) >= 0
		})
	case bytes.EqualFold(name, []byte("User-Agent")), bytes.EqualFold(name, []byte("Accept")), bytes.EqualFold(name, []byte("Accept-Encoding")):
		return plainText(value, func(c byte) bool { return c >= ' ' && c < 0x7f })
	case bytes.EqualFold(name, []byte("Connection")):
		return bytes.EqualFold(value, []byte("keep-alive"))
	}
	return false
}

func plainText(text []byte, plain func(c byte) bool) bool {
	for _, c := range text {
		if !plain(c) {
			return false
		}
	}
	return len(text) > 0
}

// plainAnswers has the answers of one second.
type plainAnswers struct {
	before, behind string       // the date
	handler        http.Handler // of everything
	now            func() time.Time
	latest         atomic.Pointer[pingAnswer]
}

type pingAnswer struct {
	second    int64
	get, head []byte
}

// plainAnswers makes the answers of a server, whose pages have the origin cors.
func (s *Server) plainAnswers(cors string) *plainAnswers {
	h := http.Header{}
	s.setHeaders(h, cors)
	pingHeaders(h)
	var text strings.Builder
	_ = h.Write(&text) // a Builder takes everything
	return &plainAnswers{before: "HTTP/1.1 200 OK\r\n" + text.String() + "Date: ", behind: "\r\nContent-Length: ", now: time.Now, handler: s.Handler(cors)}
}

// serve answers GET path as net/http would, and writes the answer as a whole.
func (a *plainAnswers) serve(c *plainConn, path string) error {
	r := (&http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: path}, RequestURI: path, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, RemoteAddr: c.RemoteAddr().String(),
	}).WithContext(c.ctx)
	w := &plainAnswer{header: http.Header{}, status: http.StatusOK, body: buffers.Get().(*bytes.Buffer)}
	defer w.release()
	a.handler.ServeHTTP(w, r)
	var head bytes.Buffer
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n", w.status, http.StatusText(w.status))
	w.header["Date"] = []string{a.now().UTC().Format(http.TimeFormat)}
	w.header["Content-Length"] = []string{strconv.Itoa(w.body.Len())}
	_ = w.header.Write(&head) // a Buffer takes everything
	head.WriteString("\r\n")
	_, err := (&net.Buffers{head.Bytes(), w.body.Bytes()}).WriteTo(c.Conn)
	return err
}

// plainAnswer is an answer in memory, as the document of a list is anyway.
type plainAnswer struct {
	header http.Header
	status int
	body   *bytes.Buffer
}

// Header is that of the answer.
func (w *plainAnswer) Header() http.Header { return w.header }

// WriteHeader sets the status.
func (w *plainAnswer) WriteHeader(status int) { w.status = status }

// Write adds to the body.
func (w *plainAnswer) Write(p []byte) (int, error) { return w.body.Write(p) }

func (w *plainAnswer) release() {
	if w.body.Cap() < 1<<20 { // a giant answer is not kept for the next small one
		w.body.Reset()
		buffers.Put(w.body)
	}
}

// to is the whole answer to a method.
func (a *plainAnswers) to(method string) []byte {
	now := a.now()
	latest := a.latest.Load()
	if latest == nil || latest.second != now.Unix() {
		head := a.before + now.UTC().Format(http.TimeFormat) + a.behind
		latest = &pingAnswer{now.Unix(), fmt.Append(nil, head, "2\r\n\r\nOK"), fmt.Append(nil, head, "0\r\n\r\n")}
		a.latest.Store(latest)
	}
	if method == http.MethodHead {
		return latest.head
	}
	return latest.get
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
