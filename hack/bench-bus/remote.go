package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
)

// remoteContenders are jobs of an engine in another process, in each form that
// package remote has.
func remoteContenders() []contender {
	return []contender{
		{name: nameSession, about: "remote.Dial: one connection, upgraded from HTTP/1.1, for all jobs", serve: serveRemote, dial: dialSession()},
		{name: "session, HTTP/2", about: "remote.Dial with HTTP/2, unencrypted: frames in the bodies of one request", serve: serveRemote, dial: dialSession(remote.WithHTTP2())},
		{name: "remote HTTP/1.1", about: "the plain form: a request for each job, keep-alive, a connection for each caller", serve: serveRemote, dial: dialForm(false)},
		{name: "remote HTTP/2", about: "the plain form on one HTTP/2 connection, unencrypted", serve: serveRemote, dial: dialForm(true)},
	}
}

func serveRemote(ctx context.Context, l net.Listener) error {
	eng, err := newEngine()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/jobs/", remote.Handler(eng, remote.Options{}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute, Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	return serveHTTP(ctx, l, srv)
}

// sessionClient runs jobs on an engine that was dialed.
type sessionClient struct{ eng *remote.Engine }

func dialSession(options ...remote.DialOption) func(context.Context, string) (client, error) {
	return func(ctx context.Context, socket string) (client, error) {
		eng, err := remote.Dial(ctx, "unix://"+socket, options...)
		return sessionClient{eng}, err
	}
}

func (c sessionClient) echo(ctx context.Context, payload string) (string, error) {
	out, err := c.eng.Job("echo", payload).SetContext(ctx).Output()
	return string(out), err
}

func (c sessionClient) stream(ctx context.Context, src io.Reader, dst io.Writer) error {
	return cat(c.eng.Job("cat").SetContext(ctx), src, dst)
}

func cat(job *engine.Job, src io.Reader, dst io.Writer) error {
	if err := job.Stdin.Add(src); err != nil {
		return err
	}
	job.Stdout.Add(dst)
	return job.Run()
}

func (c sessionClient) close() error { return c.eng.Close() }

// formClient sends a request for each job.
type formClient struct{ c *http.Client }

func dialForm(http2 bool) func(context.Context, string) (client, error) {
	return func(_ context.Context, socket string) (client, error) {
		tr := httpTransport(socket)
		if http2 {
			tr.Protocols = new(http.Protocols)
			tr.Protocols.SetUnencryptedHTTP2(true)
		}
		return formClient{&http.Client{Transport: tr}}, nil
	}
}

func (c formClient) echo(ctx context.Context, payload string) (string, error) {
	var out []byte
	err := c.run(ctx, "echo?a="+url.QueryEscape(payload), nil, func(body io.Reader) (err error) {
		out, err = io.ReadAll(body)
		return err
	})
	return string(out), err
}

func (c formClient) stream(ctx context.Context, src io.Reader, dst io.Writer) error {
	return c.run(ctx, "cat", src, func(body io.Reader) error {
		_, err := io.CopyBuffer(writerOnly{dst}, readerOnly{body}, make([]byte, blockSize))
		return err
	})
}

func (c formClient) run(ctx context.Context, job string, src io.Reader, read func(io.Reader) error) error {
	resp, err := post(ctx, c.c, "http://engine/jobs/"+job, src, http.Header{remote.HeaderProtocol: {remote.Protocol}})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := read(resp.Body); err != nil {
		return err
	}
	if status := resp.Trailer.Get(remote.HeaderStatus); status != "0" {
		return fmt.Errorf("the job ended with status %q: %s", status, resp.Trailer.Get(remote.HeaderError))
	}
	return nil
}

func (c formClient) close() error {
	c.c.CloseIdleConnections()
	return nil
}
