package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
)

// This file is the only place where an HTTP status becomes a kind of error.

// responseError is what a daemon answered instead of success.
type responseError struct{ message string }

func (e *responseError) Error() string { return "Error response from daemon: " + e.message }

// errorBodyLimit bounds what is read of an error's text.
const errorBodyLimit = 64 << 10

// readError makes an error of a response with a failure status.
func readError(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, errorBodyLimit))
	var body api.ErrorBody
	message := strings.TrimSpace(string(text))
	if json.Unmarshal(text, &body) == nil && body.Message != "" {
		message = strings.TrimSpace(body.Message)
	}
	kind := api.KindOfStatus(resp.StatusCode)
	if message == "" {
		return errdefs.New(kind, "Error: request returned %s for API route and version %s, "+
			"check if the server supports the requested API version", http.StatusText(resp.StatusCode), resp.Request.URL)
	}
	return &errdefs.Error{Kind: kind, Code: body.Code, Err: &responseError{message}}
}

// dialError explains why no connection came about.
func dialError(c *httpClient, err error) error {
	var perm bool
	var unknown *net.DNSError // has nothing to do with TLS
	if errors.Is(err, fs.ErrPermission) {
		perm = true
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), c.proto == "unix" && errors.Is(err, fs.ErrNotExist):
		return errdefs.Unavailable("Cannot connect to the Docker daemon. Is 'docker -d' running on this host?")
	case c.proto == "unix" && perm:
		return errdefs.Forbidden("permission denied while connecting to the daemon at unix://%s: %w", c.addr, err)
	case c.tls != nil, errors.As(err, &unknown):
		return errdefs.Unavailable("An error occurred trying to connect: %w", err)
	}
	return errdefs.Unavailable("%w. Are you trying to connect to a TLS-enabled daemon without TLS?", err)
}

// vanished explains a connection that ended in the middle of an exchange.
func vanished(doing string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) {
		return errdefs.Unavailable("the daemon closed the connection while %s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
