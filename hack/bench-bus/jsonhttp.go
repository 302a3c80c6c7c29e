package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// serveHTTP serves h until ctx ends.
func serveHTTP(ctx context.Context, l net.Listener, srv *http.Server) error {
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

func serveJSON(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		var m Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(m) // the client has left
	})
	mux.HandleFunc("POST /stream", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.CopyBuffer(writerOnly{w}, readerOnly{r.Body}, make([]byte, blockSize)) // the client sees that bytes are missing
	})
	return serveHTTP(ctx, l, &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute})
}

// writerOnly and readerOnly keep io.CopyBuffer to the buffer that it was given.
type (
	writerOnly struct{ io.Writer }
	readerOnly struct{ io.Reader }
)

// httpTransport keeps a connection for each caller; the default of two would
// make new ones all the time.
func httpTransport(socket string) *http.Transport {
	return &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dialUnix(ctx, socket) },
		MaxIdleConnsPerHost: maxCallers, DisableCompression: true,
	}
}

type jsonClient struct{ c *http.Client }

func dialJSON(_ context.Context, socket string) (client, error) {
	return jsonClient{&http.Client{Transport: httpTransport(socket)}}, nil
}

func (c jsonClient) echo(ctx context.Context, payload string) (string, error) {
	body, err := json.Marshal(Message{payload})
	if err != nil {
		return "", err
	}
	resp, err := post(ctx, c.c, "http://echo/echo", bytes.NewReader(body), http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var m Message
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, resp.Body) // so that the connection is kept
	return m.Payload, err
}

func (c jsonClient) stream(ctx context.Context, src io.Reader, dst io.Writer) error {
	resp, err := post(ctx, c.c, "http://echo/stream", src, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.CopyBuffer(writerOnly{dst}, readerOnly{resp.Body}, make([]byte, blockSize))
	return err
}

func (c jsonClient) close() error {
	c.c.CloseIdleConnections()
	return nil
}

// post sends a request; an answer that is not 200 is an error.
func post(ctx context.Context, c *http.Client, url string, body io.Reader, h http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return nil, err
	}
	if h != nil {
		req.Header = h
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		resp.Body.Close()
		return nil, fmt.Errorf("answer %s: %s", resp.Status, text)
	}
	return resp, nil
}
