package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// blob reads a blob. It is used by one goroutine, but for Close.
type blob struct {
	r       *repository
	ctx     context.Context //nolint:containedctx // lives as long as the reader
	cancel  context.CancelCauseFunc
	want    Descriptor
	sum     verifier
	sources []string // URLs that are left to try, the present one first

	body  io.ReadCloser // nil: to be opened
	stall *time.Timer   // cuts the body
	at    int64         // bytes read
	fails int           // since bytes came last
	err   error         // why reading is over
}

// errStalled is why a transfer that stands still is cut.
var errStalled = errors.New("nothing came for too long")

// Blob reads a blob.
func (r *repository) Blob(ctx context.Context, d Descriptor) (io.ReadCloser, error) {
	sum, err := newVerifier(d.Digest)
	if err != nil {
		return nil, err
	}
	b := &blob{r: r, want: d, sum: sum, sources: []string{r.url("blobs/" + url.PathEscape(d.Digest))}}
	for _, text := range d.URLs { // of layers that registries do not keep
		if u, err := url.Parse(text); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			b.sources = append(b.sources, text)
		}
	}
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
		header := http.Header{}
		if b.at > 0 {
			header.Set("Range", fmt.Sprintf("bytes=%d-", b.at))
		}
		ctx, cut := context.WithCancelCause(b.ctx)
		resp, err := b.r.do(ctx, request{method: http.MethodGet, url: b.sources[0], header: header})
		if err != nil {
			cut(nil)
			if len(b.sources) > 1 && b.ctx.Err() == nil {
				b.sources = b.sources[1:]
				continue
			}
			return fmt.Errorf("reading blob %s of %s: %w", b.want.Digest, b.r.resource, err)
		}
		b.body = &cutBody{resp.Body, cut}
		b.stall = time.AfterFunc(b.r.s.opt.Stall, func() { cut(errStalled) })
		if b.at > 0 && resp.StatusCode != http.StatusPartialContent { // it begins anew
			if _, err := io.CopyN(io.Discard, b.body, b.at); err != nil {
				return b.broken(err)
			}
		}
		return nil
	}
}

// cutBody ends its request with the body.
type cutBody struct {
	io.ReadCloser
	cut context.CancelCauseFunc
}

// Close closes the body.
func (c *cutBody) Close() error {
	err := c.ReadCloser.Close()
	c.cut(nil)
	return err
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
				break
			}
		}
		n, err := b.body.Read(p)
		b.stall.Reset(b.r.s.opt.Stall)
		if n > 0 {
			b.fails = 0
			b.at += int64(n)
			_, _ = b.sum.hash.Write(p[:n])
		}
		if b.want.Size > 0 && b.at > b.want.Size {
			b.err = b.wrong("it is longer than the %d bytes that were promised", b.want.Size)
			break
		}
		switch {
		case errors.Is(err, io.EOF) && (b.want.Size <= 0 || b.at == b.want.Size):
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
	b.stall.Stop()
	_ = b.body.Close() // it is broken
	b.body = nil
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	if b.fails++; b.fails >= tries {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: it ends after %d of %d bytes", ErrDigest, b.at, b.want.Size)
		}
		return errdefs.Unavailable("reading blob %s of %s from %s: %w", b.want.Digest, b.r.resource, b.r.at, err)
	}
	select {
	case <-time.After(min(b.r.s.opt.Backoff<<(b.fails-1), maxBackoff)):
		return nil
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
}

func (b *blob) verify() error {
	if got := b.sum.digest(); got != b.want.Digest {
		return b.wrong("it has the digest %s", got)
	}
	return io.EOF
}

func (b *blob) wrong(format string, args ...any) error {
	return errdefs.Unavailable("blob %s of %s from %s: %s: %w",
		b.want.Digest, b.r.resource, b.r.at, fmt.Sprintf(format, args...), ErrDigest)
}

// Close ends the reading.
func (b *blob) Close() error {
	b.cancel(nil)
	if b.stall != nil {
		b.stall.Stop()
	}
	if b.body == nil {
		return nil
	}
	err := b.body.Close()
	if errors.Is(err, context.Canceled) || err != nil && strings.Contains(err.Error(), "canceled") {
		return nil // that is what Close does
	}
	return err
}
