package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
)

// api speaks the HTTP API of an engine, like an SDK does.
type api struct{ http *http.Client }

func unixClient(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
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
