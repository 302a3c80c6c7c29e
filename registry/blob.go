package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// blob reads content over breaks of the connection. It is used by one goroutine,
// but for Close.
type blob struct {
	ctx     context.Context //nolint:containedctx // lives as long as the reader
	cancel  context.CancelCauseFunc
	what    string   // for errors: "blob sha256:… of NAME"
	want    string   // digest, "" when nobody has said it
	size    int64    // bytes; 0 or less: not known
	sum     verifier // of want
	sources []source // left to try, the present one first

	body  io.ReadCloser // nil: to be opened
	at    int64         // bytes read
	fails int           // since bytes came last
	err   error         // why reading is over
}

// source is a place where content is.
type source struct {
	*session
	req request
}

// Blob reads a blob.
func (r *repository) Blob(ctx context.Context, d Descriptor) (io.ReadCloser, error) {
	sum, err := newVerifier(d.Digest)
	if err != nil {
		return nil, err
	}
	b := &blob{what: "blob " + d.Digest + " of " + r.resource, want: d.Digest, size: d.Size, sum: sum}
	for _, at := range append([]*repository{r}, r.others...) {
		b.sources = append(b.sources, source{at.session, request{method: http.MethodGet, url: at.url("blobs/" + url.PathEscape(d.Digest))}})
	}
	for _, text := range d.URLs { // of layers that registries do not keep
		if u, err := url.Parse(text); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			b.sources = append(b.sources, source{r.session, request{method: http.MethodGet, url: text}})
		}
	}
	return b.begin(ctx)
}

// c is who is asked at present.
func (b *blob) c() *session { return b.sources[0].session }

// begin asks for the beginning, so that what is not there is known at once.
func (b *blob) begin(ctx context.Context) (io.ReadCloser, error) {
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	if err := b.open(); err != nil {
		b.cancel(nil)
		return nil, err
	}
	return b, nil
}

// open asks for what has not been read yet.
func (b *blob) open() error {
	for {
		req := b.sources[0].req
		req.header = req.header.Clone()
		if b.at > 0 {
			if req.header == nil {
				req.header = http.Header{}
			}
			req.header.Set("Range", fmt.Sprintf("bytes=%d-", b.at))
		}
		resp, err := b.c().do(b.ctx, req)
		if err != nil {
			if len(b.sources) > 1 && b.ctx.Err() == nil {
				b.sources = b.sources[1:]
				continue
			}
			return fmt.Errorf("reading %s: %w", b.what, err)
		}
		b.body = resp.Body
		from, ok := rangeStart(resp)
		if !ok || from > b.at {
			return b.broken(errors.New("it sends another part than was asked for"))
		}
		return b.skip(b.at - from)
	}
}

// rangeStart is the first byte of what comes. Without parts it is the first one.
func rangeStart(resp *http.Response) (from int64, ok bool) {
	if resp.StatusCode != http.StatusPartialContent {
		return 0, true
	}
	text, _, _ := strings.Cut(strings.TrimPrefix(resp.Header.Get("Content-Range"), "bytes "), "-")
	from, err := strconv.ParseInt(text, 10, 64)
	return from, err == nil && from >= 0
}

// skip reads again what has been read already.
func (b *blob) skip(n int64) error {
	if n == 0 {
		return nil
	}
	if _, err := io.CopyN(io.Discard, b.body, n); err != nil {
		return b.broken(err)
	}
	return nil
}

// Read reads on, over breaks of the connection.
func (b *blob) Read(p []byte) (int, error) {
	for b.err == nil {
		if err := b.ctx.Err(); err != nil {
			b.err = context.Cause(b.ctx)
			break
		}
		if b.body == nil {
			if err := b.open(); err != nil {
				b.err = err
			}
			continue // skipping what was read may have failed
		}
		n, err := b.body.Read(p)
		if n > 0 {
			b.fails = 0
			b.at += int64(n)
			if b.want != "" {
				_, _ = b.sum.hash.Write(p[:n])
			}
		}
		switch {
		case b.size > 0 && b.at > b.size:
			b.err = b.wrong("it is longer than the %d bytes that were promised", b.size)
			return 0, b.err
		case errors.Is(err, io.EOF) && (b.size <= 0 || b.at == b.size):
			b.err = b.verify()
		case err != nil:
			b.err = b.broken(err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, b.err
}

// broken waits before the next try, or gives up.
func (b *blob) broken(err error) error {
	_ = b.body.Close() // it is broken
	b.body = nil
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	if b.fails++; b.fails >= tries && len(b.sources) > 1 {
		b.sources, b.fails = b.sources[1:], 0
		return nil
	}
	if b.fails >= tries {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: it ends after %d of %d bytes", ErrDigest, b.at, b.size)
		}
		return errdefs.Unavailable("reading %s from %s: %w", b.what, b.c().at, err)
	}
	select {
	case <-time.After(min(b.c().s.opt.Backoff<<(b.fails-1), maxBackoff)):
		return nil
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
}

func (b *blob) verify() error {
	if b.want == "" {
		return io.EOF
	}
	if got := b.sum.digest(); got != b.want {
		return b.wrong("it has the digest %s", got)
	}
	return io.EOF
}

func (b *blob) wrong(format string, args ...any) error {
	return errdefs.Unavailable("%s from %s: %s: %w", b.what, b.c().at, fmt.Sprintf(format, args...), ErrDigest)
}

// Close ends the reading: with the context, so that any goroutine may call it.
func (b *blob) Close() error {
	b.cancel(nil)
	return nil
}
