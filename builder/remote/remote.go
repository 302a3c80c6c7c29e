// Package remote owns what a build fetches by itself: contexts and Dockerfiles of
// the parameter remote, git repositories, and the files of ADD.
//
// It keeps no state but the directory of a repository until its archive is closed.
// Start reading at Fetch, which knows one kind of URL from the other, and Download.
// The package must not import engine: the builder says what users are told.
package remote

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
)

// Options say how something is fetched.
type Options struct {
	Dir           string // for repositories; the caller clears it of what a killed engine leaves
	KeepGit       bool   // the directory .git of a repository is part of it
	MaxDockerfile int64  // bytes; 0: 10 MiB
	Client        *http.Client
	// Progress is called with what has come of a download, in bytes; total is 0
	// when nobody knows. One goroutine calls it.
	Progress func(current, total int64)
}

// Fetched is what a URL stands for: one of both.
type Fetched struct {
	Archive    io.ReadCloser // plain or compressed. The caller closes it, which frees all
	Dockerfile []byte
}

// Is tells whether a text is a URL that Fetch takes.
func Is(text string) bool { return IsHTTP(text) || IsGit(text) }

// IsHTTP tells whether a text is a URL of a server of files.
func IsHTTP(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// Message is what users are told before a context is downloaded; no password is
// in it.
func Message(rawURL string) string {
	return "Downloading build context from remote url: " + Redacted(rawURL)
}

// Fetch gets what a URL stands for: a repository, an archive or a Dockerfile.
// Errors are InvalidArgument for URLs that nothing can be fetched from, and of the
// kinds of Download.
func Fetch(ctx context.Context, rawURL string, opt Options) (*Fetched, error) {
	switch {
	case IsGit(rawURL):
		r, err := clone(ctx, rawURL, opt)
		if err != nil {
			return nil, err
		}
		return &Fetched{Archive: r}, nil
	case IsHTTP(rawURL):
		return fetchHTTP(ctx, rawURL, opt)
	}
	return nil, errdefs.InvalidArgument("remote URL %s cannot be fetched: it is neither a git repository nor of http or https", Redacted(rawURL))
}

// fetchHTTP downloads an archive or a Dockerfile.
func fetchHTTP(ctx context.Context, rawURL string, opt Options) (*Fetched, error) {
	file, err := Download(ctx, rawURL, opt)
	if err != nil {
		return nil, fmt.Errorf("error downloading remote context %s: %w", Redacted(rawURL), err)
	}
	body := &peeked{Reader: bufio.NewReaderSize(file.Body, 64<<10), Closer: file.Body}
	head, err := body.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("error downloading remote context %s: %w", Redacted(rawURL), err), body.Close())
	}
	fail := func(err error) error {
		return errors.Join(errdefs.InvalidArgument("error detecting content type for remote %s: %w", Redacted(rawURL), err), body.Close())
	}
	switch {
	case len(head) == 0:
		return nil, fail(errors.New("empty response"))
	case isArchive(head):
		return &Fetched{Archive: body}, nil
	case !isText(file.Type, head):
		return nil, fail(fmt.Errorf("unsupported Content-Type %q", file.Type))
	}
	if opt.MaxDockerfile == 0 {
		opt.MaxDockerfile = 10 << 20
	}
	text, err := io.ReadAll(io.LimitReader(body, opt.MaxDockerfile+1))
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, fmt.Errorf("error downloading remote context %s: %w", Redacted(rawURL), err)
	}
	if int64(len(text)) > opt.MaxDockerfile {
		return nil, errdefs.InvalidArgument("the Dockerfile of %s is larger than %d bytes", Redacted(rawURL), opt.MaxDockerfile)
	}
	return &Fetched{Dockerfile: text}, nil
}

// peeked is a body whose beginning was looked at.
type peeked struct {
	*bufio.Reader
	io.Closer
}

// isArchive knows archives by their first bytes: 512 of zeros are an empty one.
func isArchive(head []byte) bool {
	if archive.Detect(head) != archive.None {
		return true
	}
	return len(head) == 512 && (string(head[257:262]) == "ustar" || len(bytes.Trim(head, "\x00")) == 0)
}

// isText tells whether a server may mean a Dockerfile. Many say octet-stream for
// all that has no suffix.
func isText(contentType string, head []byte) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = strings.TrimSpace(contentType)
	}
	return slices.Contains([]string{"", "text/plain", "text/x-dockerfile", "application/octet-stream"}, kind) && bytes.IndexByte(head, 0) < 0
}

// Redacted is a URL without its password, for messages.
func Redacted(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err == nil {
		if u.User == nil {
			return rawURL
		}
		return u.Redacted()
	}
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if at := strings.LastIndexByte(rest, '@'); ok && at >= 0 {
		return scheme + "://xxxxx" + rest[at:]
	}
	return rawURL
}
