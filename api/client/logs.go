package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
	"github.com/enginejobs/docker/pkg/stdcopy"
)

type logsOptions struct {
	container                   string
	follow, timestamps, details bool
	tail, since, until          string
}

func newLogs(cli *CLI, flags *mflag.Set) runFunc {
	o := logsOptions{tail: "all"}
	flags.Bool(&o.follow, "-f --follow", "Follow log output")
	flags.Bool(&o.timestamps, "-t --timestamps", "Show timestamps")
	flags.Bool(&o.details, "--details", "Show extra details given to the log")
	flags.String(&o.tail, "-n --tail", "Number of lines to show from the end of the logs")
	flags.String(&o.since, "--since", "Show logs since a time (2013-01-02T13:23:37) or\na span (42m)")
	flags.String(&o.until, "--until", "Show logs before a time or a span")
	return func(ctx context.Context, args []string) error {
		o.container = args[0]
		return cli.logs(ctx, o)
	}
}

// streamTypeVersion is the first API whose media type tells the framing.
const streamTypeVersion = "1.42"

func (cli *CLI) logs(ctx context.Context, o logsOptions) error {
	query := url.Values{"stdout": {"1"}, "stderr": {"1"}, "tail": {o.tail}}
	setFlag(query, "follow", o.follow)
	setFlag(query, "timestamps", o.timestamps)
	setFlag(query, "details", o.details)
	if err := cli.setTimes(query, o.since, o.until); err != nil {
		return err
	}
	resp, err := cli.http.do(ctx, request{method: http.MethodGet, path: containerPath(o.container, "/logs"), query: query})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	framed := resp.Header.Get("Content-Type") == api.MultiplexedStream
	if !framed && !cli.http.atLeast(streamTypeVersion) {
		var c api.ContainerInspect
		if err := cli.http.getJSON(ctx, containerPath(o.container, "/json"), nil, &c); err != nil {
			return err
		}
		framed = c.Config == nil || !c.Config.Tty
	}
	if framed {
		_, err = stdcopy.Copy(cli.Out, cli.Err, resp.Body)
	} else {
		_, err = io.Copy(cli.Out, resp.Body)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return vanished("reading the logs of "+o.container, err)
	}
	return nil
}
