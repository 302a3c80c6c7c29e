package client

import (
	"context"
	"net/http"
)

// hijacked is a connection that was taken over from HTTP.
type hijacked struct {
	*conn
	mediaType string
	stop      func() bool
}

// CloseWrite tells the server that no input follows.
func (h *hijacked) CloseWrite() error {
	if half, ok := h.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close ends the connection and its watch.
func (h *hijacked) Close() error {
	h.stop()
	return h.Conn.Close()
}

// hijack makes the request and takes the connection over.
func (c *httpClient) hijack(ctx context.Context, r request) (*hijacked, error) {
	if _, agreed := c.currentVersion(); !agreed {
		if err := c.negotiate(ctx); err != nil {
			return nil, err
		}
	}
	cn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	version, _ := c.currentVersion()
	header := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"tcp"}}
	resp, stop, err := c.send(ctx, cn, r, "/v"+version+r.path, header)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols && resp.StatusCode != http.StatusOK {
		stop()
		defer cn.Close()
		return nil, readError(resp)
	}
	return &hijacked{conn: cn, mediaType: resp.Header.Get("Content-Type"), stop: stop}, nil
}
