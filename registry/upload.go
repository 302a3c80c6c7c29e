package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// upload is an Upload: POST begins it, PATCH sends, PUT ends it.
type upload struct {
	r  *repository
	at string // where the next request goes
}

// Upload begins an upload.
func (r *repository) Upload(ctx context.Context) (Upload, error) {
	_, u, err := r.begin(ctx, "")
	return u, err
}

// MountBlob takes a blob over from another repository.
func (r *repository) MountBlob(ctx context.Context, digest, from string) (bool, Upload, error) {
	mounter := *r.session
	mounter.more = "repository:" + from + ":pull"
	return (&repository{session: &mounter, path: r.path}).begin(ctx, "?"+url.Values{"mount": {digest}, "from": {from}}.Encode())
}

func (r *repository) begin(ctx context.Context, query string) (mounted bool, u Upload, err error) {
	resp, err := r.do(ctx, request{method: http.MethodPost, url: r.url("blobs/uploads/") + query, body: []byte{}})
	if err != nil {
		return false, nil, err
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusCreated {
		return true, nil, nil
	}
	at, err := location(resp)
	if err != nil {
		return false, nil, err
	}
	return false, &upload{r, at}, nil
}

// location is where an upload goes on.
func location(resp *http.Response) (string, error) {
	u, err := resp.Location()
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", errdefs.Unavailable("registry %s does not say where an upload goes", resp.Request.URL.Host)
	}
	if asked := resp.Request.URL; u.Host == asked.Host && asked.Scheme == "https" {
		u.Scheme = "https" // registries behind a proxy may not know better
	}
	return u.String(), nil
}

// Send streams bytes.
func (u *upload) Send(ctx context.Context, body io.Reader) (int64, error) {
	if u.r.s.tokenEnded(u.r.session) { // a stream is sent once: who sends it has to be known before
		u.r.renew(ctx, u.at)
	}
	lent := &lent{r: body}
	resp, err := u.r.do(ctx, request{
		method: http.MethodPatch, url: u.at, stream: lent,
		header: http.Header{"Content-Type": {"application/octet-stream"}},
	})
	n, whole := lent.takeBack()
	if err != nil {
		return n, err
	}
	resp.Body.Close()
	if !whole {
		return n, errdefs.Unavailable("registry %s took an upload before all of it was sent", u.r.at)
	}
	u.at, err = location(resp)
	return n, err
}

// renew buys a token, by asking how far an upload is.
func (r *repository) renew(ctx context.Context, at string) {
	r.s.dropToken(r.session)
	resp, err := r.authorized(ctx, request{method: http.MethodGet, url: at})
	if err == nil { // whatever it says; failures show when the stream is sent
		resp.Body.Close()
	}
}

// lent is a reader that package http may read while a request lasts.
type lent struct {
	mu    sync.Mutex // held while r is read
	r     io.Reader  // guarded by mu, nil once taken back
	n     int64      // guarded by mu: bytes read
	ended bool       // guarded by mu: to its end
}

// Read counts what it passes on.
func (l *lent) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.r == nil {
		return 0, io.ErrClosedPipe
	}
	n, err := l.r.Read(p)
	l.n += int64(n)
	l.ended = l.ended || errors.Is(err, io.EOF)
	return n, err
}

// takeBack ends the reading, after a read that is under way, and tells how much
// was read, and whether that is all.
func (l *lent) takeBack() (n int64, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.r = nil
	return l.n, l.ended
}

// Commit ends the upload.
func (u *upload) Commit(ctx context.Context, digest string) error {
	at, err := url.Parse(u.at)
	if err != nil {
		return errdefs.Unavailable("registry %s does not say where an upload goes", u.r.at)
	}
	query := at.Query()
	query.Set("digest", digest)
	at.RawQuery = query.Encode()
	resp, err := u.r.do(ctx, request{method: http.MethodPut, url: at.String(), body: []byte{}})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// cancelPatience is how long a registry may take to forget an upload.
const cancelPatience = 5 * time.Second

// Cancel tells the registry to forget the upload.
func (u *upload) Cancel() {
	ctx, cancel := context.WithTimeout(context.Background(), cancelPatience)
	defer cancel()
	resp, err := u.r.authorized(ctx, request{method: http.MethodDelete, url: u.at})
	if err == nil {
		resp.Body.Close()
	}
}
