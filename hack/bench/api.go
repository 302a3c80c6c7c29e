package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// api speaks the HTTP API of an engine, like an SDK does.
type api struct {
	http   *http.Client
	socket string
}

func newAPI(socket string) api { return api{unixClient(socket), socket} }

func unixClient(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
}

// How many requests make one sample of perGet, and how long they may take.
const (
	getsPerSample = 30
	getsAtMost    = 500 * time.Millisecond
)

// perGet is the mean time of a request, in ms, of several on one connection. It
// writes and reads the connection itself: http.Client takes longer on its own way
// than the engines need for the answer.
func (a api) perGet(ctx context.Context, path string) (float64, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", a.socket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	request := []byte("GET /v1.41" + path + " HTTP/1.1\r\nHost: docker\r\n\r\n")
	answers := bufio.NewReaderSize(conn, 64<<10)
	one := func() error {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode >= 300 {
			err = errors.Join(err, fmt.Errorf("GET %s: %s", path, resp.Status))
		}
		return errors.Join(err, resp.Body.Close())
	}
	if err := one(); err != nil { // the first pays for the connection
		return 0, err
	}
	n, began := 0, time.Now()
	for n < getsPerSample && (n == 0 || time.Since(began) < getsAtMost) {
		if err := one(); err != nil {
			return 0, err
		}
		n++
	}
	return time.Since(began).Seconds() * 1e3 / float64(n), nil
}

// do sends a request and decodes the answer, when one is wanted.
func (a api) do(ctx context.Context, method, path string, body, answer any) error {
	var send io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://docker/v1.41"+path, send)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if answer != nil {
		return json.Unmarshal(text, answer)
	}
	return nil
}

type createBody struct {
	Image      string
	Cmd        []string
	HostConfig struct{ NetworkMode string }
}

func (a api) create(ctx context.Context, network string, cmd ...string) (string, error) {
	body := createBody{Image: "busybox", Cmd: cmd}
	body.HostConfig.NetworkMode = network
	var created struct{ ID string }
	err := a.do(ctx, "POST", "/containers/create", body, &created)
	return created.ID, err
}

func (a api) start(ctx context.Context, id string) error {
	return a.do(ctx, "POST", "/containers/"+id+"/start", nil, nil)
}

func (a api) wait(ctx context.Context, id string) error {
	return a.do(ctx, "POST", "/containers/"+id+"/wait", nil, nil)
}

func (a api) remove(ctx context.Context, id string) error {
	return a.do(ctx, "DELETE", "/containers/"+id+"?force=1", nil, nil)
}
