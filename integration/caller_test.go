package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// caller asks a daemon by HTTP and keeps its connections, as an SDK does.
type caller struct{ http *http.Client }

func newCaller(d *daemonproc.Daemon) *caller {
	return &caller{&http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", d.Socket())
		},
	}}}
}

// apiError is an answer that says no.
type apiError struct {
	status int
	text   string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d: %s", e.status, e.text) }

// call sends a request and decodes the answer, when one is wanted.
func (c *caller) call(ctx context.Context, method, path string, body, answer any) error {
	text, err := c.send(ctx, method, path, body)
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(text, answer)
}

// text gets a document as it is.
func (c *caller) text(ctx context.Context, path string) (string, error) {
	text, err := c.send(ctx, http.MethodGet, path, nil)
	return string(text), err
}

func (c *caller) send(ctx context.Context, method, path string, body any) ([]byte, error) {
	var send io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		send = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://docker/v1.41"+path, send)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode >= 300 || resp.StatusCode < 200) {
		err = &apiError{resp.StatusCode, strings.TrimSpace(string(text))}
	}
	return text, err
}
