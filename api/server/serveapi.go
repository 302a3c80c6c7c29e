package server

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/enginejobs/docker/engine"
)

// Limits of one connection. Bodies and streams may take as long as they want.
const (
	headerTimeout  = 20 * time.Second
	maxHeaderBytes = 1 << 20
	maxStreams     = 250 // of one HTTP/2 connection
	// readTimeout is how long a client may take to read a large part of a JSON
	// document, or an event. It ends what would hold a place among the running jobs
	// or memory for ever.
	readTimeout = time.Minute
	// drainTimeout is how long requests that change something may go on after
	// the server was asked to stop. It must be shorter than engine.DefaultGrace.
	drainTimeout = 4 * time.Second
	lastWords    = 50 * time.Millisecond
)

// Bound is what serveapi reports for each listener, as a line of JSON.
type Bound struct {
	Address string // "unix:///var/run/docker.sock", "tcp://127.0.0.1:2375"
}

// declareServeAPI describes the job that owns the listeners.
//
// Usage: serveapi ADDRESS...
// Args: unix://PATH, tcp://HOST:PORT, fd://[NAME]; all are bound before any
// serves, and none serves before the job acceptconnections.
// Stdout: a Bound for each listener.
// Errors: InvalidArgument for a tcp address that everybody may use, when no
// access policy was named; that of the first listener that cannot be bound, or that fails later.
// The job runs until it is cancelled; then it stops listening and lets requests
// that change something end.
func (s *Server) declareServeAPI() engine.Declaration {
	return engine.Declaration{
		Name:    "serveapi",
		Summary: "Listen on addresses and serve the HTTP API until it is cancelled.",
		Args:    []engine.Arg{{Name: "ADDRESS", Variadic: true, Summary: "unix://PATH, tcp://HOST:PORT or fd://[NAME]"}},
		Env: []engine.Key{
			{Name: "EnableCors", Type: engine.Bool, Summary: "let pages of any origin send requests"},
			{Name: "CorsHeaders", Summary: "let pages of this origin send requests"},
			{Name: "SocketGroup", Summary: "group of unix sockets; empty leaves it alone"},
			{Name: "Tls", Type: engine.Bool, Summary: "TLS on tcp listeners"},
			{Name: "TlsVerify", Type: engine.Bool, Summary: "demand a certificate of clients"},
			{Name: "TlsCa", Summary: "file of the CA that signs clients"},
			{Name: "TlsCert", Summary: "file of the server's certificate"},
			{Name: "TlsKey", Summary: "file of the server's key"},
			{Name: "AccessPolicy", Summary: "name of the access policy in force; tcp without verified clients needs one"},
			{Name: "BufferRequests", Type: engine.Bool, Default: "1", Summary: "hold requests until acceptconnections"},
		},
		Stdout:  engine.JSONLines,
		Changes: true,
		Waits:   true,
		Handler: s.jobServeAPI,
	}
}

type serveOptions struct {
	addresses   []string
	cors, group string
	buffer      bool
	policy      string // of access; "" none
	tls         tlsOptions
}

func decodeServe(job *engine.Job) serveOptions {
	o := serveOptions{
		addresses: job.Args,
		cors:      job.Getenv("CorsHeaders"),
		group:     job.Getenv("SocketGroup"),
		buffer:    job.GetenvBool("BufferRequests"),
		policy:    job.Getenv("AccessPolicy"),
		tls: tlsOptions{
			on: job.GetenvBool("Tls"), verify: job.GetenvBool("TlsVerify"),
			ca: job.Getenv("TlsCa"), cert: job.Getenv("TlsCert"), key: job.Getenv("TlsKey"),
		},
	}
	if o.cors == "" && job.GetenvBool("EnableCors") {
		o.cors = "*"
	}
	if len(o.addresses) == 0 {
		o.addresses = []string{""} // the default socket
	}
	return o
}

func (s *Server) jobServeAPI(job *engine.Job) error {
	opt := decodeServe(job)
	listeners, err := s.bindAll(opt)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(job.Stdout)
	for _, l := range listeners {
		if err := enc.Encode(Bound{Address: l.Addr().Network() + "://" + l.Addr().String()}); err != nil {
			return errors.Join(err, closeAll(listeners))
		}
	}
	return s.serveAll(job.Context(), listeners, opt)
}

// bindAll binds every address or none.
func (s *Server) bindAll(opt serveOptions) ([]net.Listener, error) {
	secure, err := opt.tls.config()
	if err != nil {
		return nil, err
	}
	var all []net.Listener
	for _, address := range opt.addresses {
		listeners, err := s.bind(address, opt, secure)
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		all = append(all, listeners...)
	}
	return all, nil
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// protocols are those of every listener. HTTP/2 is for clients that carry many
// jobs on one connection; in the clear they say so with their first bytes, over
// TLS by ALPN. Attaching to a container remains HTTP/1.1.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// serveAll serves until ctx ends or a listener fails, which ends the others.
func (s *Server) serveAll(ctx context.Context, listeners []net.Listener, opt serveOptions) error {
	if opt.buffer {
		select {
		case <-s.accept:
		case <-ctx.Done():
			return closeAll(listeners)
		}
	}
	base, cut := context.WithCancel(context.Background())
	defer cut()
	srv := &http.Server{
		Handler:           s.Handler(opt.cors),
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          s.httpLog(),
		Protocols:         protocols(),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       meet,
		ConnState:         follow,
	}
	if !s.opt.Debug { // who debugs sees every request in the log
		listeners = s.looking(listeners, opt.cors)
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- srv.Serve(l) }()
	}
	var failure error
	running := len(listeners)
	select {
	case <-ctx.Done():
	case failure = <-failed:
		running--
	}
	s.drain(srv, cut)
	for ; running > 0; running-- {
		if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
			failure = errors.Join(failure, err)
		}
	}
	return failure
}
