package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
)

// DefaultPath is where an engine is mounted unless the URL says otherwise.
const DefaultPath = "/jobs/"

// DialOption changes how Dial reaches an engine.
type DialOption func(*target)

// WithTLS makes the connection of tcp:// and https:// use this configuration: the
// authority that signs servers, the certificate and key that we show. Without a
// ServerName the host of the URL is checked. unix:// ignores it, http:// refuses.
func WithTLS(config *tls.Config) DialOption { return func(t *target) { t.tls = config } }

// WithHTTP2 makes the session use HTTP/2: over TLS by ALPN, else with prior
// knowledge. Without it https:// uses HTTP/2 where the server offers it, and
// everything else HTTP/1.1 with Upgrade.
func WithHTTP2() DialOption { return func(t *target) { t.http2 = true } }

// WithPath changes the path that the engine is mounted at: "/jobs/".
func WithPath(path string) DialOption { return func(t *target) { t.path = path } }

// WithDialer makes f open the connections, in place of package net. Its network
// is "unix" or "tcp".
func WithDialer(f func(ctx context.Context, network, address string) (net.Conn, error)) DialOption {
	return func(t *target) { t.dial = f }
}

// WithTimeout limits the time that connecting may take; 30 seconds unless given.
func WithTimeout(d time.Duration) DialOption { return func(t *target) { t.timeout = d } }

// target is where an engine is, and how to get there.
type target struct {
	shown   string // the URL, for errors
	network string // "unix" or "tcp"
	address string
	host    string // of the Host header, and of the server's certificate
	path    string
	tls     *tls.Config // nil: none
	http2   bool
	alpn    bool // HTTP/2 when the server offers it
	timeout time.Duration
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// Engine is an engine that is somewhere else. It is used like a local one, by
// any number of goroutines: Job makes a job that runs there.
//
// It holds one connection, which all its jobs share. When that breaks, the jobs
// on it fail with Unavailable, and the next job makes a new one.
type Engine struct {
	target *target
	local  *engine.Engine // has one handler: Handle

	mu      sync.Mutex   // nothing blocks while it is held
	conn    *wire.Conn   // nil: none yet, or it broke
	peer    string       // the id of the engine there
	retired []*wire.Conn // take no new jobs, and have some to finish
	dialing *attempt     // nil: nobody is connecting
	closed  bool

	attempts sync.WaitGroup // goroutines that connect
}

// attempt is one try to connect, which all jobs that need it wait for.
type attempt struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when conn and err are there
	conn   *wire.Conn
	err    error
	users  int // who waits; guarded by Engine.mu. The last one to leave cancels.
}

// Dial connects to an engine: unix:///PATH, tcp://HOST:PORT, http://HOST[:PORT][/PATH]
// or https://…. It fails when the engine cannot be reached now: Unavailable when
// it may be later, InvalidArgument when the URL makes no sense.
func Dial(ctx context.Context, rawurl string, options ...DialOption) (*Engine, error) {
	t, err := parseTarget(rawurl, options)
	if err != nil {
		return nil, err
	}
	e := &Engine{target: t, local: engine.NewEmpty()}
	e.local.RegisterCatchall(e.Handle)
	if _, err := e.connection(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// Job makes a job that will run on the other engine. It is configured and run
// like a local one; its result has the kind, code and text of the one there.
func (e *Engine) Job(name string, args ...string) *engine.Job { return e.local.Job(name, args...) }

// Handle carries a job out on the other engine. As a catch-all it makes an
// engine forward what it does not know:
//
//	eng.RegisterCatchall(there.Handle)
func (e *Engine) Handle(job *engine.Job) error {
	conn, err := e.connection(job.Context())
	if err != nil {
		return err
	}
	return conn.Handle(job)
}

// ID returns the id of the engine that we were last connected to.
func (e *Engine) ID() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.peer
}

// Commands asks for the names of all jobs there.
func (e *Engine) Commands(ctx context.Context) ([]string, error) {
	out, err := e.Job("commands").SetContext(ctx).Output()
	return strings.Fields(string(out)), err
}

// Declarations asks how the named jobs, or all, are declared there.
func (e *Engine) Declarations(ctx context.Context, names ...string) ([]engine.JobDescription, error) {
	var list []engine.JobDescription
	err := e.Job("job_list", names...).SetContext(ctx).OutputJSON(&list)
	return list, err
}

// Close ends the connection. Jobs that run on it fail with Unavailable, and so
// does every later one.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.conn != nil {
		e.retire()
	}
	conns, dialing := e.retired, e.dialing
	e.closed, e.retired = true, nil
	e.mu.Unlock()
	if dialing != nil {
		dialing.cancel()
	}
	e.attempts.Wait()
	var first error
	for _, conn := range conns {
		if err := conn.Close(); first == nil {
			first = err
		}
	}
	return first
}

// retire sets the connection aside, for the jobs that run on it, and forgets
// those that have ended. Call it with the lock held.
func (e *Engine) retire() {
	e.retired = slices.DeleteFunc(append(e.retired, e.conn), func(conn *wire.Conn) bool {
		select {
		case <-conn.Done():
			return true
		default:
			return false
		}
	})
	e.conn = nil
}

// connection returns the connection, and makes one when there is none that
// works. It gives up when ctx ends; others may go on waiting for it.
func (e *Engine) connection(ctx context.Context) (*wire.Conn, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, errdefs.Unavailable("the connection to %s was closed", e.target.shown)
	}
	if e.conn != nil {
		select {
		case <-e.conn.Leaving(): // also when it has ended
			e.retire()
		default:
			defer e.mu.Unlock()
			return e.conn, nil
		}
	}
	a := e.dialing
	if a == nil {
		a = e.begin()
	}
	a.users++
	e.mu.Unlock()
	select {
	case <-a.done:
		return a.conn, a.err
	case <-ctx.Done():
		e.leave(a)
		return nil, fmt.Errorf("connecting to %s: %w", e.target.shown, context.Cause(ctx))
	}
}

// begin starts an attempt. Call it with the lock held.
func (e *Engine) begin() *attempt {
	ctx, cancel := context.WithTimeout(context.Background(), e.target.timeout)
	a := &attempt{cancel: cancel, done: make(chan struct{})}
	e.dialing = a
	e.attempts.Add(1)
	go e.connect(ctx, a)
	return a
}

// connect makes the connection of an attempt. Dial and jobs wait for it, and
// Close does.
func (e *Engine) connect(ctx context.Context, a *attempt) {
	defer e.attempts.Done()
	defer a.cancel()
	conn, err := e.target.connect(ctx, e.local.ID())
	e.mu.Lock()
	wanted := e.dialing == a
	if wanted {
		e.dialing = nil
	}
	if err == nil && (e.closed || !wanted) {
		err = errdefs.Unavailable("the connection to %s was closed", e.target.shown)
	}
	if err == nil {
		e.conn, e.peer = conn, conn.Peer()
	}
	e.mu.Unlock()
	if err != nil && conn != nil {
		_ = conn.Close()
		conn = nil
	}
	a.conn, a.err = conn, err
	close(a.done)
}

// leave is called by one who no longer waits; the last one ends the attempt.
func (e *Engine) leave(a *attempt) {
	e.mu.Lock()
	a.users--
	last := a.users == 0
	if last && e.dialing == a {
		e.dialing = nil // who comes next starts afresh
	}
	e.mu.Unlock()
	if last {
		a.cancel()
	}
}

// parseTarget reads a URL.
func parseTarget(rawurl string, options []DialOption) (*target, error) {
	t := &target{shown: rawurl, path: DefaultPath, timeout: 30 * time.Second}
	u, err := url.Parse(rawurl)
	if err != nil {
		return nil, errdefs.InvalidArgument("the address of an engine, %s, is no URL: %w", quote(rawurl), errors.Unwrap(err))
	}
	port := ""
	switch u.Scheme {
	case "unix":
		t.network, t.address, t.host = "unix", u.Host+u.Path, "engine"
	case "tcp":
		t.network = "tcp"
	case "http":
		t.network, port = "tcp", "80"
	case "https":
		t.network, port, t.tls, t.alpn = "tcp", "443", &tls.Config{}, true
	default:
		return nil, errdefs.InvalidArgument("the address of an engine, %s, begins with none of unix://, tcp://, http://, https://", quote(rawurl))
	}
	if t.network == "tcp" {
		if u.Port() != "" {
			port = u.Port()
		}
		if u.Hostname() == "" || port == "" {
			return nil, errdefs.InvalidArgument("the address of an engine, %s, needs a host and a port", quote(rawurl))
		}
		t.address, t.host = net.JoinHostPort(u.Hostname(), port), u.Host
		if u.Path != "" && u.Path != "/" {
			t.path = u.EscapedPath()
		}
	}
	if t.address == "" {
		return nil, errdefs.InvalidArgument("the address of an engine, %s, names no socket", quote(rawurl))
	}
	for _, option := range options {
		option(t)
	}
	switch {
	case t.tls == nil:
	case u.Scheme == "http":
		return nil, errdefs.InvalidArgument("the address of an engine, %s, is not encrypted, but there is a TLS configuration; write https:// or tcp://", quote(rawurl))
	case u.Scheme == "unix":
		t.tls = nil // it does not leave the host
	}
	if !strings.HasSuffix(t.path, "/") {
		t.path += "/"
	}
	if t.dial == nil {
		t.dial = (&net.Dialer{}).DialContext
	}
	return t, nil
}
