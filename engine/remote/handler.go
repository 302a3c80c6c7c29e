package remote

import (
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// Headers of the request. Job-Protocol chooses the plain form.
const (
	HeaderProtocol    = "Job-Protocol"
	HeaderEnv         = "Job-Env"
	HeaderTimeout     = "Job-Timeout-Ms"
	HeaderVia         = "Job-Via"
	HeaderParent      = "Job-Parent"
	HeaderTraceparent = "Traceparent"
)

// Headers and trailers of the answer.
const (
	HeaderName = "Job-Name"
	HeaderArgs = "Job-Args"
	HeaderID   = "Job-Id"
	// The result of the job: trailers, or headers when it failed before it
	// wrote anything.
	HeaderStatus    = "Job-Status"
	HeaderErrorKind = "Job-Error-Kind"
	HeaderErrorCode = "Job-Error-Code"
	HeaderError     = "Job-Error"
)

// Protocol is the version of the plain form that this package speaks.
const Protocol = "1"

// Upgrade is the protocol that a session on HTTP/1.1 changes to, and FramesType
// the content type of frames in a body.
const (
	Upgrade    = "enginejobs/1"
	FramesType = "application/vnd.enginejobs.frames"
)

// Options of a Handler. The zero value is ready for use.
type Options struct {
	// MaxCalls is how many jobs one session may run at a time; 0: what package
	// wire allows.
	MaxCalls int
}

// Handler makes an HTTP handler that runs the jobs of eng. It serves every path;
// the last segment is the name of the job.
//
// There is no authentication: mount it behind something that has, put the
// caller into the context of the request (engine.WithCaller) and give eng an
// authorizer. Without a caller in the context it is taken from the address of
// the connection. Requests that a browser sends for another site are refused.
func Handler(eng *engine.Engine, o Options) http.Handler {
	h := &handler{eng: eng, o: o}
	return http.HandlerFunc(h.serve)
}

type handler struct {
	eng *engine.Engine
	o   Options
}

// serve finds the form of a request.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) {
	if err := sameSite(r); err != nil {
		refuse(w, r, err)
		return
	}
	version, plain := header(r, HeaderProtocol)
	switch {
	case asks(r.Header, "Connection", "upgrade") && r.Header.Get("Upgrade") != "":
		h.upgrade(w, r)
	case mediaType(r.Header.Get("Content-Type")) == FramesType && strings.HasSuffix(r.URL.Path, "/"):
		h.bodies(w, r)
	case !plain:
		h.classic(w, r)
	case version != Protocol:
		refuse(w, r, errdefs.InvalidArgument("%s: this engine speaks version %s, not %s", HeaderProtocol, Protocol, quote(version)))
	default:
		h.plain(w, r)
	}
}

// sameSite refuses what a web page of another site made a browser send. Such a
// request carries the rights of the user who sits in front of the browser.
func sameSite(r *http.Request) error {
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "none", "same-origin":
	default:
		return errdefs.Forbidden("running a job for a web page of another site (Sec-Fetch-Site: %s) is refused", quote(site))
	}
	if err := knownHost(r); err != nil {
		return err
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if from, err := url.Parse(origin); err != nil || from.Host == "" || from.Host != r.Host {
		return errdefs.Forbidden("running a job for a web page of %s is refused", quote(origin))
	}
	return nil
}

// knownHost refuses a browser that knows us by a name which may have been made up
// for an address of ours by another site: a page of that name is of the same site
// as we are. A name in a certificate cannot be made up.
func knownHost(r *http.Request) error {
	if r.TLS != nil || onUnix(r) || !strings.HasPrefix(r.UserAgent(), "Mozilla/") {
		return nil
	}
	u := url.URL{Host: r.Host}
	if name := u.Hostname(); name == "localhost" || net.ParseIP(name) != nil {
		return nil
	}
	return errdefs.Forbidden("running a job for a web page of %s is refused: use the address of the engine, or TLS", quote(r.Host))
}

// callerOf tells who sent the request: what the listener put into its context,
// or else the address that it came from.
func callerOf(r *http.Request) engine.Caller {
	if c := engine.CallerOf(r.Context()); c != nil {
		return *c
	}
	c := engine.Caller{Network: "tcp", Detail: r.RemoteAddr, UID: -1, PID: -1}
	if onUnix(r) {
		c.Network, c.Detail = "unix", ""
	}
	if r.TLS != nil {
		c.Network = "tls"
		if chains := r.TLS.VerifiedChains; len(chains) > 0 {
			subject := chains[0][0].Subject
			c.CommonName, c.Organizations = subject.CommonName, subject.Organization
			c.Client = "tls:" + subject.CommonName
		}
	}
	if c.Client == "" && c.Network != "unix" {
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			c.Client = "tcp:" + host
		}
	}
	return c
}

// onUnix tells whether the request came over a unix socket.
func onUnix(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && strings.HasPrefix(addr.Network(), "unix")
}

// header returns the first value of a header and whether it is there at all.
func header(r *http.Request, name string) (string, bool) {
	values := r.Header[http.CanonicalHeaderKey(name)]
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// asks tells whether a header that is a list of words has the word, in any case.
func asks(h http.Header, name, word string) bool {
	for _, value := range h[name] {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), word) {
				return true
			}
		}
	}
	return false
}

// mediaType is a content type without its parameters.
func mediaType(value string) string {
	value, _, _ = strings.Cut(value, ";")
	return strings.ToLower(strings.TrimSpace(value))
}

// segment is the last segment of the path of a request, decoded after it was
// split off, so that the name of a job may hold any byte.
func segment(r *http.Request) (string, error) {
	last := path.Base(r.URL.EscapedPath())
	if strings.HasSuffix(r.URL.Path, "/") {
		return "", errdefs.InvalidArgument("the path %s ends without the name of a job", quote(r.URL.Path))
	}
	name, err := url.PathUnescape(last)
	if err != nil {
		return "", errdefs.InvalidArgument("the name of the job, %s, is not percent-encoded: %w", quote(last), err)
	}
	return name, nil
}
