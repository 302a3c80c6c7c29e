package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Remote is a file that is being downloaded.
type Remote struct {
	Body    io.ReadCloser // the caller closes it; a body that ends too early is an error
	Size    int64         // bytes; -1 when the server does not say
	ModTime time.Time     // Last-Modified, or 1970
	Name    string        // of the path, or of Content-Disposition; "" for none
	Type    string        // Content-Type as it came
	ETag    string
}

const (
	headTimeout   = 60 * time.Second // from a request to its answer
	dialTimeout   = 30 * time.Second
	maxRedirects  = 10
	maxDiagnostic = 1 << 10 // bytes of the body of a failure
)

// Download opens the file of an http or https URL, as it is on the server: what is
// compressed stays so. Errors have the kinds of their status: NotFound,
// InvalidArgument, Unauthorized, Forbidden, or Unavailable.
func Download(ctx context.Context, rawURL string, opt Options) (*Remote, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errdefs.InvalidArgument("%s is no URL of http or https", Redacted(rawURL))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, errdefs.InvalidArgument("%s is no URL of http or https", u.Redacted())
	}
	client := opt.Client
	if client == nil {
		client = newClient()
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, getError(ctx, u, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, statusError(u, resp)
	}
	r := &Remote{Size: resp.ContentLength, ModTime: time.Unix(0, 0), Name: fileName(u, resp.Header), Type: resp.Header.Get("Content-Type"), ETag: resp.Header.Get("ETag")}
	if at, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		r.ModTime = at
	}
	r.Body = &body{ReadCloser: resp.Body, ctx: ctx, url: u, progress: opt.Progress, total: max(resp.ContentLength, 0)}
	return r, nil
}

// newClient makes one that keeps no connections, so that it needs no end.
func newClient() *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTimeout,
			ResponseHeaderTimeout: headTimeout, DisableKeepAlives: true, DisableCompression: true, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) >= maxRedirects {
				return fmt.Errorf("stopped after %d redirects", maxRedirects)
			}
			return nil
		},
	}
}

// getError tells why there is no answer, without what is secret in the URL.
func getError(ctx context.Context, u *url.URL, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // the wrapper repeats the URL
	}
	return errdefs.New(errdefs.KindUnavailable, "failed to GET %s: %w", u.Redacted(), err)
}

// statusError is the error that a server answers with.
func statusError(u *url.URL, resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxDiagnostic))
	msg := fmt.Sprintf("failed to GET %s with status %s", u.Redacted(), resp.Status)
	if text = bytes.ToValidUTF8(bytes.TrimSpace(text), []byte("?")); len(text) > 0 {
		msg += ": " + string(text)
	}
	kind := errdefs.KindUnavailable
	switch resp.StatusCode {
	case http.StatusNotFound:
		kind = errdefs.KindNotFound
	case http.StatusBadRequest:
		kind = errdefs.KindInvalidArgument
	case http.StatusUnauthorized:
		kind = errdefs.KindUnauthorized
	case http.StatusForbidden:
		kind = errdefs.KindForbidden
	}
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return errdefs.New(kind, "%s (%w)", msg, err)
	}
	return errdefs.New(kind, "%s", msg)
}

// fileName guesses as Docker does: the end of the path, else what the server says.
func fileName(u *url.URL, h http.Header) string {
	if name := lastElement(u.Path); name != "" {
		return name
	}
	if _, params, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil {
		return lastElement(params["filename"])
	}
	return ""
}

// lastElement is what follows the last slash, when that can be a name.
func lastElement(name string) string {
	if name == "" || strings.HasSuffix(name, "/") || strings.IndexByte(name, 0) >= 0 {
		return ""
	}
	if name = path.Base(name); name == "." || name == ".." {
		return ""
	}
	return name
}

// body counts what comes, and gives faults a sentence.
type body struct {
	io.ReadCloser
	ctx      context.Context
	url      *url.URL
	progress func(current, total int64)
	n, total int64
}

// Read passes on.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	if b.progress != nil && n > 0 {
		b.progress(b.n, b.total)
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if b.ctx.Err() != nil {
		return n, context.Cause(b.ctx)
	}
	return n, errdefs.New(errdefs.KindUnavailable, "downloading %s ended after %d bytes: %w", b.url.Redacted(), b.n, err)
}
