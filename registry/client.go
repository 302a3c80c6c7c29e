package registry

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Limits of patience and of what is read from a registry.
const (
	tries        = 5
	maxBackoff   = 10 * time.Second
	maxRetryWait = time.Minute // that a registry may ask for
	maxErrorBody = 64 << 10
	maxListBody  = 4 << 20

	documentPatience = 2 * time.Minute // for a whole document, however slowly it comes
)

// session is the requests of one user to one endpoint.
type session struct {
	s        *Service
	at       endpoint
	http     *http.Client
	auth     Auth
	scope    string // what tokens are asked for: "repository:NAME:pull"
	more     string // a second scope, for taking blobs over
	resource string // what the errors are about
}

// request is one request that may be repeated.
type request struct {
	method string
	url    string // absolute, or a path at the endpoint
	header http.Header
	body   []byte
	stream io.Reader // a body that can be read once: then nothing is repeated
}

// do sends a request until it is answered by something that will not change by
// asking again. The caller closes the body. Answers of 400 and more are errors.
func (c *session) do(ctx context.Context, req request) (*http.Response, error) {
	wait := c.s.opt.Backoff
	for try := 1; ; try++ {
		resp, err := c.authorized(ctx, req)
		if err == nil && resp.StatusCode < 400 {
			return resp, nil
		}
		if ctx.Err() != nil {
			if err == nil {
				resp.Body.Close()
			}
			return nil, context.Cause(ctx)
		}
		pause := wait
		if err == nil {
			pause = max(pause, retryAfter(resp))
			err = c.failure(resp)
			if !passing(resp.StatusCode) {
				return nil, err
			}
		} else if !worthRetrying(err) || c.at.mirror && unreached(err) {
			return nil, err
		}
		if try == c.tries() || req.stream != nil || pause > maxRetryWait {
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		wait = min(2*wait, maxBackoff)
	}
}

// tries is how often a request is sent: there is somebody else to ask than a mirror.
func (c *session) tries() int {
	if c.at.mirror {
		return 2
	}
	return tries
}

// passing tells whether a status may be another one a little later.
func passing(code int) bool {
	switch code {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return true
	}
	return false
}

// worthRetrying tells whether a failed request may succeed later: not when the
// other side is not who it should be, or its redirects lead nowhere.
func worthRetrying(err error) bool {
	return errdefs.Is(err, errdefs.KindUnavailable) && !errors.Is(err, errFinal)
}

// Again tells whether what failed at the try of this number (the first is 1) is
// worth another one, and waits before it: longer each time.
func (s *Service) Again(ctx context.Context, try int, err error) bool {
	if try >= tries || !worthRetrying(err) {
		return false
	}
	select {
	case <-time.After(min(s.opt.Backoff<<(try-1), maxBackoff)):
		return true
	case <-ctx.Done():
		return false
	}
}

// errFinal marks failures of connections that time does not heal.
var errFinal = errors.New("asking again would not help")

// retryAfter is how long the registry wants to be left alone.
func retryAfter(resp *http.Response) time.Duration {
	text := resp.Header.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// authorized sends a request once, twice when the registry wants to know who asks.
func (c *session) authorized(ctx context.Context, req request) (*http.Response, error) {
	resp, err := c.send(ctx, req, c.s.credentials(c))
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	header, known, err := c.s.answerChallenge(ctx, c, resp.Header.Values("WWW-Authenticate"))
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	if !known || req.stream != nil {
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody) // so that the connection can be used again
	resp.Body.Close()
	return c.send(ctx, req, header)
}

// send sends a request as it is.
func (c *session) send(ctx context.Context, req request, authorization string) (*http.Response, error) {
	target := req.url
	if strings.HasPrefix(target, "/") {
		target = c.at.String() + target
	}
	own, cut := context.WithCancelCause(ctx)
	w := newWatch(c.s.opt.Stall, cut)
	r, err := http.NewRequestWithContext(own, req.method, target, w.body(req))
	if err != nil {
		w.end()
		return nil, errdefs.InvalidArgument("asking registry %s: %w", c.at, err)
	}
	for key, values := range req.header {
		r.Header[key] = values
	}
	if c.s.opt.UserAgent != "" {
		r.Header.Set("User-Agent", c.s.opt.UserAgent)
	}
	if authorization != "" && strings.EqualFold(r.URL.Host, c.at.base.Host) && r.URL.Scheme == c.at.base.Scheme { // uploads may go elsewhere
		r.Header.Set("Authorization", authorization)
	}
	w.await(req.method)
	resp, err := c.http.Do(r)
	if err != nil {
		if errors.Is(context.Cause(own), errStalled) {
			err = errStalled
		}
		w.end()
		c.s.forget(c.at)
		return nil, c.unreachable(ctx, err)
	}
	resp.Body = w.answer(resp.Body)
	return resp, nil
}

// unreachable makes the error of a request that was not answered.
func (c *session) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its text would repeat the address, with what it carries
	}
	var (
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		op          *net.OpError
	)
	if errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &op) && op.Op == "remote error" || // an alert of TLS
		errors.Is(err, http.ErrSchemeMismatch) || errors.Is(err, errRedirects) {
		err = fmt.Errorf("%w%w", err, quiet{errFinal})
	}
	return errdefs.Unavailable("asking registry %s: %w", c.at, err)
}

// quiet is an error that is found with errors.Is and does not show.
type quiet struct{ error }

// Error is empty.
func (quiet) Error() string { return "" }

// Unwrap returns what is hidden.
func (q quiet) Unwrap() error { return q.error }

// problem is one entry of the error document of the protocol.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// failure makes an error of an answer and closes it.
func (c *session) failure(resp *http.Response) error {
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what there is says enough
	var doc struct {
		Errors  []problem `json:"errors"`
		Details string    `json:"details"` // of token servers
		Error   any       `json:"error"`   // of v1
	}
	what := resp.Status
	if json.Unmarshal(text, &doc) == nil {
		var list []string
		for _, p := range doc.Errors {
			list = append(list, strings.ToLower(strings.ReplaceAll(p.Code, "_", " "))+": "+p.Message)
		}
		if word, ok := doc.Error.(string); ok && word != "" {
			list = append(list, word)
		}
		if doc.Details != "" {
			list = append(list, doc.Details)
		}
		if len(list) > 0 {
			what = printable(strings.Join(list, "; "))
		}
	}
	return c.errorOf(resp.StatusCode, what)
}

// missing says that a registry does not have what was asked for.
type missing struct{ what, why string }

// Error says both.
func (m *missing) Error() string { return m.what + ": " + m.why }

// isMissing tells a thing that is not there from one that may not be seen.
func isMissing(err error) (*missing, bool) {
	var m *missing
	ok := errors.As(err, &m)
	return m, ok
}

// errorOf gives a status its kind.
func (c *session) errorOf(code int, what string) error {
	pushes := strings.HasSuffix(c.scope, ",push")
	switch code {
	case http.StatusUnauthorized:
		if pushes || !anonymous(c.auth) {
			return errdefs.Unauthorized("%s: %s", c.resource, what)
		}
		return errdefs.NotFound("pull access denied for %s, repository does not exist or may require 'docker login': %s", c.resource, what)
	case http.StatusForbidden:
		if pushes {
			return errdefs.Forbidden("%s: denied: requested access to the resource is denied", c.resource)
		}
		return errdefs.NotFound("pull access denied for %s, repository does not exist or may require 'docker login': %s", c.resource, what)
	case http.StatusNotFound:
		return errdefs.As(errdefs.KindNotFound, &missing{c.resource, what})
	case http.StatusTooManyRequests:
		return errdefs.Unavailable("registry %s asks for fewer requests, try again later: %s", c.at, what)
	}
	if code >= 500 {
		return errdefs.Unavailable("registry %s failed for %s: %s", c.at, c.resource, what)
	}
	return errdefs.InvalidArgument("registry %s refuses for %s: %s", c.at, c.resource, what)
}

// printable takes out of foreign text what a terminal would act on, and bounds it.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return text[:min(len(text), 1024)]
}

// readAll reads a bounded body and closes it.
func readAll(resp *http.Response, most int64, what string) ([]byte, error) {
	defer resp.Body.Close()
	defer time.AfterFunc(documentPatience, func() { _ = resp.Body.Close() }).Stop() // a byte at a time is no answer
	text, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, errdefs.Unavailable("reading %s: %w", what, err)
	}
	if int64(len(text)) > most {
		return nil, errdefs.InvalidArgument("%s is larger than %d bytes", what, most)
	}
	return text, nil
}
